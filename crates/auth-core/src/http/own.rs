//! What users do once they are signed in: `GET /users/me`, their sessions (requirement R12), their password (requirement
//! P8), second factor and personal access tokens, and what admins do.

use serde::{Serialize, Serializer};

use super::admin::{self, Administration};
use super::body::Fields;
use super::guard::Guard;
use super::head::RequestHead;
use super::problem::{Problem, Reason};
use super::query;
use super::reply::{Data, Reply};
use super::tfa::Tfa;
use super::tokens::Tokens;
use crate::auth::Auth;
use crate::error::ErrorKind;
use crate::id::{Role, SessionId};
use crate::secret::{OneTimePassword, Password};
use crate::service::{OwnSession, PasswordChange};
use crate::store::{UserRecord, UserStatus};
use crate::token::Identity;

/// What the signed-in user asks for.
#[derive(Clone, Copy)]
pub(super) enum Own {
    User,
    Sessions,
    EndOtherSessions,
    EndSession,
    Tfa(Tfa),
    Tokens(Tokens),
    ChangePassword,
    Admin(Administration),
    Events,
}

impl Own {
    /// Who may ask. What is part of setting up a second factor is open to whoever may do nothing else. How a user signs in
    /// is no matter for programs; whose token they hold they may ask.
    pub(super) fn guard(self, auth: &Auth) -> Guard {
        let guard = Guard::new(auth);
        match self {
            Self::User => guard.for_enrolment().any_scope(),
            Self::Tfa(Tfa::Generate | Tfa::Enable) => guard.for_enrolment().login_only(),
            Self::Tfa(Tfa::Disable | Tfa::RecoveryCodes)
            | Self::Sessions
            | Self::EndOtherSessions
            | Self::EndSession
            | Self::Tokens(_)
            | Self::ChangePassword
            // A token has an end, and an admin whom it made would have none.
            | Self::Admin(_)
            | Self::Events => guard.login_only(),
        }
    }
}

/// What is told of a user is for that user alone.
const PRIVATE: (&str, &str) = ("cache-control", "private, no-store");

/// Who asks is known before anything of what is asked is read, or said.
pub(super) async fn handle(
    auth: &Auth,
    own: Own,
    head: &RequestHead<'_>,
    fields: impl Future<Output = Result<Fields, Problem>>,
) -> Reply {
    let guard = own.guard(auth);
    let passage = match guard.decide(head).await {
        Ok(passage) => passage,
        Err(reply) => return reply,
    };
    let reply = match passage.checked.require() {
        Ok(identity) => {
            answer(auth, own, identity, head, fields).await.unwrap_or_else(|problem| guard.refuse(&problem))
        }
        Err(reply) => reply,
    };
    reply.with_all(passage.response_headers)
}

async fn answer(
    auth: &Auth,
    own: Own,
    identity: &Identity,
    head: &RequestHead<'_>,
    fields: impl Future<Output = Result<Fields, Problem>>,
) -> Result<Reply, Problem> {
    let reply = match own {
        Own::User => {
            let user = user(auth, identity).await?;
            let fields = User::of(&user).select(head.query.unwrap_or_default())?;
            Reply::json(200, &Data { data: fields })
        }
        Own::Sessions => {
            let sessions = auth.sessions(identity).await?;
            Reply::json(200, &Data { data: sessions.iter().map(Session::of).collect::<Vec<_>>() })
        }
        Own::EndOtherSessions => {
            auth.end_other_sessions(identity, &auth.inner.wire.clients.of(head)).await?;
            Reply::new(204)
        }
        Own::EndSession => {
            // What is no id is the id of no session of this user.
            let id = head.path.rsplit('/').next().and_then(|id| id.parse().ok()).ok_or(ErrorKind::Forbidden)?;
            auth.end_session(identity, id, &auth.inner.wire.clients.of(head)).await?;
            Reply::new(204)
        }
        Own::Tfa(tfa) => tfa.answer(auth, identity, &fields.await?, &auth.inner.wire.clients.of(head)).await?,
        Own::Tokens(tokens) => tokens.answer(auth, identity, head, &fields.await?).await?,
        Own::ChangePassword => {
            let change = password_change(&fields.await?).map_err(Problem::payload)?;
            auth.change_password(identity, change, &auth.inner.wire.clients.of(head)).await?;
            Reply::new(204)
        }
        Own::Events => admin::events(auth, identity, head).await?,
        Own::Admin(administration) => administration.answer(auth, identity, head, fields).await?,
    };
    Ok(reply.with_all(&[PRIVATE]))
}

/// The user as stored now.
pub(super) async fn user(auth: &Auth, identity: &Identity) -> Result<UserRecord, Problem> {
    // A stateless token may outlive its user: then it is worth nothing here.
    let user = auth.find_user(identity.user()).await?;
    Ok(user.filter(|user| user.status == UserStatus::Active).ok_or(ErrorKind::InvalidToken)?)
}

fn password_change(fields: &Fields) -> Result<PasswordChange, Reason> {
    let current = Password::new(fields.required("current_password")?);
    let change = PasswordChange::new(current, Password::new(fields.required("password")?));
    Ok(match fields.optional("otp")? {
        Some(otp) => change.otp(OneTimePassword::new(otp)),
        None => change,
    })
}

/// A session as its owner sees it. Times are milliseconds since 1970.
#[derive(Serialize)]
struct Session<'a> {
    id: SessionId,
    created_at: i64,
    last_used_at: i64,
    ip: Option<String>,
    user_agent: Option<&'a str>,
    current: bool,
}

impl<'a> Session<'a> {
    fn of(session: &'a OwnSession) -> Self {
        Self {
            id: session.id,
            created_at: session.created_at.as_millis(),
            last_used_at: session.last_used_at.as_millis(),
            ip: session.client.ip.map(|ip| ip.to_string()),
            user_agent: session.client.user_agent.as_deref(),
            current: session.is_current,
        }
    }
}

/// What is told of a user, in order: never a hash or a secret.
struct User<'a>(Vec<(&'static str, Option<&'a str>)>);

impl<'a> User<'a> {
    fn of(user: &'a UserRecord) -> Self {
        Self(vec![
            ("id", Some(user.id.as_str())),
            ("email", Some(user.email.as_str())),
            ("role", user.role.as_ref().map(Role::as_str)),
            ("status", Some(user.status.as_str())),
        ])
    }

    /// The fields that `?fields=a,b` asks for; all of them without it, or with `*`. Asking for another one is refused,
    /// as Directus does: whoever misspells a name should learn it.
    fn select(self, query: &str) -> Result<Self, Problem> {
        let mut wanted = Vec::new();
        for (_, value) in query::parameters(query).filter(|(key, _)| matches!(&**key, "fields" | "fields[]")) {
            wanted.extend(value.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()));
        }
        if wanted.iter().any(|name| name != "*" && !self.0.iter().any(|(field, _)| field == name)) {
            return Err(ErrorKind::Forbidden.into());
        }
        if wanted.is_empty() || wanted.iter().any(|name| name == "*") {
            return Ok(self);
        }
        Ok(Self(self.0.into_iter().filter(|(field, _)| wanted.iter().any(|name| name == field)).collect()))
    }
}

impl Serialize for User<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}
