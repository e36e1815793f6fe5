//! `GET /users/me`: the user behind the token.

use serde_json::{Map, Value, json};

use super::guard::{Guard, Passage, Verdict};
use super::head::RequestHead;
use super::problem::Problem;
use super::query;
use super::reply::Reply;
use crate::auth::Auth;
use crate::error::ErrorKind;
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
    let data = select(all_fields(&user), head.query.unwrap_or_default())?;
    Ok(Reply::json(200, &json!({ "data": data })).with("cache-control", "private, no-store"))
}

fn all_fields(user: &UserRecord) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("id".to_owned(), user.id.as_str().into());
    fields.insert("email".to_owned(), user.email.as_str().into());
    fields.insert("role".to_owned(), user.role.map_or(Value::Null, |role| role.as_str().into()));
    fields.insert("status".to_owned(), user.status.as_str().into());
    fields
}

/// The fields that `?fields=a,b` asks for; all of them without it, or with `*`. Asking for another one is refused, as
/// Directus does: whoever misspells a name should learn it.
fn select(all: Map<String, Value>, query: &str) -> Result<Map<String, Value>, Problem> {
    let mut wanted = Vec::new();
    for (_, value) in query::parameters(query).filter(|(key, _)| matches!(&**key, "fields" | "fields[]")) {
        wanted.extend(value.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()));
    }
    if wanted.iter().any(|name| name != "*" && !all.contains_key(name)) {
        return Err(ErrorKind::Forbidden.into());
    }
    if wanted.is_empty() || wanted.iter().any(|name| name == "*") {
        return Ok(all);
    }
    Ok(all.into_iter().filter(|(name, _)| wanted.contains(name)).collect())
}
