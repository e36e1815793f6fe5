//! What may happen, one line a step, and how scripts are drawn. Tokens and sessions are drawn as indexes into those that
//! there are when the step is taken, so a script stays meaningful while it shrinks.

use auth_core::store::SessionMode;
use auth_testkit::contract::forge::RefreshPart;
use auth_testkit::{Moment, Operation};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

#[derive(Debug, Clone)]
pub(crate) struct Script {
    /// In seconds; 0 is strict.
    pub(crate) grace: i64,
    /// Reuse ends every session of the user.
    pub(crate) ends_all: bool,
    pub(crate) steps: Vec<Step>,
}

#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) op: Op,
    /// The first such call of the step fails.
    pub(crate) fault: Option<(Operation, Moment)>,
}

#[derive(Debug, Clone)]
pub(crate) enum Op {
    Open {
        user: usize,
        mode: SessionMode,
    },
    /// Any token ever given out, old, stolen or both. When `lost`, nobody gets the answer.
    Refresh {
        token: Which,
        lost: bool,
    },
    /// The secret of a session cookie, presented as a refresh token.
    RefreshElsewhere {
        token: Index,
    },
    /// A session cookie at a guard.
    Verify {
        token: Index,
    },
    Logout {
        token: Index,
    },
    EndSession {
        by: Index,
        target: Index,
    },
    EndOthers {
        by: Index,
    },
    EndAll {
        user: usize,
    },
    Update {
        user: usize,
        change: Change,
    },
    Delete {
        user: usize,
    },
    Create {
        user: usize,
    },
    Clock {
        secs: i64,
    },
    /// Another character in one place.
    Damage {
        token: Index,
        at: Index,
        to: char,
    },
    Truncate {
        token: Index,
        to: Index,
    },
    /// Another part, and a checksum that is right again.
    Forge {
        token: Index,
        part: RefreshPart,
    },
}

#[derive(Debug, Clone)]
pub(crate) enum Which {
    Newest,
    Any(Index),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    Suspend,
    Activate,
    Role(u8),
    Password,
    /// To an address of its own.
    Email(u8),
    /// To the address of the other user.
    EmailOfTheOther,
    Nothing,
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

pub(crate) fn scripts() -> impl Strategy<Value = Script> {
    let grace = prop_oneof![4 => Just(10), 1 => Just(0)];
    let open = (0..2_usize, mode()).prop_map(|(user, mode)| Step { op: Op::Open { user, mode }, fault: None });
    (grace, prop::bool::weighted(0.2), open, vec(step(), 1..80)).prop_map(|(grace, ends_all, open, mut steps)| {
        steps.insert(0, open);
        Script { grace, ends_all, steps }
    })
}

fn mode() -> impl Strategy<Value = SessionMode> {
    select(&[SessionMode::Json, SessionMode::Cookie, SessionMode::Session])
}

fn step() -> impl Strategy<Value = Step> {
    use Operation::{Delete, EndSessions, Epoch, FindById, List, Load, Open, Revoke, Rotate, Update};
    let operation = select(&[Delete, EndSessions, Epoch, FindById, List, Load, Open, Revoke, Rotate, Rotate, Update]);
    let moment = select(&[Moment::BeforeWork, Moment::AfterWork]);
    (op(), prop::option::weighted(0.15, (operation, moment))).prop_map(|(op, fault)| Step { op, fault })
}

fn op() -> impl Strategy<Value = Op> {
    let user = || 0..2_usize;
    let token = any::<Index>;
    let part = prop_oneof![
        Just(RefreshPart::Session),
        Just(RefreshPart::Generation),
        Just(RefreshPart::Family),
        Just(RefreshPart::Secret),
    ];
    let which = prop_oneof![Just(Which::Newest), any::<Index>().prop_map(Which::Any)];
    let character = select(ALPHABET.as_slice()).prop_map(char::from);
    prop_oneof![
        10 => (user(), mode()).prop_map(|(user, mode)| Op::Open { user, mode }),
        36 => (which, prop::bool::weighted(0.2)).prop_map(|(token, lost)| Op::Refresh { token, lost }),
        3 => token().prop_map(|token| Op::RefreshElsewhere { token }),
        6 => token().prop_map(|token| Op::Verify { token }),
        3 => token().prop_map(|token| Op::Logout { token }),
        3 => (token(), token()).prop_map(|(by, target)| Op::EndSession { by, target }),
        2 => token().prop_map(|by| Op::EndOthers { by }),
        1 => user().prop_map(|user| Op::EndAll { user }),
        4 => (user(), change()).prop_map(|(user, change)| Op::Update { user, change }),
        1 => user().prop_map(|user| Op::Delete { user }),
        2 => user().prop_map(|user| Op::Create { user }),
        18 => clock().prop_map(|secs| Op::Clock { secs }),
        4 => (token(), token(), character).prop_map(|(token, at, to)| Op::Damage { token, at, to }),
        2 => (token(), token()).prop_map(|(token, to)| Op::Truncate { token, to }),
        5 => (token(), part).prop_map(|(token, part)| Op::Forge { token, part }),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => Just(Change::Suspend),
        6 => Just(Change::Activate),
        2 => any::<u8>().prop_map(Change::Role),
        // Hashes a password, which is slow on purpose.
        1 => Just(Change::Password),
        2 => any::<u8>().prop_map(Change::Email),
        1 => Just(Change::EmailOfTheOther),
        1 => Just(Change::Nothing),
    ]
}

/// The edges of the grace and of the skew, the ends of idle and of absolute time, and steps back.
fn clock() -> impl Strategy<Value = i64> {
    const DAY: i64 = 86_400;
    prop_oneof![
        16 => select(&[1, 5, 9]),
        16 => select(&[10, 11, 60]),
        4 => select(&[900, DAY - 1, DAY]),
        2 => select(&[7 * DAY - 1, 7 * DAY, 8 * DAY]),
        6 => select(&[-1, -30, -60, -61, -300]),
    ]
}
