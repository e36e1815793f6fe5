//! What users do once they are signed in.

use utoipa::openapi::Required;

use super::Operation;
use super::account::url_not_allowed;
use crate::config::AuthConfig;
use crate::error::ErrorKind;
use crate::http::openapi::operation::Access;
use crate::http::openapi::refusals::{of_forms, throttled, weak_password};
use crate::http::openapi::schemas::{
    SESSIONS, USER, body, email, fields, named, new_password, optional, otp, password, required, url, uuid, words,
};
use crate::http::problem::Reason;

pub(super) const PRIVATE: &[&str] = &["cache-control"];

pub(super) fn user() -> Operation {
    Operation::new(Access::Enrolling, "users_me", "Read who is signed in")
        .query(Required::False, "fields", "Only these; all of them without it, or with `*`.", fields())
        .gives(200, "The user: never a hash or a secret.", named(USER), PRIVATE)
        .refuses([ErrorKind::Forbidden])
}

pub(super) fn sessions() -> Operation {
    Operation::new(Access::SignedIn, "auth_sessions", "List own sessions").gives(
        200,
        "Those that are alive, newest first.",
        named(SESSIONS),
        PRIVATE,
    )
}

pub(super) fn end_other_sessions() -> Operation {
    Operation::new(Access::SignedIn, "auth_sessions_end_others", "End all other sessions")
        .done(204, "Only the session that asks is left.", PRIVATE)
}

pub(super) fn end_session() -> Operation {
    Operation::new(Access::SignedIn, "auth_sessions_end", "End a session")
        .path("id", "Of one of the own sessions.", uuid(""))
        .done(204, "It is over.", PRIVATE)
        .refuses([ErrorKind::Forbidden])
}

pub(super) fn change_password(config: &AuthConfig) -> Operation {
    Operation::new(Access::SignedIn, "auth_password_change", "Change the password")
        .describe("Every other session ends.")
        .body(body([
            required("current_password", password("")),
            required("password", new_password(config)),
            optional("otp", otp("With a second factor.")),
        ]))
        .done(204, "Changed.", PRIVATE)
        .refuses(of_forms(&[Reason::Required("current_password"), Reason::Required("password")]))
        .refuses([ErrorKind::InvalidCredentials, ErrorKind::InvalidOtp])
        .refuses(weak_password(config.password_min_length))
        .refuses([throttled()])
}

pub(super) fn invite(config: &AuthConfig) -> Operation {
    let url = url(&config.invitation_urls, "Where the link leads.").map(|url| optional("invite_url", url));
    let role = words("What the user will be.").max_length(Some(64));
    Operation::new(Access::Admin, "users_invite", "Invite a user")
        .describe("Sends a mail with a link to choose a password. For admins.")
        .body(body([required("email", email()), required("role", role)].into_iter().chain(url)))
        .done(204, "There is an invitation, and a mail on its way.", PRIVATE)
        .refuses(of_forms(&[Reason::Required("email"), Reason::NotAnEmail, Reason::NotARole]))
        .refuses([url_not_allowed("invite users")])
        .refuses([
            ErrorKind::EmailTaken,
            ErrorKind::Forbidden,
            ErrorKind::LoginRequired,
            ErrorKind::RecentLoginRequired,
        ])
}
