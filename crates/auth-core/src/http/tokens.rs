//! The routes of personal access tokens: `/auth/tokens`.

use serde::{Serialize, Serializer};

use super::body::{Fields, Json};
use super::head::RequestHead;
use super::problem::{Problem, Reason};
use super::reply::{Data, Reply};
use crate::auth::Auth;
use crate::error::ErrorKind;
use crate::id::TokenId;
use crate::secret::Password;
use crate::service::{NewPersonalToken, PersonalToken};
use crate::token::{Identity, TokenName, TokenScopes};

/// What is done with the tokens.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tokens {
    List,
    Create,
    Revoke,
}

impl Tokens {
    pub(super) async fn answer(
        self,
        auth: &Auth,
        identity: &Identity,
        head: &RequestHead<'_>,
        fields: &Fields,
    ) -> Result<Reply, Problem> {
        let client = auth.inner.wire.clients.of(head);
        match self {
            Self::List => {
                let tokens = auth.personal_tokens(identity).await?;
                Ok(Reply::json(
                    200,
                    &Data { data: tokens.iter().map(|token| Token::of(token, None)).collect::<Vec<_>>() },
                ))
            }
            Self::Create => {
                let request = new_token(fields).map_err(Problem::payload)?;
                let (token, value) = auth.create_personal_token(identity, request, &client).await?;
                Ok(Reply::json(200, &Data { data: Token::of(&token, Some(value.expose_secret())) }))
            }
            Self::Revoke => {
                // What is no id is the id of no token of this user.
                let id = head.path.rsplit('/').next().and_then(|id| id.parse::<TokenId>().ok());
                auth.revoke_personal_token(identity, id.ok_or(ErrorKind::Forbidden)?, &client).await?;
                Ok(Reply::new(204))
            }
        }
    }
}

fn new_token(fields: &Fields) -> Result<NewPersonalToken, Reason> {
    let name = TokenName::new(fields.required("name")?).map_err(|_| Reason::NotAName)?;
    let mut request = NewPersonalToken::new(name);
    if let Some(at) = fields.time("expires_at")? {
        request = request.expires_at(at);
    }
    if let Some(list) = fields.list("scopes")? {
        let names: Option<Vec<&str>> = list.iter().map(Json::as_text).collect();
        let scopes = TokenScopes::new(names.ok_or(Reason::NotScopes)?);
        request = request.scopes(scopes.map_err(|_| Reason::NotScopes)?);
    }
    Ok(match fields.optional("password")? {
        Some(password) => request.password(Password::new(password)),
        None => request,
    })
}

/// A token as its owner sees it. Times are milliseconds since 1970.
#[derive(Serialize)]
struct Token<'a> {
    id: TokenId,
    name: &'a str,
    scopes: Option<Names<'a>>,
    created_at: i64,
    expires_at: i64,
    last_used_at: Option<i64>,
    /// The token itself, when it was just made: it is never told again.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
}

impl<'a> Token<'a> {
    fn of(token: &'a PersonalToken, value: Option<&'a str>) -> Self {
        Self {
            id: token.id,
            name: token.name.as_str(),
            scopes: token.scopes.as_ref().map(Names),
            created_at: token.created_at.as_millis(),
            expires_at: token.expires_at.as_millis(),
            last_used_at: token.last_used_at.map(|at| at.as_millis()),
            token: value,
        }
    }
}

struct Names<'a>(&'a TokenScopes);

impl Serialize for Names<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter())
    }
}
