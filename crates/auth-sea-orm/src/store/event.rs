//! The audit trail.

use async_trait::async_trait;
use auth_core::store::{EventFilter, EventPage, EventRecord, EventStore, StoreError};
use auth_core::{EventDetails, EventId, EventName, Outcome, SessionId, Timestamp, TokenId, UserId};
use sea_orm::sea_query::{Expr, ExprTrait as _, InsertStatement, OnConflict, Order, Query, SelectStatement};
use sea_orm::{ConnectionTrait as _, DbErr, FromQueryResult as _, Iterable as _, QueryResult};

use super::batches::in_batches;
use super::{SeaOrmStore, row};
use crate::entity::event::{Column, Model};
use crate::error::damaged;
use crate::retry::{Attempt, Resend, retrying};

#[async_trait]
impl EventStore for SeaOrmStore {
    async fn append_events(&self, events: &[EventRecord]) -> Result<(), StoreError> {
        if events.is_empty() {
            return Ok(());
        }
        let insert = self.insert_events(events);
        retrying(Resend::Safe, async || {
            self.db.write.execute(&insert).await?;
            Ok(())
        })
        .await
    }

    async fn events(&self, page: &EventPage) -> Result<Vec<EventRecord>, StoreError> {
        let mut select = self.matching_events(&page.filter);
        select.columns(Column::iter()).order_by(Column::Id, Order::Desc).limit(page.limit).offset(page.skip);
        if let Some(after) = page.after {
            select.and_where(Expr::col(Column::Id).lt(after.as_bytes().as_slice()));
        }
        retrying(Resend::Safe, async || {
            let rows = self.db.read.query_all(&select).await?;
            Ok(rows.iter().map(event_record).collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn count_events(&self, filter: &EventFilter, most: u64) -> Result<u64, StoreError> {
        self.count_up_to(most, self.matching_events(filter)).await
    }

    async fn purge_events(&self, before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        in_batches(limit, |batch| self.purge_events_batch(before, batch)).await
    }
}

impl SeaOrmStore {
    fn insert_events(&self, events: &[EventRecord]) -> InsertStatement {
        let mut insert = Query::insert();
        insert.into_table(self.tables.events.clone()).columns(Column::iter());
        for event in events {
            insert.values_panic([
                event.id.as_bytes().as_slice().into(),
                event.at.as_millis().into(),
                event.kind.as_str().into(),
                event.outcome.as_str().into(),
                event.user.as_ref().map(UserId::as_str).into(),
                event.actor.as_ref().map(UserId::as_str).into(),
                event.session.as_ref().map(|id| id.as_bytes().to_vec()).into(),
                event.token.as_ref().map(|id| id.as_bytes().to_vec()).into(),
                event.ip.map(|ip| ip.to_string()).into(),
                event.user_agent.as_deref().into(),
                event.details.as_ref().map(EventDetails::as_str).into(),
                i64::try_from(event.times).unwrap_or(i64::MAX).into(),
            ]);
        }
        insert.on_conflict(OnConflict::column(Column::Id).do_nothing_on([Column::Id]).to_owned()).take()
    }

    fn matching_events(&self, filter: &EventFilter) -> SelectStatement {
        let mut select = Query::select();
        select.from(self.tables.events.clone());
        if let Some(user) = &filter.user {
            select.and_where(Expr::col(Column::UserId).eq(user.as_str()));
        }
        if let Some(actor) = &filter.actor {
            select.and_where(Expr::col(Column::ActorId).eq(actor.as_str()));
        }
        if let Some(kind) = &filter.kind {
            select.and_where(Expr::col(Column::Kind).eq(kind.as_str()));
        }
        if let Some(since) = filter.since {
            select.and_where(Expr::col(Column::Id).gte(EventId::lowest(since).as_bytes().as_slice()));
        }
        select
    }

    /// Removes up to `batch` events; how many were found, and how many of these were removed.
    async fn purge_events_batch(&self, before: Timestamp, batch: u64) -> Result<(u64, u64), Attempt> {
        let select = Query::select()
            .column(Column::Id)
            .from(self.tables.events.clone())
            .and_where(Expr::col(Column::Id).lt(EventId::lowest(before).as_bytes().as_slice()))
            .order_by(Column::Id, Order::Asc)
            .limit(batch)
            .take();
        self.remove_found(&self.tables.events, Column::Id, &select, None).await
    }
}

fn event_record(row: &QueryResult) -> Result<EventRecord, DbErr> {
    let event = Model::from_query_result(row, "")?;
    let user = |id: Option<String>, column| id.as_deref().map(UserId::new).transpose().map_err(|_| damaged(column));
    Ok(EventRecord {
        id: EventId::from_bytes(row::bytes(event.id, "id")?),
        at: Timestamp::from_millis(event.at),
        kind: EventName::new(&event.kind).map_err(|_| damaged("kind"))?,
        times: u64::try_from(event.times).map_err(|_| damaged("times"))?,
        outcome: Outcome::from_name(&event.outcome).ok_or_else(|| damaged("outcome"))?,
        user: user(event.user_id, "user_id")?,
        actor: user(event.actor_id, "actor_id")?,
        session: event.session_id.map(|id| row::bytes(id, "session_id")).transpose()?.map(SessionId::from_bytes),
        token: event.token_id.map(|id| row::bytes(id, "token_id")).transpose()?.map(TokenId::from_bytes),
        ip: event.ip.map(|ip| ip.parse()).transpose().map_err(|_| damaged("ip"))?,
        user_agent: event.user_agent,
        details: event.details.as_deref().map(EventDetails::new).transpose().map_err(|_| damaged("details"))?,
    })
}
