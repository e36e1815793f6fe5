//! Lists of users. A page is a range of an index, whatever comes before it, and no text of a request is a pattern.

use auth_core::store::{StoreError, UserFilter, UserPage, UserStatus, UserSummary};
use auth_core::{Role, Timestamp, UserId};
use sea_orm::sea_query::{Expr, ExprTrait as _, Order, Query, SelectStatement};
use sea_orm::{ConnectionTrait as _, DbErr, QueryResult};

use super::{SeaOrmStore, row};
use crate::entity::user::Column;
use crate::entity::user_state;
use crate::error::damaged;
use crate::retry::{Resend, retrying};

impl SeaOrmStore {
    pub(super) async fn user_page(&self, page: &UserPage) -> Result<Vec<UserSummary>, StoreError> {
        let select = self.select_page(page);
        retrying(Resend::Safe, async || {
            let rows = self.db.read.query_all(&select).await?;
            Ok(rows.iter().map(summary).collect::<Result<_, _>>()?)
        })
        .await
    }

    pub(super) async fn count_some_users(&self, filter: &UserFilter, most: u64) -> Result<u64, StoreError> {
        self.count_up_to(most, self.matching(filter)).await
    }

    fn select_page(&self, page: &UserPage) -> SelectStatement {
        let tables = &*self.tables;
        let of_user = |column: Column| Expr::col((tables.user.clone(), column));
        let mut select = self.matching(&page.filter);
        for column in [
            Column::Id,
            Column::Email,
            Column::Status,
            Column::Role,
            Column::AppAccess,
            Column::AdminAccess,
            Column::CreatedAt,
        ] {
            select.column((tables.user.clone(), column));
        }
        row::select_factor(&mut select, tables);
        select.left_join(
            tables.user_state.clone(),
            Expr::col((tables.user_state.clone(), user_state::Column::UserId)).eq(of_user(Column::Id)),
        );
        let key = if page.filter.email.is_some() { Column::EmailKey } else { Column::Id };
        let order = if page.filter.email.is_some() { Order::Asc } else { Order::Desc };
        match (&page.after, key) {
            (None, _) => {}
            (Some(after), Column::EmailKey) => {
                let theirs = Query::select()
                    .column(Column::EmailKey)
                    .from(tables.user.clone())
                    .and_where(Expr::col(Column::Id).eq(after.as_str()))
                    .take();
                select.and_where(of_user(key).gt(Expr::SubQuery(None, Box::new(theirs.into()))));
            }
            (Some(after), _) => {
                select.and_where(of_user(key).lt(after.as_str()));
            }
        }
        select.order_by((tables.user.clone(), key), order).limit(page.limit).offset(page.skip);
        select
    }

    fn matching(&self, filter: &UserFilter) -> SelectStatement {
        let of_user = |column: Column| Expr::col((self.tables.user.clone(), column));
        let mut select = Query::select();
        select.from(self.tables.user.clone());
        if let Some(id) = &filter.id {
            select.and_where(of_user(Column::Id).eq(id.as_str()));
        }
        if let Some(status) = filter.status {
            select.and_where(of_user(Column::Status).eq(status.as_str()));
        }
        if let Some(role) = &filter.role {
            select.and_where(of_user(Column::Role).eq(role.as_str()));
        }
        if let Some(access) = filter.admin_access {
            select.and_where(of_user(Column::AdminAccess).eq(access));
        }
        if let Some(email) = &filter.email {
            select
                .and_where(of_user(Column::EmailKey).gte(email.as_str().as_bytes()))
                .and_where(of_user(Column::EmailKey).lt(email.above()));
        }
        select
    }
}

fn summary(row: &QueryResult) -> Result<UserSummary, DbErr> {
    let (id, status): (String, String) = (row.try_get("", "id")?, row.try_get("", "status")?);
    let role = row.try_get::<Option<String>>("", "role")?.as_deref().map(Role::new).transpose();
    Ok(UserSummary {
        id: UserId::new(&id).map_err(|_| damaged("id"))?,
        email: row.try_get("", "email")?,
        status: UserStatus::from_name(&status).ok_or_else(|| damaged("status"))?,
        role: role.map_err(|_| damaged("role"))?,
        app_access: row.try_get("", "app_access")?,
        admin_access: row.try_get("", "admin_access")?,
        has_factor: row::has_factor(row)?,
        created_at: Timestamp::from_millis(row.try_get("", "created_at")?),
    })
}
