//! `GET /users/me`: the user behind the token.

use serde::{Serialize, Serializer};

use super::guard::{Guard, Passage, Verdict};
use super::head::RequestHead;
use super::problem::Problem;
use super::query;
use super::reply::{Data, Reply};
use crate::auth::Auth;
use crate::error::ErrorKind;
use crate::id::Role;
use crate::store::{UserRecord, UserStatus};

pub(super) async fn handle(auth: &Auth, head: &RequestHead<'_>) -> Reply {
    let guard = Guard::new(auth);
    let verdict = match guard.check(head) {
        Verdict::Ask(check) => check.resolve().await,
        verdict => verdict,
    };
    match verdict {
        Verdict::Allowed(passage) => {
            let reply = answer(auth, &passage, head).await.unwrap_or_else(|problem| guard.refuse(&problem));
            reply.with_all(passage.response_headers)
        }
        Verdict::Refused(reply) => reply,
        // A resolved check asks no more.
        Verdict::Ask(_) => guard.refuse(&ErrorKind::Internal.into()),
    }
}

async fn answer(auth: &Auth, passage: &Passage, head: &RequestHead<'_>) -> Result<Reply, Problem> {
    let identity = passage.checked.identity().ok_or(ErrorKind::MissingToken)?;
    // A stateless token may outlive its user: then it is worth nothing here.
    let user = auth.find_user(identity.user()).await?;
    let user = user.filter(|user| user.status == UserStatus::Active).ok_or(ErrorKind::InvalidToken)?;
    let fields = User::of(&user).select(head.query.unwrap_or_default())?;
    Ok(Reply::json(200, &Data { data: fields }).with("cache-control", "private, no-store"))
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
