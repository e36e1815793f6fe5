//! Personal access tokens: made by users who just signed in, listed, revoked, and looked up at each use.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::auth::{Auth, Inner};
use crate::client::ClientInfo;
use crate::clock::Timestamp;
use crate::config::PersonalTokens;
use crate::error::{AuthError, ErrorKind};
use crate::event::EventKind;
use crate::hooks::ResolvedToken;
use crate::id::TokenId;
use crate::secret::{OpaqueToken, Password};
use crate::store::{NewTokenRecord, Swap, TokenCreated, TokenHash, TokenRecord};
use crate::token::{Identity, TokenName, TokenScopes, personal};

/// How old the last use in the store may be before a use is written again, in milliseconds.
const USE_EVERY: i64 = 60_000;

/// A token that a user asks for.
#[derive(Debug, Clone)]
pub struct NewPersonalToken {
    name: TokenName,
    expires_at: Option<Timestamp>,
    scopes: Option<TokenScopes>,
    password: Option<Password>,
}

impl NewPersonalToken {
    /// For whatever the user may do, as long as a token may live.
    #[must_use]
    pub const fn new(name: TokenName) -> Self {
        Self { name, expires_at: None, scopes: None, password: None }
    }

    /// Until this moment.
    #[must_use]
    pub const fn expires_at(mut self, at: Timestamp) -> Self {
        self.expires_at = Some(at);
        self
    }

    /// Limited to these scopes.
    #[must_use]
    pub fn scopes(mut self, scopes: TokenScopes) -> Self {
        self.scopes = Some(scopes);
        self
    }

    /// With the password: good however long ago the login is.
    #[must_use]
    pub fn password(mut self, password: Password) -> Self {
        self.password = Some(password);
        self
    }
}

/// A personal access token as its owner sees it: all but the token.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PersonalToken {
    /// Its id.
    pub id: TokenId,
    /// What its user calls it.
    pub name: TokenName,
    /// What it is limited to; `None` for whatever the user may do.
    pub scopes: Option<TokenScopes>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

impl Auth {
    /// Makes a personal access token. The token itself is given once: the store has its hash.
    ///
    /// # Errors
    /// `LoginRequired` when the identity comes from a token of that kind; `RecentLoginRequired` when the login is longer
    /// ago than [`AuthConfig::step_up_within`](crate::AuthConfig::step_up_within) and there is no password,
    /// `InvalidCredentials` for a wrong one; `InvalidExpiry`; `TooManyTokens`; `InvalidToken` when the session that asks is
    /// over; `NoPersonalTokens`; `Unavailable`.
    #[tracing::instrument(name = "auth.token_create", skip_all, fields(user = %identity.user()))]
    pub async fn create_personal_token(
        &self,
        identity: &Identity,
        request: NewPersonalToken,
        client: &ClientInfo,
    ) -> Result<(PersonalToken, OpaqueToken), AuthError> {
        let inner = &*self.inner;
        let config = inner.personal_tokens()?;
        let asking = inner.asking(identity).await?;
        let now = inner.clock.now();
        let latest = now.after(config.max_ttl);
        let expires_at = request.expires_at.unwrap_or(latest);
        if expires_at <= now || expires_at > latest {
            return Err(ErrorKind::InvalidExpiry.into());
        }
        inner.step_up(&asking, request.password, client).await?;
        let token = personal::generate(&config.prefix, &*inner.random)?;
        let record = NewTokenRecord {
            hash: personal::hash(&config.prefix, token.expose_secret()).ok_or(ErrorKind::Internal)?,
            token: TokenRecord {
                id: TokenId::generate(now, &*inner.random)?,
                user: asking.user.id,
                epoch: asking.epoch,
                name: request.name,
                scopes: request.scopes,
                created_at: now,
                expires_at,
                last_used_at: None,
            },
        };
        match inner.tokens.create_token(&record, config.max_per_user).await? {
            TokenCreated::Stored => {
                let kind = EventKind::PersonalTokenCreated { id: record.token.id };
                inner.record(kind, Some(asking.user.id), Some(asking.session.id), client);
                Ok((PersonalToken::of(record.token), token))
            }
            TokenCreated::TooMany => Err(ErrorKind::TooManyTokens.into()),
            // Something else changed the user's credentials: this session may be over by that.
            TokenCreated::Stale => Err(ErrorKind::InvalidToken.into()),
        }
    }

    /// The personal access tokens of this user that count or have expired lately, newest first.
    ///
    /// # Errors
    /// `LoginRequired`, `InvalidToken` when the session that asks is over, `NoPersonalTokens`, `Unavailable`.
    #[tracing::instrument(name = "auth.token_list", skip_all, fields(user = %identity.user()))]
    pub async fn personal_tokens(&self, identity: &Identity) -> Result<Vec<PersonalToken>, AuthError> {
        self.inner.personal_tokens()?;
        let asking = self.inner.asking(identity).await?;
        let tokens = self.inner.tokens.list_tokens(&asking.user.id, asking.epoch).await?;
        Ok(tokens.into_iter().map(PersonalToken::of).collect())
    }

    /// Revokes one of this user's personal access tokens: its next use is refused.
    ///
    /// # Errors
    /// `Forbidden` when the user has no such token; the others as [`personal_tokens`](Self::personal_tokens).
    #[tracing::instrument(name = "auth.token_revoke", skip_all, fields(user = %identity.user(), token = %id))]
    pub async fn revoke_personal_token(
        &self,
        identity: &Identity,
        id: TokenId,
        client: &ClientInfo,
    ) -> Result<(), AuthError> {
        let inner = &*self.inner;
        inner.personal_tokens()?;
        let asking = inner.asking(identity).await?;
        match inner.tokens.revoke_token(&asking.user.id, id).await? {
            Swap::Won => {
                let kind = EventKind::PersonalTokenRevoked { id };
                inner.record(kind, Some(asking.user.id), Some(asking.session.id), client);
                Ok(())
            }
            Swap::Lost => Err(ErrorKind::Forbidden.into()),
        }
    }
}

impl Inner {
    fn personal_tokens(&self) -> Result<&PersonalTokens, AuthError> {
        let off = || AuthError::new(ErrorKind::NoPersonalTokens, "`AuthConfig::personal_tokens` is not set");
        self.config.personal_tokens.as_ref().ok_or_else(off)
    }

    /// What a personal access token stands for; `None` unless it is of its user's epoch.
    pub(super) async fn resolve_personal(
        self: &Arc<Self>,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<ResolvedToken>, AuthError> {
        let found = self.tokens.find_token(hash).await?;
        let Some(loaded) = found.filter(|loaded| loaded.token.epoch == loaded.epoch) else { return Ok(None) };
        let token = loaded.token;
        let user = match self.directory {
            Some(_) => loaded.user,
            None => self.users.find_by_id(&token.user).await?,
        };
        let Some(mut user) = user else { return Ok(None) };
        // A store that watches another system raises the epoch when it finds a change there, while it reads the user.
        if user.epoch.is_some_and(|epoch| epoch != loaded.epoch) {
            return Ok(None);
        }
        user.epoch = Some(loaded.epoch);
        if token.last_used_at.is_none_or(|at| now.millis_since(at) >= USE_EVERY) {
            self.note_use(token.id, now);
        }
        Ok(Some(ResolvedToken {
            user,
            has_factor: loaded.has_factor,
            scopes: token.scopes,
            issued_at: Some(token.created_at),
            expires_at: Some(token.expires_at),
        }))
    }

    /// Beside the request, which does not wait for it. What cannot be written is written at a later use.
    fn note_use(self: &Arc<Self>, id: TokenId, at: Timestamp) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if !self.uses.begin(id) {
            return;
        }
        let inner = Arc::clone(self);
        runtime.spawn(async move {
            if let Err(error) = inner.tokens.note_token_use(id, at).await {
                tracing::warn!(target: "auth::tokens", token = %id, %error, "a use is not noted");
            }
            inner.uses.end(id);
        });
    }
}

/// The tokens of which a use is being written: a hundred requests at once make one statement.
#[derive(Debug, Default)]
pub(crate) struct Uses(Mutex<HashSet<TokenId>>);

impl Uses {
    /// `false` when one is being written already.
    fn begin(&self, id: TokenId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id)
    }

    fn end(&self, id: TokenId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

impl PersonalToken {
    fn of(token: TokenRecord) -> Self {
        Self {
            id: token.id,
            name: token.name,
            scopes: token.scopes,
            created_at: token.created_at,
            expires_at: token.expires_at,
            last_used_at: token.last_used_at,
        }
    }
}
