//! What a presented refresh token is worth, judged against the row. Pure: no clock, no database.

use subtle::ConstantTimeEq as _;

use super::codec::{self, TokenParts};
use crate::clock::Timestamp;
use crate::store::{Epoch, SessionRecord};

/// How far the clocks of two nodes may be apart, in milliseconds: a rotation that seems to lie in the future by no more
/// than this has just happened.
const NODE_SKEW_MILLIS: i64 = 60_000;

/// What a presented token is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The current secret, and the last rotation is longer ago than the grace: rotate.
    CurrentOld,
    /// The current secret, within the grace: the same token again.
    CurrentYoung,
    /// The previous secret, within the grace: its successor again.
    PreviousYoung,
    /// A secret that was replaced before the grace: somebody holds a copy. End the session.
    Reused,
    /// The session was ended, has expired, or its user may not sign in any more.
    Dead,
    /// Another family: whoever made this knows no more than a session id.
    Unknown,
    /// The right family, and a secret that was never issued.
    Mismatch,
    /// A generation that this database has not seen: it lost a commit. The session lives on.
    Ahead,
    /// The previous secret, and the row says it was rotated well in the future: a clock is wrong.
    ClockFault,
    /// Current when this request first looked, and replaced more than once since: too slow, and nobody's copy.
    Overtaken,
}

impl Standing {
    /// Whether the token is the one that the session goes by now.
    pub(crate) const fn is_current(self) -> bool {
        matches!(self, Self::CurrentOld | Self::CurrentYoung)
    }
}

/// What decides besides the row and the token.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Circumstances {
    pub(crate) now: Timestamp,
    pub(crate) grace_millis: i64,
    /// The user's epoch now.
    pub(crate) epoch: Epoch,
    /// Whether the user exists and is active.
    pub(crate) user_active: bool,
    /// Whether this very request found its token current before, and another one was first to rotate it. Then it came
    /// in time, however long the store kept the two of them waiting.
    pub(crate) lost_race: bool,
}

/// Judges `token` against `row`.
pub(crate) fn judge(row: &SessionRecord, token: &TokenParts, at: Circumstances) -> Standing {
    if !same(&codec::hash(&*token.family), &row.family_hash) {
        return Standing::Unknown;
    }
    let hash = codec::hash(&*token.secret);
    let is_current = token.generation == row.generation;
    let is_previous = token.generation.checked_add(1) == Some(row.generation);
    let known = match (is_current, is_previous) {
        (true, _) => same(&hash, &row.current_hash),
        (_, true) => row.previous_hash.is_some_and(|previous| same(&hash, &previous)),
        // Older or newer secrets are not stored; the family vouches for them.
        _ => true,
    };
    if !known {
        return Standing::Mismatch;
    }
    if is_dead(row, at) {
        return Standing::Dead;
    }
    if token.generation > row.generation {
        return Standing::Ahead;
    }

    // `None` before the first rotation: that one always rotates.
    let age = row.rotated_at.map(|rotated_at| at.now.millis_since(rotated_at));
    let young = age.is_some_and(|age| age >= -NODE_SKEW_MILLIS && age.max(0) < at.grace_millis);
    let overtaken = at.lost_race && at.grace_millis > 0;
    let in_the_future = age.is_some_and(|age| age < -NODE_SKEW_MILLIS);
    match (is_current, is_previous) {
        (true, _) if young => Standing::CurrentYoung,
        (true, _) => Standing::CurrentOld,
        (_, true) if young || overtaken => Standing::PreviousYoung,
        (_, true) if in_the_future => Standing::ClockFault,
        _ if overtaken => Standing::Overtaken,
        _ => Standing::Reused,
    }
}

/// Whether the session has ended, whatever is presented.
pub(crate) fn is_dead(row: &SessionRecord, at: Circumstances) -> bool {
    row.revoked_at.is_some()
        || row.epoch != at.epoch
        || !at.user_active
        || row.idle_expires_at <= at.now
        || row.absolute_expires_at <= at.now
}

fn same(a: &[u8; 32], b: &[u8; 32]) -> bool {
    a.ct_eq(b).into()
}

#[cfg(test)]
mod tests;
