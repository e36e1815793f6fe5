//! Personal access tokens.

use super::Operation;
use super::own::PRIVATE;
use crate::error::ErrorKind;
use crate::http::openapi::operation::Access;
use crate::http::openapi::refusals::{of_forms, throttled};
use crate::http::openapi::schemas::{
    NEW_TOKEN, PERSONAL_TOKENS, body, moment, named, optional, password, required, scopes, uuid, words,
};
use crate::http::problem::Reason;

pub(super) fn list() -> Operation {
    Operation::new(Access::SignedIn, "auth_tokens", "List own access tokens").gives(
        200,
        "Those that are good. What is sent with requests is not told again.",
        named(PERSONAL_TOKENS),
        PRIVATE,
    )
}

pub(super) fn create() -> Operation {
    let name = words("What the user calls it.").max_length(Some(100));
    Operation::new(Access::SignedIn, "auth_tokens_create", "Make an access token for a program")
        .body(body([
            required("name", name),
            optional("expires_at", moment("When it ends, in milliseconds since 1970. Without it, as late as it may.")),
            optional("scopes", scopes("What it may do. Without them, what the user may.")),
            optional("password", password("When the login is not recent.")),
        ]))
        .gives(200, "The token: what is sent with requests is told this once.", named(NEW_TOKEN), PRIVATE)
        .refuses(of_forms(&[
            Reason::Required("name"),
            Reason::NotAName,
            Reason::NotATime("expires_at"),
            Reason::NotAList("scopes"),
            Reason::NotScopes,
        ]))
        .refuses([ErrorKind::InvalidExpiry, ErrorKind::TooManyTokens, ErrorKind::RecentLoginRequired])
        .refuses([ErrorKind::InvalidCredentials])
        .refuses([throttled()])
}

pub(super) fn revoke() -> Operation {
    Operation::new(Access::SignedIn, "auth_tokens_revoke", "Revoke an access token")
        .path("id", "Of one of the own tokens.", uuid(""))
        .done(204, "It is worth nothing.", PRIVATE)
        .refuses([ErrorKind::Forbidden])
}
