//! The extractor for handlers behind a guard.

use std::ops::Deref;

use auth_core::Identity;
use auth_core::http::{Checked, Reply};
use axum::body::Body;
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::response::{IntoResponse, Response};
use http::request::Parts;

use crate::convert::response;

/// Whose request it is. Behind a guard that only identifies, take `Option<CurrentUser>`.
#[derive(Debug, Clone)]
pub struct CurrentUser(pub Identity);

impl Deref for CurrentUser {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.0
    }
}

impl<S: Send + Sync> FromRequestParts<S> for CurrentUser {
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let checked = parts.extensions.get::<Checked>().ok_or_else(|| AuthRejection(Checked::missing()))?;
        checked.require().map(|identity| Self(identity.clone())).map_err(AuthRejection)
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for CurrentUser {
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Self::Rejection> {
        let checked = parts.extensions.get::<Checked>().ok_or_else(|| AuthRejection(Checked::missing()))?;
        Ok(checked.identity().cloned().map(Self))
    }
}

/// Why there is no current user.
#[derive(Debug)]
pub struct AuthRejection(Reply);

impl IntoResponse for AuthRejection {
    fn into_response(self) -> Response {
        response::<Body>(self.0)
    }
}
