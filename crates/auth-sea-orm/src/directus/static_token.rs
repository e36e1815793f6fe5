//! Static tokens: `directus_users.token`.

use async_trait::async_trait;
use auth_core::store::{FactorStore as _, StoreError, UserRecord, UserStatus, UserStore as _};
use auth_core::{OpaqueToken, OpaqueTokens, ResolvedToken, Timestamp, UserId};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ConnectionTrait as _, DbErr};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::schema::{UserRow, Users, select_user};
use super::{DirectusStore, corrupt};
use crate::retry::{Resend, retrying};

/// Those of one store, for guards.
#[derive(Debug)]
pub(super) struct StaticTokens(pub(super) DirectusStore);

#[async_trait]
impl OpaqueTokens for StaticTokens {
    async fn resolve(&self, token: &OpaqueToken, _: Timestamp) -> Result<Option<ResolvedToken>, StoreError> {
        let Some(user) = self.0.user_of_static_token(token.expose_secret()).await? else { return Ok(None) };
        let mut token = ResolvedToken::new(user);
        token.has_factor = self.0.inner.ours.second_factor(&token.user.id).await?.active.is_some();
        Ok(Some(token))
    }
}

impl DirectusStore {
    /// The user whose static token (`directus_users.token`, kept in plain text there) this is, if that user may use it:
    /// active, and not of a single sign-on provider. Compared byte for byte, in a time that does not depend on where
    /// they differ.
    ///
    /// # Errors
    /// Those of a [`UserStore`](auth_core::store::UserStore).
    pub async fn user_of_static_token(&self, token: &str) -> Result<Option<UserRecord>, StoreError> {
        if token.is_empty() {
            return Ok(None);
        }
        let database = &self.inner.database;
        let mut select = select_user(database.backend());
        select.column(Users::Token).and_where(Expr::col(Users::Token).eq(token));
        let candidates: Vec<(UserRow, Zeroizing<String>)> = retrying(Resend::Safe, async || {
            let rows = database.db.read.query_all(&select).await?;
            let rows =
                rows.iter().map(|row| Ok((UserRow::read(row)?, Zeroizing::new(row.try_get::<String>("", "token")?))));
            Ok(rows.collect::<Result<_, DbErr>>()?)
        })
        .await?;
        let same = |stored: &str| bool::from(stored.as_bytes().ct_eq(token.as_bytes()));
        let Some((row, _)) = candidates.into_iter().find(|(_, stored)| same(stored)) else { return Ok(None) };
        if !row.is_of_directus() {
            return Ok(None);
        }
        let user = self.find_by_id(&UserId::new(&row.id).map_err(corrupt)?).await?;
        Ok(user.filter(|user| user.status == UserStatus::Active))
    }
}
