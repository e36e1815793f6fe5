//! For people who are not signed in and come with a link, or ask for one.

use utoipa::openapi::Required;

use super::Operation;
use crate::config::AuthConfig;
use crate::error::{AuthError, ErrorKind};
use crate::http::openapi::operation::Access;
use crate::http::openapi::refusals::{of_forms, throttled, weak_password};
use crate::http::openapi::schemas::{body, email, new_password, optional, required, url, words};
use crate::http::problem::{Problem, Reason};

const PRIVATE: &[&str] = &["cache-control", "referrer-policy"];
const PRIVATE_WITH_LOCATION: &[&str] = &["cache-control", "referrer-policy", "location"];

pub(super) fn request_reset(config: &AuthConfig) -> Operation {
    let url = url(&config.password_reset_urls, "Where the link leads.").map(|url| optional("reset_url", url));
    Operation::new(Access::Open, "auth_password_request", "Ask for a new password")
        .describe("Sends a mail with a link, if there is such a user: the answer does not tell.")
        .body(body([required("email", email())].into_iter().chain(url)))
        .done(204, "Whoever has this address gets a mail.", PRIVATE)
        .refuses(of_forms(&[Reason::Required("email"), Reason::NotAnEmail]))
        .refuses([url_not_allowed("reset passwords")])
}

pub(super) fn reset_password(config: &AuthConfig) -> Operation {
    with_link("auth_password_reset", "Set a new password", config)
        .describe("By the link of a mail. All sessions end, and nobody is signed in.")
        .done(204, "The password is set.", PRIVATE)
}

pub(super) fn register(config: &AuthConfig) -> Operation {
    let url = url(&config.verification_urls, "Where the browser goes once the address was confirmed.");
    let url = url.map(|url| optional("verification_url", url));
    Operation::new(Access::Open, "users_register", "Register")
        .describe("Sends a mail with a link that confirms the address. The answer does not tell who has an account.")
        .body(body([required("email", email()), required("password", new_password(config))].into_iter().chain(url)))
        .done(204, "Whoever has this address gets a mail.", PRIVATE)
        .refuses(of_forms(&[Reason::Required("email"), Reason::NotAnEmail]))
        .refuses([url_not_allowed("verify users"), throttled()])
        .refuses(weak_password(config.password_min_length))
}

pub(super) fn verify_email() -> Operation {
    Operation::new(Access::Open, "users_register_verify", "Confirm an address")
        .describe("Where the link of a registration leads. A HEAD confirms nothing.")
        .query(Required::True, "token", "As the link has it.", words(""))
        .done(204, "Confirmed.", PRIVATE)
        .done(302, "Confirmed; the registration said where to go on.", PRIVATE_WITH_LOCATION)
        .refuses(of_forms(&[Reason::Required("token")]))
        .refuses(LINK)
}

pub(super) fn accept_invitation(config: &AuthConfig) -> Operation {
    with_link("users_invite_accept", "Accept an invitation", config)
        .describe("By the link of a mail: sets the first password. Nobody is signed in.")
        .done(204, "The user can sign in.", PRIVATE)
}

const LINK: [ErrorKind; 3] = [ErrorKind::InvalidLink, ErrorKind::LinkExpired, ErrorKind::LinkUsed];

fn with_link(id: &'static str, summary: &'static str, config: &AuthConfig) -> Operation {
    Operation::new(Access::Open, id, summary)
        .body(body([required("token", words("As the link has it.")), required("password", new_password(config))]))
        .refuses(of_forms(&[Reason::Required("token"), Reason::Required("password")]))
        .refuses(LINK)
        .refuses(weak_password(config.password_min_length))
}

pub(super) fn url_not_allowed(what: &str) -> Problem {
    let reason = format!("URL \"https://elsewhere.example\" can't be used to {what}");
    AuthError::new(ErrorKind::UrlNotAllowed, reason).into()
}
