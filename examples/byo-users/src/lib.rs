//! An app with a user table of its own: its customers sign in through `auth`, whose sessions lie beside them.
//!
//! A library with a `main.rs`, so that the tests of this workspace run it on every database.

pub mod customer;
pub mod migration;
pub mod routes;
pub mod users;
