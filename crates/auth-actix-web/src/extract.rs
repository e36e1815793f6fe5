//! The extractor for handlers behind a guard.

use std::fmt;
use std::future::{Ready, ready};
use std::ops::Deref;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, HttpResponse, ResponseError};
use auth_core::Identity;
use auth_core::http::{Checked, Reply};

use crate::convert::response;

/// Whose request it is. Behind a guard that only identifies, take `Option<CurrentUser>`.
///
/// Where the guard was forgotten, `CurrentUser` is answered with 500, as the bug that it is. `Option<CurrentUser>` is
/// `None` there, whoever asks, and no 500 as in `auth-axum`: actix-web makes `None` of whatever an extractor refuses.
#[derive(Debug, Clone)]
pub struct CurrentUser(pub Identity);

impl Deref for CurrentUser {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.0
    }
}

impl FromRequest for CurrentUser {
    type Error = AuthRejection;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let extensions = request.extensions();
        let checked = extensions.get::<Checked>().ok_or_else(|| AuthRejection(Checked::missing()));
        ready(
            checked.and_then(|checked| checked.require().map(|identity| Self(identity.clone())).map_err(AuthRejection)),
        )
    }
}

/// Why there is no current user.
#[derive(Debug, Clone)]
pub struct AuthRejection(Reply);

impl fmt::Display for AuthRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no current user")
    }
}

impl ResponseError for AuthRejection {
    fn error_response(&self) -> HttpResponse {
        response(self.0.clone())
    }
}
