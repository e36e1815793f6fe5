//! Routes for people who are not signed in and come with a link, or ask for one.

use super::body::Fields;
use super::head::RequestHead;
use super::problem::{Problem, Reason};
use super::query;
use super::reply::Reply;
use crate::auth::Auth;
use crate::email::Email;
use crate::secret::Password;

/// What somebody asks for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Account {
    RequestReset,
    Reset,
    Register,
    VerifyEmail,
    AcceptInvitation,
}

/// There is a token in the URL of one of them, and the answers are for one reader.
const PRIVATE: &[(&str, &str)] = &[("cache-control", "no-store"), ("referrer-policy", "no-referrer")];

pub(super) async fn handle(
    auth: &Auth,
    account: Account,
    head: &RequestHead<'_>,
    fields: &Fields,
) -> Result<Reply, Problem> {
    let reply = match account {
        Account::RequestReset => {
            request_reset(auth, fields).await?;
            Reply::new(204)
        }
        Account::Reset => {
            reset(auth, head, fields).await?;
            Reply::new(204)
        }
        Account::Register => {
            let email = email_field(fields)?;
            let password = Password::new(fields.required("password").map_err(Problem::payload)?);
            let then = fields.optional("verification_url").map_err(Problem::payload)?;
            auth.register(email, password, then, &auth.inner.wire.clients.of(head)).await?;
            Reply::new(204)
        }
        Account::VerifyEmail => {
            let mut tokens = query::parameters(head.query.unwrap_or_default()).filter(|(key, _)| key == "token");
            let token = tokens.next().ok_or(Problem::payload(Reason::Required("token")))?.1;
            // The one GET that changes state, as the contract has it. A HEAD is somebody who only looks (requirement C8).
            if head.method == "HEAD" {
                return Ok(Reply::new(204).with_all(PRIVATE));
            }
            match auth.verify_email(&token, &auth.inner.wire.clients.of(head)).await? {
                Some(url) => Reply::new(302).with("location", url),
                None => Reply::new(204),
            }
        }
        Account::AcceptInvitation => {
            let (token, password) = link_fields(fields).map_err(Problem::payload)?;
            auth.accept_invitation(token, password, &auth.inner.wire.clients.of(head)).await?;
            Reply::new(204)
        }
    };
    Ok(reply.with_all(PRIVATE))
}

pub(super) async fn request_reset(auth: &Auth, fields: &Fields) -> Result<(), Problem> {
    let email = email_field(fields)?;
    let url = fields.optional("reset_url").map_err(Problem::payload)?;
    Ok(auth.request_password_reset(email, url).await?)
}

pub(super) async fn reset(auth: &Auth, head: &RequestHead<'_>, fields: &Fields) -> Result<(), Problem> {
    let (token, password) = link_fields(fields).map_err(Problem::payload)?;
    Ok(auth.reset_password(token, password, &auth.inner.wire.clients.of(head)).await?)
}

pub(super) fn email_field(fields: &Fields) -> Result<Email, Problem> {
    let email = fields.required("email").map_err(Problem::payload)?;
    Email::parse(email).map_err(|_| Problem::payload(Reason::NotAnEmail))
}

fn link_fields(fields: &Fields) -> Result<(&str, Password), Reason> {
    Ok((fields.required("token")?, Password::new(fields.required("password")?)))
}
