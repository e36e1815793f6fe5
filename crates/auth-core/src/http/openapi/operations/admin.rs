//! What admins do.

use utoipa::openapi::Required;
use utoipa::openapi::schema::ObjectBuilder;

use super::Operation;
use super::account::url_not_allowed;
use super::own::PRIVATE;
use crate::config::AuthConfig;
use crate::error::ErrorKind;
use crate::http::listing::{MOST, REACH};
use crate::http::openapi::operation::Access;
use crate::http::openapi::refusals::of_forms;
use crate::http::openapi::schemas::{
    ACCOUNT, ACCOUNT_MADE, ACCOUNTS, EVENTS, Member, body, count, email, flag, named, optional, required, role_or_none,
    status, time, url, uuid, words,
};
use crate::http::problem::Reason;

pub(super) fn users() -> Operation {
    let search = words("").max_length(Some(60)).pattern(Some(PLAIN));
    list("users", "List users", id())
        .describe(
            "The highest id first, which for ids of ours is the newest; with `search` by address. Pages by number end at \
             10,000 rows, and no more are counted: `after` goes on from any row. Beside the parameters below, \
             `filter[role][_eq]` and the like compare one field each.",
        )
        .query(Required::False, "search", "What the address begins with.", search)
        .query(Required::False, "filter[status][_eq]", "Those of this status.", status(""))
        .query(Required::False, "filter[admin_access][_eq]", "Admins, or all others.", flag(""))
        .gives(200, "A page.", named(ACCOUNTS), PRIVATE)
        .refuses(of_forms(&[Reason::NotASearch, Reason::NotAFilter, Reason::UnknownStatus, Reason::NotARole]))
}

pub(super) fn create(config: &AuthConfig) -> Operation {
    let url = invite_url(config);
    Operation::new(Access::Admin, "users_create", "Make a user")
        .describe("Without a password: whoever is invited chooses one by the link of a mail.")
        .body(body([required("email", email())].into_iter().chain(changes("`invited` without it.")).chain(url)))
        .gives(200, "The user, and whether the mail is on its way.", named(ACCOUNT_MADE), PRIVATE)
        .refuses(of_forms(&[Reason::Required("email"), Reason::NotAnEmail]))
        .refuses(of_changes())
        .refuses([url_not_allowed("invite users")])
        .refuses([ErrorKind::EmailTaken])
        .refuses(WRITING)
}

pub(super) fn user() -> Operation {
    of_one("users_read", "Read a user")
        .gives(200, "The user: never a hash or a secret.", named(ACCOUNT), PRIVATE)
        .refuses([ErrorKind::Forbidden, ErrorKind::LoginRequired])
}

pub(super) fn update() -> Operation {
    of_one("users_update", "Change a user")
        .describe(
            "All sessions of the user end, but the one that asks. The link of an invitation is void then: send it again.",
        )
        .optional_body(body([optional("email", email())].into_iter().chain(changes(""))))
        .gives(200, "The user.", named(ACCOUNT), PRIVATE)
        .refuses(of_forms(&[Reason::NotAnEmail]))
        .refuses(of_changes())
        .refuses([ErrorKind::OwnAccount, ErrorKind::LastAdmin, ErrorKind::EmailTaken])
        .refuses(WRITING)
}

pub(super) fn delete() -> Operation {
    of_one("users_delete", "Remove a user")
        .done(204, "The user is gone, and all sessions with it.", PRIVATE)
        .refuses([ErrorKind::OwnAccount, ErrorKind::LastAdmin])
        .refuses(WRITING)
}

pub(super) fn invite_again(config: &AuthConfig) -> Operation {
    of_one("users_invite_again", "Send an invitation again")
        .describe("To somebody who is invited and has not accepted.")
        .optional_body(body(invite_url(config)))
        .done(204, "The mail is on its way.", PRIVATE)
        .refuses([url_not_allowed("invite users")])
        .refuses([ErrorKind::NotInvited])
        .refuses(WRITING)
}

pub(super) fn reset_factor() -> Operation {
    of_one("users_tfa_disable", "Remove the second factor of a user")
        .describe("For users who lost it. All sessions of the user end.")
        .optional_body(body([]))
        .done(204, "The user signs in with the password alone.", PRIVATE)
        .refuses([ErrorKind::OwnAccount, ErrorKind::FactorInactive])
        .refuses(WRITING)
}

pub(super) fn events() -> Operation {
    let plain = || id().pattern(Some(PLAIN));
    list("auth_events", "Read the audit trail", uuid(""))
        .describe("The newest first. Pages by number end at 10,000 rows, and no more are counted: `after` goes on.")
        .query(Required::False, "user", "Of this account.", plain())
        .query(Required::False, "actor", "Caused by this admin.", plain())
        .query(Required::False, "type", "Of this type.", plain())
        .query(Required::False, "since", "No older ones than this, in milliseconds since 1970.", time())
        .gives(200, "A page.", named(EVENTS), PRIVATE)
        .refuses(of_forms(&[Reason::NotATime("since")]))
}

fn invite_url(config: &AuthConfig) -> Option<Member> {
    url(&config.invitation_urls, "Where the link of an invitation leads.").map(|url| optional("invite_url", url))
}

/// What every change may be refused for.
const WRITING: [ErrorKind; 3] = [ErrorKind::Forbidden, ErrorKind::LoginRequired, ErrorKind::RecentLoginRequired];

fn of_one(name: &'static str, summary: &'static str) -> Operation {
    Operation::new(Access::Admin, name, summary).path("id", "Of a user.", id())
}

/// A page of rows, whose ids are like `after`.
fn list(name: &'static str, summary: &'static str, after: ObjectBuilder) -> Operation {
    Operation::new(Access::Admin, name, summary)
        .query(Required::False, "limit", "How many rows.", count(MOST))
        .query(Required::False, "page", "Which page.", count(REACH / MOST))
        .query(Required::False, "after", "The id of the last row of the page before.", after)
        .refuses(of_forms(&[
            Reason::NotANumber("limit"),
            Reason::NotANumber("page"),
            Reason::TooFar,
            Reason::NotAnId("after"),
            Reason::Repeated,
        ]))
        .refuses([ErrorKind::Forbidden, ErrorKind::LoginRequired])
}

/// What every client can write without an encoding.
const PLAIN: &str = "^[!-~]+$";

fn id() -> ObjectBuilder {
    words("").max_length(Some(64))
}

fn changes(status_text: &str) -> [Member; 4] {
    [
        optional("role", role_or_none()),
        optional("status", status(status_text)),
        optional("app_access", flag("May use the app.")),
        optional("admin_access", flag("May do everything.")),
    ]
}

fn of_changes() -> Vec<crate::http::problem::Problem> {
    of_forms(&[
        Reason::NotAString("role"),
        Reason::NotARole,
        Reason::UnknownStatus,
        Reason::NotABoolean("admin_access"),
        Reason::PasswordOfAnother,
    ])
}
