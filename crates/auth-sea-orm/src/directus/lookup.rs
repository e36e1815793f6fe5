//! The statements on `directus_users`, and the one on `directus_sessions`. What a collation makes of a text is never believed: rows are candidates, and the
//! bytes are compared here (requirement E1, CVE-2026-59335).

use auth_core::store::StoreError;
use auth_core::{Email, PasswordHash, UserId};
use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Query, UpdateStatement};
use sea_orm::{ConnectionTrait as _, DbBackend, DbErr};

use super::schema::{Sessions, UserRow, Users, id_text, id_value, is_uuid, lower_email, select_user};
use super::users::has_address;
use super::{DirectusDatabase, corrupt};
use crate::retry::{Resend, retrying};

impl DirectusDatabase {
    /// The row with exactly this id. `None` for what is no id of Directus.
    pub(super) async fn row(&self, id: &UserId) -> Result<Option<UserRow>, StoreError> {
        if !is_uuid(id.as_str()) {
            return Ok(None);
        }
        let mut select = select_user(self.backend());
        select.and_where(Expr::col(Users::Id).eq(id_value(self.backend(), id.as_str())));
        retrying(Resend::Safe, async || {
            let row = self.db.read.query_one(&select).await?;
            let row = row.map(|row| UserRow::read(&row)).transpose()?;
            // In one spelling: sessions are kept under this text.
            Ok(row.filter(|row| row.id == id.as_str()))
        })
        .await
    }

    /// The id of the user with this address.
    pub(super) async fn id_of(&self, email: &Email) -> Result<Option<String>, StoreError> {
        let mut spellings = vec![email.canonical().to_owned(), email.as_typed().to_lowercase()];
        spellings.dedup();
        let select = Query::select()
            .expr_as(id_text(self.backend(), Users::Id), Alias::new("id"))
            .column(Users::Email)
            .from(Users::Table)
            .and_where(lower_email().is_in(spellings))
            .take();
        let candidates: Vec<(String, String)> = retrying(Resend::Safe, async || {
            let rows = self.db.read.query_all(&select).await?;
            let rows = rows.iter().map(|row| Ok((row.try_get("", "id")?, row.try_get("", "email")?)));
            Ok(rows.collect::<Result<_, DbErr>>()?)
        })
        .await?;
        let mut theirs: Vec<_> = candidates.into_iter().filter(|(_, stored)| has_address(stored, email)).collect();
        if theirs.len() > 1 {
            // Directus writes addresses in lower case. Another spelling was put there by hand, and is not taken for it.
            theirs.retain(|(_, stored)| stored == email.canonical());
        }
        match (theirs.pop(), theirs.pop()) {
            (Some((id, _)), None) => Ok(Some(id)),
            (None, _) => Ok(None),
            (Some(_), Some(_)) => Err(corrupt("several users of Directus have one address")),
        }
    }

    /// Replaces the password of `row`, if it is still `expected`.
    pub(super) async fn set_password(
        &self,
        row: &UserRow,
        expected: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, StoreError> {
        if row.password.as_deref() != Some(expected.as_phc()) {
            return Ok(false);
        }
        let mut update = self.update(row, Users::Password, Some(new.as_phc()));
        update.and_where(self.bytes(Users::Password).eq(self.value(expected.as_phc())));
        self.changes_a_row(&update).await
    }

    /// Ends all sessions that the user has in Directus, as Directus does when a password changes (requirement R9).
    pub(super) async fn end_sessions(&self, user: &UserId) -> Result<(), StoreError> {
        if !is_uuid(user.as_str()) {
            return Ok(());
        }
        let delete = Query::delete()
            .from_table(Sessions::Table)
            .and_where(Expr::col(Sessions::User).eq(id_value(self.backend(), user.as_str())))
            .take();
        retrying(Resend::Safe, async || Ok(self.db.write.execute(&delete).await.map(drop)?)).await
    }

    /// Sets or removes the second factor of `row`, if it is still as it was read.
    pub(super) async fn set_factor(&self, row: &UserRow, new: Option<&str>) -> Result<bool, StoreError> {
        let mut update = self.update(row, Users::TfaSecret, new);
        match &row.tfa_secret {
            Some(before) => update.and_where(self.bytes(Users::TfaSecret).eq(self.value(before))),
            None => update.and_where(Expr::col(Users::TfaSecret).is_null().or(Expr::col(Users::TfaSecret).eq(""))),
        };
        self.changes_a_row(&update).await
    }

    fn update(&self, row: &UserRow, column: Users, value: Option<&str>) -> UpdateStatement {
        Query::update()
            .table(Users::Table)
            .value(column, value)
            .and_where(Expr::col(Users::Id).eq(id_value(self.backend(), &row.id)))
            .take()
    }

    async fn changes_a_row(&self, update: &UpdateStatement) -> Result<bool, StoreError> {
        retrying(Resend::Safe, async || Ok(self.db.write.execute(update).await?.rows_affected() > 0)).await
    }

    /// A column whose comparison folds nothing.
    fn bytes(&self, column: Users) -> Expr {
        let column = Expr::col(column);
        if self.backend() == DbBackend::MySql { column.cast_as("binary") } else { column }
    }

    fn value(&self, text: &str) -> Expr {
        let text = Expr::val(text);
        if self.backend() == DbBackend::MySql { text.cast_as("binary") } else { text }
    }
}
