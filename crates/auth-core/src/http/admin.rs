//! The routes of admins: `/users`, invitations, and the audit trail.

use serde::Serialize;

use super::account::email_field;
use super::body::{Fields, Json};
use super::head::RequestHead;
use super::listing;
use super::problem::{Problem, Reason};
use super::query;
use super::reply::{Data, Reply};
use crate::auth::Auth;
use crate::error::ErrorKind;
use crate::event::{AdminAction, EventDetails, EventName};
use crate::id::{EventId, Role, SessionId, TokenId, UserId};
use crate::service::{AccountChange, Admin, NewAccount};
use crate::store::{EventRecord, UserStatus, UserSummary};
use crate::token::Identity;

/// What an admin asks for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Administration {
    Users,
    Create,
    User,
    Update,
    Delete,
    Invite,
    InviteAgain,
    ResetFactor,
}

impl Administration {
    pub(super) async fn answer(
        self,
        auth: &Auth,
        identity: &Identity,
        head: &RequestHead<'_>,
        fields: impl Future<Output = Result<Fields, Problem>>,
    ) -> Result<Reply, Problem> {
        // Rights are those of when the whole request is here: a body may be slow. And they come before anything is said
        // about it: whoever may not ask learns no more than that.
        let fields = fields.await;
        let admin = auth.admin_to(Some(self.action()), identity, &auth.inner.wire.clients.of(head)).await?;
        let fields = &fields?;
        match self {
            Self::Users => users(&admin, head).await,
            Self::Create => create(auth, &admin, fields).await,
            Self::User => shown(admin.user(&user_id(head, 0)?).await?),
            Self::Update => {
                let (id, change) = (user_id(head, 0)?, change(fields)?);
                found(admin.update_user(&id, change).await?)?;
                shown(admin.user(&id).await?)
            }
            Self::Delete => {
                found(admin.delete_user(&user_id(head, 0)?).await?)?;
                Ok(Reply::new(204))
            }
            Self::Invite => {
                let email = email_field(fields)?;
                let role = fields.required("role").map_err(Problem::payload)?;
                let role = Role::new(role).map_err(|_| Problem::payload(Reason::NotARole))?;
                let url = fields.optional("invite_url").map_err(Problem::payload)?;
                admin.invite(email, role, url).await?;
                Ok(Reply::new(204))
            }
            Self::InviteAgain => {
                let url = fields.optional("invite_url").map_err(Problem::payload)?;
                found(admin.invite_again(&user_id(head, 1)?, url).await?)?;
                Ok(Reply::new(204))
            }
            Self::ResetFactor => {
                found(admin.reset_second_factor(&user_id(head, 2)?).await?)?;
                Ok(Reply::new(204))
            }
        }
    }

    const fn action(self) -> AdminAction {
        match self {
            Self::Users => AdminAction::ListUsers,
            Self::Create => AdminAction::CreateUser,
            Self::User => AdminAction::ReadUser,
            Self::Update => AdminAction::UpdateUser,
            Self::Delete => AdminAction::DeleteUser,
            Self::ResetFactor => AdminAction::ResetFactor,
            Self::Invite | Self::InviteAgain => AdminAction::Invite,
        }
    }
}

/// The audit trail, which there is also where users live elsewhere.
pub(super) async fn events(auth: &Auth, identity: &Identity, head: &RequestHead<'_>) -> Result<Reply, Problem> {
    auth.require_admin(AdminAction::ReadEvents, identity, &auth.inner.wire.clients.of(head)).await?;
    let page = listing::event_page(head.query.unwrap_or_default()).map_err(Problem::payload)?;
    let events = auth.events(&page).await?;
    let counted = auth.count_events(&page.filter, listing::REACH + 1).await?;
    Ok(listing::reply(&events.iter().map(Event::of).collect::<Vec<_>>(), counted))
}

async fn users(admin: &Admin<'_>, head: &RequestHead<'_>) -> Result<Reply, Problem> {
    let page = listing::user_page(head.query.unwrap_or_default()).map_err(Problem::payload)?;
    let users = admin.users(&page).await?;
    let counted = admin.count_users(&page.filter, listing::REACH + 1).await?;
    Ok(listing::reply(&users.iter().map(User::of).collect::<Vec<_>>(), counted))
}

async fn create(auth: &Auth, admin: &Admin<'_>, fields: &Fields) -> Result<Reply, Problem> {
    let mut account = NewAccount::new(email_field(fields)?);
    let change = change(fields)?;
    account.role = change.role.flatten();
    account.status = change.status.unwrap_or(account.status);
    account.app_access = change.app_access.unwrap_or(account.app_access);
    account.admin_access = change.admin_access.unwrap_or(account.admin_access);
    let url = fields.optional("invite_url").map_err(Problem::payload)?;
    let user = admin.create_user(account, url).await?;
    let invitation_mailed = user.status == UserStatus::Invited && auth.inner.outbox.is_some();
    Ok(Reply::json(200, &Data { data: Made { user: User::of(&user), invitation_mailed } }))
}

/// What the body says of a user. A password is refused, not ignored: whoever sends one believes that it was set
/// (requirement P9).
fn change(fields: &Fields) -> Result<AccountChange, Problem> {
    if fields.value("password").is_some() {
        return Err(Problem::payload(Reason::PasswordOfAnother));
    }
    let email = fields.value("email").map(|_| email_field(fields)).transpose()?;
    let status = fields.optional("status").map_err(Problem::payload)?;
    let status = status.map(|name| UserStatus::from_name(name).ok_or(Problem::payload(Reason::UnknownStatus)));
    let role = match fields.value("role") {
        Some(Json::Null) => Some(None),
        _ => {
            let role = fields.optional("role").map_err(Problem::payload)?.map(Role::new).transpose();
            role.map_err(|_| Problem::payload(Reason::NotARole))?.map(Some)
        }
    };
    Ok(AccountChange {
        email,
        status: status.transpose()?,
        role,
        app_access: fields.optional_flag("app_access").map_err(Problem::payload)?,
        admin_access: fields.optional_flag("admin_access").map_err(Problem::payload)?,
    })
}

/// The segment of the path that is so many before the last. What is no id is the id of nobody.
fn user_id(head: &RequestHead<'_>, before_last: usize) -> Result<UserId, Problem> {
    let segment = head.path.rsplit('/').nth(before_last).map(query::segment);
    Ok(segment.and_then(|id| UserId::new(&id).ok()).ok_or(ErrorKind::Forbidden)?)
}

/// As Directus answers: what is not there is forbidden.
fn found(is_there: bool) -> Result<(), Problem> {
    if is_there { Ok(()) } else { Err(ErrorKind::Forbidden.into()) }
}

fn shown(user: Option<UserSummary>) -> Result<Reply, Problem> {
    let user = user.ok_or(ErrorKind::Forbidden)?;
    Ok(Reply::json(200, &Data { data: User::of(&user) }))
}

/// A user as an admin sees one: never a hash or a secret. Times are milliseconds since 1970.
#[derive(Serialize)]
struct User<'a> {
    id: &'a UserId,
    email: &'a str,
    role: Option<&'a Role>,
    status: &'static str,
    app_access: bool,
    admin_access: bool,
    tfa_enabled: bool,
    created_at: i64,
}

impl<'a> User<'a> {
    fn of(user: &'a UserSummary) -> Self {
        Self {
            id: &user.id,
            email: &user.email,
            role: user.role.as_ref(),
            status: user.status.as_str(),
            app_access: user.app_access,
            admin_access: user.admin_access,
            tfa_enabled: user.has_factor,
            created_at: user.created_at.as_millis(),
        }
    }
}

/// A user who was just made.
#[derive(Serialize)]
struct Made<'a> {
    #[serde(flatten)]
    user: User<'a>,
    /// Otherwise nobody told the user: whoever is invited then cannot accept.
    invitation_mailed: bool,
}

/// An event of the audit trail. Times are milliseconds since 1970.
#[derive(Serialize)]
struct Event<'a> {
    id: EventId,
    at: i64,
    r#type: &'a EventName,
    times: u64,
    outcome: &'static str,
    user: Option<&'a UserId>,
    actor: Option<&'a UserId>,
    session: Option<SessionId>,
    token: Option<TokenId>,
    details: Vec<&'a str>,
    ip: Option<String>,
    user_agent: Option<&'a str>,
}

impl<'a> Event<'a> {
    fn of(event: &'a EventRecord) -> Self {
        Self {
            id: event.id,
            at: event.at.as_millis(),
            r#type: &event.kind,
            times: event.times,
            outcome: event.outcome.as_str(),
            user: event.user.as_ref(),
            actor: event.actor.as_ref(),
            session: event.session,
            token: event.token,
            details: event.details.iter().flat_map(EventDetails::names).collect(),
            ip: event.ip.map(|ip| ip.to_string()),
            user_agent: event.user_agent.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests;
