//! The second factor.

use utoipa::openapi::{RefOr, Schema};

use super::Operation;
use super::own::PRIVATE;
use crate::error::ErrorKind;
use crate::http::openapi::operation::Access;
use crate::http::openapi::refusals::{of_forms, throttled};
use crate::http::openapi::schemas::{
    CODES, FACTOR, Member, body, flag, named, optional, otp, password, required, words,
};
use crate::http::problem::Reason;

pub(super) fn generate() -> Operation {
    Operation::new(Access::Enrolling, "users_me_tfa_generate", "Make a secret for an authenticator app")
        .describe("It counts for nothing until it is enabled, by the same session and within ten minutes.")
        .body(body([required("password", password(""))]))
        .gives(200, "The secret, in three forms. Shown this once.", named(FACTOR), PRIVATE)
        .refuses(of_forms(&[Reason::Required("password")]))
        .refuses([ErrorKind::FactorActive, ErrorKind::InvalidCredentials])
        .refuses([throttled()])
}

pub(super) fn enable() -> Operation {
    let secret = required("secret", words("As it was generated."));
    let codes = optional("recovery_codes", flag("Whether to make and show recovery codes."));
    Operation::new(Access::Enrolling, "users_me_tfa_enable", "Make the secret the second factor")
        .describe("Every other session ends.")
        .body(proof([secret, codes]))
        .gives(200, "Enabled, with the recovery codes. Shown this once.", named(CODES), PRIVATE)
        .done(204, "Enabled.", PRIVATE)
        .refuses(of_forms(&[Reason::Required("secret"), Reason::NotABoolean("recovery_codes")]))
        .refuses([ErrorKind::FactorActive, ErrorKind::InvalidFactorSecret])
        .refuses(of_proofs())
}

pub(super) fn disable() -> Operation {
    Operation::new(Access::SignedIn, "users_me_tfa_disable", "Remove the second factor")
        .describe("Every other session ends.")
        .body(proof([]))
        .done(204, "Removed.", PRIVATE)
        .refuses([ErrorKind::FactorInactive])
        .refuses(of_proofs())
}

pub(super) fn recovery_codes() -> Operation {
    Operation::new(Access::SignedIn, "users_me_tfa_recovery_codes", "Make new recovery codes")
        .describe("The old ones are void.")
        .body(proof([]))
        .gives(200, "The codes. Shown this once.", named(CODES), PRIVATE)
        .refuses([ErrorKind::FactorInactive])
        .refuses(of_proofs())
}

/// `otp`, and `password` when the login is not recent.
fn proof(more: impl IntoIterator<Item = Member>) -> RefOr<Schema> {
    let code = required("otp", otp("A code of the authenticator app, or a recovery code where one is in use."));
    body([code, optional("password", password("When the login is not recent."))].into_iter().chain(more))
}

fn of_proofs() -> Vec<crate::http::problem::Problem> {
    let mut problems = of_forms(&[Reason::Required("otp"), Reason::InvalidOtp]);
    problems.extend([ErrorKind::RecentLoginRequired, ErrorKind::InvalidCredentials].map(Into::into));
    problems.push(throttled());
    problems
}
