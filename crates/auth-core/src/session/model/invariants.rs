//! What is promised, and checked after every step of every world. Each function says whether the step kept it.

use super::driver::{Driver, Seen};
use super::world::{ABSOLUTE, Answer, IDLE, Punctuality, Purpose, SKEW, Shape, World};

/// A step: the world before it, what it did, and the world after it.
pub(super) struct Taken<'a> {
    pub(super) before: &'a World,
    pub(super) seen: &'a Seen,
    pub(super) after: &'a World,
    pub(super) driver: &'a Driver,
}

pub(super) type Invariant = (&'static str, fn(&Taken<'_>) -> bool);

pub(super) const ALL: &[Invariant] = &[
    ("I1", i1_a_generation_is_rotated_once),
    ("I2", i2_nothing_is_issued_after_the_end),
    ("I3", i3_what_is_issued_is_the_head),
    ("I4", i4_what_was_ended_stays_ended),
    ("I5", i5_who_comes_in_time_is_never_taken_for_a_thief),
    ("I6", i6_reuse_after_the_grace_ends_the_session),
    ("I7", i7_nothing_outlives_its_time),
    ("I8", i8_the_row_tells_no_secret),
    ("I9", i9_only_a_token_that_was_issued_writes),
    ("R4", r4_who_comes_in_time_is_answered),
];

/// Of all requests that present a generation, one rotates it. The chain of secrets never forks.
fn i1_a_generation_is_rotated_once(taken: &Taken<'_>) -> bool {
    let Some(wrote) = taken.seen.wrote.as_ref().filter(|_| taken.seen.rotated.is_some()) else { return true };
    // The secret it was derived from is the one that counted: then no other step replaced it before.
    wrote.token == taken.before.head().secret
}

/// Once the session was ended (logout, password change, suspension, reuse), nobody gets tokens from it, not even a
/// request that had looked before.
fn i2_nothing_is_issued_after_the_end(taken: &Taken<'_>) -> bool {
    taken.seen.issued.is_none() || !taken.before.past.ended
}

/// Every token given out is the current one at that moment: all tabs converge on it, whatever order answers come in.
fn i3_what_is_issued_is_the_head(taken: &Taken<'_>) -> bool {
    taken
        .seen
        .issued
        .is_none_or(|secret| secret == taken.after.database.row.current && secret == taken.after.head().secret)
}

/// No write brings an ended session back. (A database that loses the commit itself has not been told.)
fn i4_what_was_ended_stays_ended(taken: &Taken<'_>) -> bool {
    taken.seen.failed_over || !taken.before.database.row.revoked || taken.after.database.row.revoked
}

/// Two tabs, lost answers, retries, crashes, clocks that are set back, failovers: as long as there is no thief and
/// every token comes less than the grace after it was replaced, no session is ended for reuse.
fn i5_who_comes_in_time_is_never_taken_for_a_thief(taken: &Taken<'_>) -> bool {
    !taken.seen.reuse_ended || taken.after.past.thief_came || taken.after.past.came_late
}

/// Whoever presents a token that was replaced at least the grace ago, thief or victim, nobody keeps the session: by
/// the time of the answer it has ended.
fn i6_reuse_after_the_grace_ends_the_session(taken: &Taken<'_>) -> bool {
    let Some((request, answer)) = &taken.seen.answered else { return true };
    let is_reuse = request.purpose == Purpose::Refresh && request.came == Punctuality::Overdue;
    let issued = matches!(answer, Answer::Tokens(_));
    // Expired is dead too, and needs no mark.
    !is_reuse || (!issued && (taken.after.past.ended || has_expired(taken.after, taken.seen.judged_at)))
}

/// No tokens after the idle or the absolute end, and no rotation moves the idle end past the absolute one.
fn i7_nothing_outlives_its_time(taken: &Taken<'_>) -> bool {
    let in_time = taken.seen.issued.is_none() || !has_expired(taken.before, taken.seen.judged_at);
    in_time && taken.after.database.row.idle_expires_at <= ABSOLUTE
}

/// Reading the row yields no family secret and no secret of any generation.
fn i8_the_row_tells_no_secret(taken: &Taken<'_>) -> bool {
    let Some(row) = &taken.seen.stored else { return true };
    let fields = [
        row.id.as_bytes().as_slice(),
        &row.family_hash,
        &row.current_hash,
        row.previous_hash.as_ref().map_or(&[], |hash| hash.as_slice()),
        &row.salt,
    ];
    !fields.iter().any(|field| taken.driver.secrets.are_in(field))
}

/// A damaged token, one of another family, and one that this database has not issued change nothing.
fn i9_only_a_token_that_was_issued_writes(taken: &Taken<'_>) -> bool {
    let Some(request) = &taken.seen.wrote else { return true };
    let is_issued = |lost| taken.before.past.heads.iter().any(|head| head.secret == request.token && head.lost == lost);
    // Whoever holds a token that only a failover took back may still sign out with it.
    let may_write =
        is_issued(false) || (request.purpose == Purpose::Logout && is_issued(true)) || is_known_ancestor(taken);
    request.shape == Shape::Whole && may_write
}

/// In the same peace as in I5, whoever comes in time gets tokens: a lost answer costs a retry, not a login.
fn r4_who_comes_in_time_is_answered(taken: &Taken<'_>) -> bool {
    let Some((request, answer)) = &taken.seen.answered else { return true };
    let past = &taken.before.past;
    let row = &taken.before.database.row;
    let peace = !past.thief_came && !taken.after.past.came_late && !past.ended && !past.failed_over;
    // A rotation far in the future is refused, with nothing ended: see I5.
    let clocks_agree = taken.before.head().since - taken.seen.judged_at <= SKEW;
    // Replaced twice while it waited for the store: nothing can be derived for it any more.
    let overtaken = request.races_lost > 0 && row.current != request.token && row.previous != Some(request.token);
    let owed = request.by.is_honest()
        && request.purpose == Purpose::Refresh
        && request.shape == Shape::Whole
        && request.came == Punctuality::InTime
        && !has_expired(taken.before, taken.seen.judged_at)
        && !overtaken;
    !(peace && clocks_agree && owed) || matches!(answer, Answer::Tokens(_))
}

/// By the observer's notes, not by the row.
fn has_expired(world: &World, now: i16) -> bool {
    now >= world.head().since + IDLE || now >= ABSOLUTE
}

/// A generation that a failover took back, and that was overtaken since: by its number it is an ancestor, and its
/// family vouches for it.
fn is_known_ancestor(taken: &Taken<'_>) -> bool {
    let wrote = taken.seen.wrote.as_ref();
    wrote.is_some_and(|request| {
        taken.driver.secrets.parts(request.token).generation < u64::from(taken.before.database.row.generation)
    })
}
