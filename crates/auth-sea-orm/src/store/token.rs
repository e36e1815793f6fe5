//! Personal access tokens.

use async_trait::async_trait;
use auth_core::store::{
    Epoch, LoadedToken, NewTokenRecord, StoreError, Swap, TokenCreated, TokenHash, TokenRecord, TokenStore,
};
use auth_core::{Timestamp, TokenId, UserId};
use sea_orm::sea_query::{
    Alias, Condition, Expr, ExprTrait as _, InsertStatement, LockType, Order, Query, SelectStatement,
};
use sea_orm::{ConnectionTrait as _, DbErr};

use super::batches::in_batches;
use super::second_factor::epoch_column;
use super::{SeaOrmStore, Transaction, row};
use crate::entity::token::Column;
use crate::entity::{user, user_state};
use crate::error::store_error;
use crate::retry::{Attempt, Resend, retrying};

#[async_trait]
impl TokenStore for SeaOrmStore {
    async fn create_token(&self, token: &NewTokenRecord, most: u64) -> Result<TokenCreated, StoreError> {
        retrying(Resend::Safe, || self.try_create_token(token, most)).await
    }

    async fn find_token(&self, hash: &TokenHash) -> Result<Option<LoadedToken>, StoreError> {
        let tables = &*self.tables;
        let mut select = self.select_with_state();
        row::select_token(&mut select, tables);
        row::select_user(&mut select, tables);
        row::select_factor(&mut select, tables);
        select
            .left_join(
                tables.user.clone(),
                Expr::col((tables.user.clone(), user::Column::Id))
                    .eq(Expr::col((tables.token.clone(), Column::UserId))),
            )
            .and_where(Expr::col((tables.token.clone(), Column::Hash)).eq(hash.as_bytes().as_slice()));
        retrying(Resend::Safe, async || {
            let Some(row) = self.db.read.query_one(&select).await? else { return Ok(None) };
            let loaded = LoadedToken {
                token: row::token_record(&row)?,
                epoch: row::epoch(&row)?,
                has_factor: row::has_factor(&row)?,
                user: row::user_record(&row)?,
            };
            Ok(Some(loaded))
        })
        .await
    }

    async fn list_tokens(&self, user: &UserId, epoch: Epoch) -> Result<Vec<TokenRecord>, StoreError> {
        let epoch = epoch_column(epoch).map_err(store_error)?;
        let mut select = Query::select();
        row::select_token(&mut select, &self.tables);
        select
            .from(self.tables.token.clone())
            .and_where(Expr::col(Column::UserId).eq(user.as_str()))
            .and_where(Expr::col(Column::CredEpoch).eq(epoch))
            .order_by(Column::CreatedAt, Order::Desc)
            .order_by(Column::Id, Order::Desc);
        retrying(Resend::Safe, async || {
            let rows = self.db.read.query_all(&select).await?;
            Ok(rows.iter().map(row::token_record).collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn revoke_token(&self, user: &UserId, id: TokenId) -> Result<Swap, StoreError> {
        let delete = Query::delete()
            .from_table(self.tables.token.clone())
            .and_where(Expr::col(Column::Id).eq(id.as_bytes().as_slice()))
            .and_where(Expr::col(Column::UserId).eq(user.as_str()))
            .take();
        self.swap(&delete).await
    }

    async fn note_token_use(&self, id: TokenId, at: Timestamp) -> Result<(), StoreError> {
        let is_later = Condition::any()
            .add(Expr::col(Column::LastUsedAt).is_null())
            .add(Expr::col(Column::LastUsedAt).lt(at.as_millis()));
        let update = Query::update()
            .table(self.tables.token.clone())
            .value(Column::LastUsedAt, at.as_millis())
            .and_where(Expr::col(Column::Id).eq(id.as_bytes().as_slice()))
            .cond_where(is_later)
            .take();
        self.swap(&update).await.map(drop)
    }

    async fn purge_tokens(&self, expired_before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        in_batches(limit, |batch| self.purge_tokens_batch(expired_before, batch)).await
    }
}

impl SeaOrmStore {
    /// The row in `user_state` is locked for others that create too: nobody counts before this one has inserted.
    async fn try_create_token(&self, new: &NewTokenRecord, most: u64) -> Result<TokenCreated, Attempt> {
        let user = &new.token.user;
        let transaction = self.begin().await?;
        let epoch = self.locked_epoch(&transaction, user, LockType::Update).await?;
        if epoch != new.token.epoch || !self.may_be_active(&transaction, user).await? {
            return Ok(TokenCreated::Stale);
        }
        let is_over = Condition::any()
            .add(Expr::col(Column::ExpiresAt).lte(new.token.created_at.as_millis()))
            .add(Expr::col(Column::CredEpoch).ne(epoch_column(epoch)?));
        let delete = Query::delete()
            .from_table(self.tables.token.clone())
            .and_where(Expr::col(Column::UserId).eq(user.as_str()))
            .cond_where(is_over)
            .take();
        transaction.execute(&delete).await?;
        if self.count_tokens(&transaction, user).await? >= most {
            return Ok(TokenCreated::TooMany);
        }
        transaction.execute(&self.insert_token(new)?).await?;
        transaction.commit().await?;
        Ok(TokenCreated::Stored)
    }

    async fn count_tokens(&self, transaction: &Transaction, user: &UserId) -> Result<u64, DbErr> {
        let select = Query::select()
            .expr_as(Expr::col(Column::Id).count(), Alias::new("tokens"))
            .from(self.tables.token.clone())
            .and_where(Expr::col(Column::UserId).eq(user.as_str()))
            .take();
        let row = transaction.query_one(&select).await?;
        let tokens = row.map(|row| row.try_get::<i64>("", "tokens")).transpose()?.unwrap_or_default();
        row::counter(tokens, "count")
    }

    fn insert_token(&self, new: &NewTokenRecord) -> Result<InsertStatement, DbErr> {
        let token = &new.token;
        Ok(Query::insert()
            .into_table(self.tables.token.clone())
            .columns([
                Column::Id,
                Column::Hash,
                Column::UserId,
                Column::CredEpoch,
                Column::Name,
                Column::Scopes,
                Column::CreatedAt,
                Column::ExpiresAt,
                Column::LastUsedAt,
            ])
            .values_panic([
                token.id.as_bytes().as_slice().into(),
                new.hash.as_bytes().as_slice().into(),
                token.user.as_str().into(),
                epoch_column(token.epoch)?.into(),
                token.name.as_str().into(),
                token.scopes.as_ref().map(ToString::to_string).into(),
                token.created_at.as_millis().into(),
                token.expires_at.as_millis().into(),
                token.last_used_at.map(Timestamp::as_millis).into(),
            ])
            .take())
    }

    /// Of a user who is removed: they are dead by the epoch, and nobody will look at them again.
    pub(super) async fn forget_tokens(&self, transaction: &Transaction, user: &UserId) -> Result<(), DbErr> {
        let delete = Query::delete()
            .from_table(self.tables.token.clone())
            .and_where(Expr::col(Column::UserId).eq(user.as_str()))
            .take();
        transaction.execute(&delete).await.map(drop)
    }

    /// Tokens beside the state of their users.
    fn select_with_state(&self) -> SelectStatement {
        let tables = &*self.tables;
        Query::select()
            .from(tables.token.clone())
            .left_join(
                tables.user_state.clone(),
                Expr::col((tables.user_state.clone(), user_state::Column::UserId))
                    .eq(Expr::col((tables.token.clone(), Column::UserId))),
            )
            .take()
    }

    /// Removes up to `batch` tokens; how many were found, and how many of these were removed. What is over stays so: it
    /// need not be asked again.
    async fn purge_tokens_batch(&self, expired_before: Timestamp, batch: u64) -> Result<(u64, u64), Attempt> {
        let tables = &*self.tables;
        let of_token = |column| Expr::col((tables.token.clone(), column));
        let raised = Expr::col((tables.user_state.clone(), user_state::Column::CredEpoch));
        // No state, no epoch: then it is 0 on both sides, and the comparison with NULL finds nothing.
        let is_over = Condition::any()
            .add(of_token(Column::ExpiresAt).lt(expired_before.as_millis()))
            .add(of_token(Column::CredEpoch).ne(raised));
        let select = self
            .select_with_state()
            .expr_as(of_token(Column::Id), Alias::new("id"))
            .cond_where(is_over)
            .limit(batch)
            .take();
        self.remove_found(&self.tables.token, Column::Id, &select, None).await
    }
}
