//! What is promised, checked after every step. Each function panics with its name when it was not kept.

use auth_core::store::SessionRecord;
use auth_core::{ErrorKind, UserId};
use auth_testkit::contract::forge::RefreshPart;

use crate::reference::{ABSOLUTE, ACCESS, Expected, Reference, Session};
use crate::script::Op;
use crate::world::{Given, Outcome};

/// One step, seen from outside.
pub(crate) struct Observed<'a> {
    pub(crate) op: &'a Op,
    pub(crate) expected: &'a Expected,
    pub(crate) outcome: &'a Outcome,
    pub(crate) users: &'a [UserId; 2],
    /// Calls of the store, and those of them that change something.
    pub(crate) calls: u64,
    pub(crate) writes: u64,
    pub(crate) before: &'a [Session],
    pub(crate) after: &'a Reference,
    pub(crate) rows_before: &'a [Option<SessionRecord>],
    pub(crate) rows: &'a [Option<SessionRecord>],
}

pub(crate) fn all_are_kept(seen: &Observed<'_>) {
    the_answer_is_the_expected_one(seen);
    if let Outcome::Tokens(given) = seen.outcome {
        i2_nothing_is_issued_after_the_end(seen);
        i3_what_is_issued_is_the_head(seen, given);
        i7_nothing_outlives_its_time(seen, given);
    }
    i1_one_rotation_a_generation(seen);
    i4_what_was_ended_stays_ended(seen);
    i5_and_i6_a_session_is_ended_exactly_when_it_should(seen);
    i9_what_was_never_issued_writes_nothing(seen);
}

fn the_answer_is_the_expected_one(seen: &Observed<'_>) {
    let agrees = match (seen.expected, seen.outcome) {
        (Expected::Tokens { session, .. }, Outcome::Tokens(given)) => {
            seen.after.sessions[*session].id == Some(given.session)
        }
        (Expected::Refused(kind), Outcome::Refused(refused)) => kind == refused,
        (Expected::Done, Outcome::Done) => true,
        (Expected::Changed(expected), Outcome::Changed(changed)) => expected == changed,
        (Expected::Ended(expected), Outcome::Ended(ended)) => expected == ended,
        (Expected::Is(user), Outcome::Is(id)) => seen.users[*user] == *id,
        _ => false,
    };
    assert!(agrees, "{:?} should be {:?} and is {:?}", seen.op, seen.expected, seen.outcome);
}

/// Every generation has one token: whoever is given it again gets the same one.
fn i1_one_rotation_a_generation(seen: &Observed<'_>) {
    for (session, row) in seen.after.sessions.iter().zip(seen.rows) {
        let generation = row.as_ref().map(|row| row.generation);
        assert_eq!(generation, Some(session.heads.len() as u64 - 1), "I1: {:?}", seen.op);
    }
}

fn i2_nothing_is_issued_after_the_end(seen: &Observed<'_>) {
    let Expected::Tokens { session, .. } = seen.expected else { return };
    let ended = seen.before.get(*session).is_some_and(|session| session.ended);
    assert!(!ended, "I2: {:?} was answered with tokens", seen.op);
}

fn i3_what_is_issued_is_the_head(seen: &Observed<'_>, given: &Given) {
    let session = seen.after.sessions.iter().find(|session| session.id == Some(given.session)).expect("I3: known");
    let head = session.heads.last().expect("there is one");
    assert_eq!(head.as_ref(), Some(&given.refresh), "I3: {:?}", seen.op);
}

fn i4_what_was_ended_stays_ended(seen: &Observed<'_>) {
    for (before, after) in seen.rows_before.iter().zip(seen.rows) {
        let ended = before.as_ref().and_then(|row| row.revoked_at);
        let still = after.as_ref().and_then(|row| row.revoked_at);
        assert!(ended.is_none() || ended == still, "I4: {:?}: {ended:?} became {still:?}", seen.op);
    }
}

/// No retry in time ends a session (I5), every reuse after the grace does (I6), and so does everything that is meant to.
fn i5_and_i6_a_session_is_ended_exactly_when_it_should(seen: &Observed<'_>) {
    for (session, row) in seen.after.sessions.iter().zip(seen.rows) {
        let ended = row.as_ref().is_some_and(|row| row.revoked_at.is_some());
        assert_eq!(ended, session.ended, "I5, I6: after {:?}", seen.op);
    }
}

fn i7_nothing_outlives_its_time(seen: &Observed<'_>, given: &Given) {
    let Expected::Tokens { session, .. } = seen.expected else { return };
    let (session, now) = (&seen.after.sessions[*session], seen.after.now);
    assert!(now < session.idle_until && now < session.absolute, "I7: {:?}", seen.op);
    let secs = |duration: std::time::Duration| i64::try_from(duration.as_secs()).expect("fits");
    let (lasts, refresh_lasts) = match given.refresh_expires_in {
        Some(refresh) => (ACCESS.min(session.absolute - now), secs(refresh)),
        None => (session.idle_until - now, secs(given.expires_in)),
    };
    assert_eq!((secs(given.expires_in), refresh_lasts), (lasts, session.idle_until - now), "I7: {:?}", seen.op);
    assert_eq!(session.absolute, session.created_at + ABSOLUTE);
    for (session, row) in seen.after.sessions.iter().zip(seen.rows.iter().flatten()) {
        assert_eq!(row.idle_expires_at.as_secs(), session.idle_until, "I7: {:?}", seen.op);
        assert!(row.idle_expires_at <= row.absolute_expires_at, "I7: {:?}", seen.op);
    }
}

/// Damage is not even looked up. What is forged, ahead or on the wrong route is looked up, and changes nothing.
fn i9_what_was_never_issued_writes_nothing(seen: &Observed<'_>) {
    let is_harmless = match seen.op {
        Op::Damage { .. } | Op::Truncate { .. } => {
            assert_eq!(seen.calls, 0, "I9: {:?} was looked up", seen.op);
            true
        }
        Op::Forge { part, .. } => !matches!(part, RefreshPart::Secret),
        Op::RefreshElsewhere { .. } | Op::Verify { .. } => true,
        _ => *seen.outcome == Outcome::Refused(ErrorKind::InvalidCredentials) && !matches!(seen.op, Op::Open { .. }),
    };
    assert!(!is_harmless || seen.writes == 0, "I9: {:?} wrote", seen.op);
}
