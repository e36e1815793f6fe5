//! Login, refresh and logout, and what is public.

use super::Operation;
use crate::error::ErrorKind;
use crate::http::openapi::operation::Access;
use crate::http::openapi::refusals::{of_forms, throttled};
use crate::http::openapi::schemas::{
    HEALTH, KEYS, PROVIDERS, TOKENS, body, document as any_document, email, mode, named, optional, otp, password,
    required, words,
};
use crate::http::problem::{Problem, Reason};

const TOKEN_HEADERS: &[&str] = &["cache-control", "set-cookie"];

pub(super) fn login() -> Operation {
    Operation::new(Access::Open, "auth_login", "Sign in")
        .describe(
            "Opens a session. `mode` says where its tokens go: `json` gives both, `cookie` sets the refresh token in a \
             cookie, `session` sets one cookie that does everything. A login that sets a cookie must come from our own \
             pages, and ends the sessions of the cookies it came with.",
        )
        .body(body([
            required("email", email()),
            required("password", password("")),
            optional("otp", otp("With a second factor: a code of the authenticator app, or a recovery code.")),
            optional("mode", mode("`json` unless it says otherwise.")),
        ]))
        .gives(200, "The tokens, as `mode` asks for them.", named(TOKENS), TOKEN_HEADERS)
        .refuses(of_forms(&[Reason::Required("email"), Reason::NotAnEmail, Reason::UnknownMode, Reason::CookieTwice]))
        .refuses([ErrorKind::InvalidCredentials, ErrorKind::InvalidOtp])
        .refuses([Problem::CrossSite, throttled()])
}

pub(super) fn refresh() -> Operation {
    Operation::new(Access::RefreshToken, "auth_refresh", "Get the next tokens")
        .describe(
            "The old refresh token is worth nothing after the grace period; used again after that, it ends its session. \
             Without `mode` the answer is `json` when the body has a token, else `cookie`, and an empty body will do.",
        )
        .optional_body(body([
            optional("refresh_token", words("Unless it is in a cookie.")),
            optional("mode", mode("Which token is read, and where the next one goes.")),
        ]))
        .gives(200, "The tokens, as `mode` asks for them.", named(TOKENS), TOKEN_HEADERS)
        .refuses(of_forms(&[Reason::NoRefreshToken, Reason::UnknownMode, Reason::CookieTwice, Reason::CookieToJson]))
        .refuses([ErrorKind::InvalidCredentials, ErrorKind::SessionOver])
        .refuses([Problem::CrossSite])
}

pub(super) fn logout() -> Operation {
    Operation::new(Access::RefreshToken, "auth_logout", "Sign out")
        .describe("Ends the session of the token, and clears the cookie it is in. A session that is over is no error.")
        .optional_body(body([
            optional("refresh_token", words("Unless it is in a cookie.")),
            optional("mode", mode("Which token is read.")),
        ]))
        .done(204, "Signed out.", TOKEN_HEADERS)
        .refuses(of_forms(&[Reason::NoRefreshToken, Reason::UnknownMode, Reason::CookieTwice]))
        .refuses([Problem::CrossSite])
}

pub(super) fn providers() -> Operation {
    Operation::new(Access::Public, "auth_providers", "List the single sign-on providers").gives(
        200,
        "There are none.",
        named(PROVIDERS),
        &[],
    )
}

pub(super) fn jwks() -> Operation {
    Operation::new(Access::Public, "auth_jwks", "Read the public keys of access tokens")
        .describe("A JWK set (RFC 7517): empty where a secret signs.")
        .gives(200, "The keys.", named(KEYS), &["cache-control"])
}

pub(super) fn document() -> Operation {
    Operation::new(Access::Public, "auth_openapi", "Read this document").gives(
        200,
        "An OpenAPI 3.1 document of the routes that are mounted.",
        any_document(),
        &[],
    )
}

pub(super) fn health() -> Operation {
    Operation::new(Access::Open, "auth_health", "Ask whether requests can be served").gives(
        200,
        "The store answers.",
        named(HEALTH),
        &["cache-control"],
    )
}
