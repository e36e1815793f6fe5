//! What our tables are called.

use std::str::FromStr;

use sea_orm::sea_query::{Alias, DynIden, IntoIden};

/// What the names of our tables start with: `auth_` unless set.
///
/// ```
/// # use auth_sea_orm::TablePrefix;
/// assert!("login_".parse::<TablePrefix>().is_ok());
/// assert!("drop table;".parse::<TablePrefix>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TablePrefix(String);

impl TablePrefix {
    /// The prefix.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn name(&self, rest: &str) -> String {
        format!("{}{rest}", self.0)
    }

    pub(crate) fn iden(&self, rest: &str) -> DynIden {
        Alias::new(self.name(rest)).into_iden()
    }
}

impl Default for TablePrefix {
    fn default() -> Self {
        Self("auth_".to_owned())
    }
}

impl FromStr for TablePrefix {
    type Err = InvalidPrefix;

    fn from_str(prefix: &str) -> Result<Self, Self::Err> {
        // Lower case only: PostgreSQL folds names that are not quoted, and MySQL's file names may not know case. 32
        // bytes leave room for the names of indexes (PostgreSQL: 63 bytes).
        let starts_well = prefix.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
        let is_plain = prefix.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if starts_well && is_plain && prefix.len() <= 32 { Ok(Self(prefix.to_owned())) } else { Err(InvalidPrefix) }
    }
}

/// A table prefix that is not 1 to 32 of `a-z`, `0-9` and `_`, or that starts with a digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a table prefix must be 1 to 32 of a-z, 0-9 and _, and must not start with a digit")]
pub struct InvalidPrefix;

/// The names of our tables under one prefix.
#[derive(Debug)]
pub(crate) struct Tables {
    pub(crate) user: DynIden,
    pub(crate) user_state: DynIden,
    pub(crate) session: DynIden,
    pub(crate) throttle: DynIden,
    pub(crate) recovery_code: DynIden,
    pub(crate) token: DynIden,
    pub(crate) events: DynIden,
}

impl Tables {
    pub(crate) fn new(prefix: &TablePrefix) -> Self {
        Self {
            user: prefix.iden("user"),
            user_state: prefix.iden("user_state"),
            session: prefix.iden("session"),
            throttle: prefix.iden("throttle"),
            recovery_code: prefix.iden("recovery_code"),
            token: prefix.iden("token"),
            events: prefix.iden("events"),
        }
    }
}
