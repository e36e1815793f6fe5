//! What came out, and how it is shown.

pub(crate) mod markdown;
pub(crate) mod svg;

use serde::Serialize;

use crate::conditions::Conditions;
use crate::spread::Spread;

/// All of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) conditions: Conditions,
    pub(crate) rows: Vec<Row>,
}

/// What the ratios of a row are of. Rows of one group are on one scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Group {
    Guards,
    LoginTime,
    LoginRate,
    Rotations,
    Refreshes,
}

impl Group {
    pub(crate) const ALL: [Self; 5] =
        [Self::Guards, Self::LoginTime, Self::LoginRate, Self::Rotations, Self::Refreshes];

    /// What is divided by what, and which way is better.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Guards => "Guarded requests per processor second, over bare ones (1: the guard is free)",
            Self::LoginTime => "Processor time of a login, over that of its Argon2 hash (1: the rest is free)",
            Self::LoginRate => "Logins per second, over Argon2 hashes per second (1: the rest is free)",
            Self::Rotations => "Rotations per second through auth-sea-orm, over the same UPDATE alone (more is better)",
            Self::Refreshes => "Whole refreshes per second, over that UPDATE alone (more is better)",
        }
    }
}

/// Whose row it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Owner {
    Us,
    Peer,
    /// The framework's own: what any layer costs there.
    Framework,
}

/// Something beside something else.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) group: Group,
    pub(crate) owner: Owner,
    pub(crate) name: String,
    pub(crate) beside: String,
    #[serde(serialize_with = "either")]
    pub(crate) ratio: Result<Spread, NotRun>,
    /// On this machine, in this run.
    pub(crate) per_second: Option<Spread>,
}

/// Why a row has no ratio.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct NotRun {
    pub(crate) not_run: String,
}

impl NotRun {
    pub(crate) const fn because(why: String) -> Self {
        Self { not_run: why }
    }
}

impl Row {
    pub(crate) fn measured(
        group: Group,
        owner: Owner,
        name: &str,
        beside: String,
        ratio: Option<Spread>,
        per_second: Option<Spread>,
    ) -> Self {
        let ratio = ratio.ok_or_else(|| NotRun::because("the samples are no numbers".to_owned()));
        Self { group, owner, name: name.to_owned(), beside, ratio, per_second }
    }

    pub(crate) fn not_run(group: Group, name: &str, beside: &str, why: NotRun) -> Self {
        let (name, beside) = (name.to_owned(), beside.to_owned());
        Self { group, owner: Owner::Us, name, beside, ratio: Err(why), per_second: None }
    }
}

/// As what it holds, without a name for which it is: only one of them has a `median`.
fn either<S: serde::Serializer>(ratio: &Result<Spread, NotRun>, serializer: S) -> Result<S::Ok, S::Error> {
    match ratio {
        Ok(spread) => spread.serialize(serializer),
        Err(why) => why.serialize(serializer),
    }
}

#[cfg(test)]
mod tests;
