//! What was revoked, made to be asked for every request.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use crate::id::{SessionId, UserId};
use crate::store::{Epoch, Revoked};
use crate::token::Identity;

/// Revoked sessions, and the users of whom everything before an epoch is revoked.
#[derive(Debug, Default)]
pub(super) struct RevokedSet {
    sessions: HashSet<SessionId, BuildHasherDefault<RandomEnough>>,
    lowest_epochs: HashMap<UserId, Epoch>,
}

impl RevokedSet {
    pub(super) fn has(&self, identity: &Identity) -> bool {
        let session = identity.session().is_some_and(|session| self.sessions.contains(&session));
        session || self.lowest_epochs.get(identity.user()).is_some_and(|lowest| identity.epoch() < *lowest)
    }
}

impl FromIterator<Revoked> for RevokedSet {
    fn from_iter<I: IntoIterator<Item = Revoked>>(revoked: I) -> Self {
        let mut set = Self::default();
        for revoked in revoked {
            match revoked {
                Revoked::Session(session) => {
                    set.sessions.insert(session);
                }
                Revoked::User { user, lowest_epoch } => {
                    let lowest = set.lowest_epochs.entry(user).or_default();
                    *lowest = lowest_epoch.max(*lowest);
                }
            }
        }
        set
    }
}

/// The hash of a session id is its second half: 62 random bits that we drew ourselves, so there is nothing to defend
/// against, and a hash function proper would cost more than the look-up.
#[derive(Default)]
struct RandomEnough(u64);

impl Hasher for RandomEnough {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(last) = bytes.last_chunk() {
            self.0 = u64::from_be_bytes(*last);
        }
    }

    fn write_usize(&mut self, _: usize) {
        // The length of an id, which is that of every other.
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::{BuildHasher as _, BuildHasherDefault};

    use super::*;
    use crate::clock::Timestamp;
    use crate::rng::SystemRandom;

    #[test]
    fn ids_spread_over_the_buckets() {
        let hasher = BuildHasherDefault::<RandomEnough>::default();
        let random = SystemRandom::new();
        let mut buckets = HashSet::new();
        for _ in 0..4096 {
            // All of one millisecond.
            let id = SessionId::generate(Timestamp::from_secs(1_800_000_000), &random).expect("an id");
            buckets.insert(hasher.hash_one(id) % 4096);
        }
        // 4096 balls in 4096 buckets leave 63 % of them used.
        assert!(buckets.len() > 2400, "{} buckets", buckets.len());
    }
}
