//! Our tables as sea-orm entities, for an app that reads them. Change users and sessions through the store alone: it
//! raises the epoch and ends sessions in the same transaction.
//!
//! The entities carry the default table names; under another [`TablePrefix`](crate::TablePrefix) set the table name of a
//! query yourself.
#![allow(missing_docs, reason = "sea-orm derives public items without docs")]

pub mod event;
pub mod recovery_code;
pub mod session;
pub mod throttle;
pub mod token;
pub mod user;
pub mod user_state;
