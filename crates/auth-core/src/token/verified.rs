//! Access tokens whose signatures were verified with a public key, so that the next request with one costs a look-up in
//! place of an elliptic curve.
//!
//! Remembered is only that a signature is right: claims, expiry, revocation and requirements are looked at on every
//! request. The whole token is compared, so that no other payload goes with a signature that is known. It belongs to one
//! generation of keys, and goes with it. Secrets are not worth it: an HMAC costs what a look-up does.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::{Mutex, PoisonError};

use crate::clock::Timestamp;

/// How many tokens of one set are kept: a new one takes the place of the one that expires first.
const WAYS: usize = 8;

/// Longer tokens are verified each time, so that memory is bounded by what a token usually takes.
const LONGEST: usize = 2048;

/// A bounded set of tokens, each in one of many small sets with a lock of its own.
pub(super) struct VerifiedTokens {
    sets: Box<[Mutex<Vec<Entry>>]>,
    /// Keyed at random: nobody can choose tokens that push one another out.
    hasher: RandomState,
}

struct Entry {
    hash: u64,
    token: Box<str>,
    expires_at: Timestamp,
}

impl VerifiedTokens {
    /// Remembers up to `capacity` tokens, rounded up to whole sets.
    pub(super) fn new(capacity: usize) -> Self {
        let sets = capacity.div_ceil(WAYS).next_power_of_two();
        Self { sets: std::iter::repeat_with(Mutex::default).take(sets).collect(), hasher: RandomState::new() }
    }

    /// The encoded payload of `token`, if its signature is known to be right.
    pub(super) fn payload_of<'a>(&self, token: &'a str) -> Option<&'a str> {
        let hash = self.hasher.hash_one(token);
        let set = self.set_of(hash)?.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = set.iter().any(|entry| entry.hash == hash && *entry.token == *token);
        drop(set);
        if !is_known {
            return None;
        }
        // It was verified, so it has two dots.
        let (_, rest) = token.split_once('.')?;
        Some(rest.split_once('.')?.0)
    }

    /// Keeps that the signature of `token` is right, until it expires.
    pub(super) fn remember(&self, token: &str, expires_at: Timestamp, now: Timestamp) {
        if token.len() > LONGEST {
            return;
        }
        let hash = self.hasher.hash_one(token);
        let Some(set) = self.set_of(hash) else { return };
        let entry = Entry { hash, token: token.into(), expires_at };
        let mut set = set.lock().unwrap_or_else(PoisonError::into_inner);
        set.retain(|other| other.expires_at > now && (other.hash != hash || *other.token != *token));
        if set.len() < WAYS {
            set.push(entry);
        } else if let Some(first) = set.iter_mut().min_by_key(|other| other.expires_at) {
            *first = entry;
        }
    }

    fn set_of(&self, hash: u64) -> Option<&Mutex<Vec<Entry>>> {
        // The number of sets is a power of two.
        let last = self.sets.len() as u64 - 1;
        self.sets.get(usize::try_from(hash & last).ok()?)
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.sets.iter().map(|set| set.lock().expect("no test panics with it").len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn until(secs: i64) -> Timestamp {
        Timestamp::from_secs(NOW.as_secs() + secs)
    }

    #[test]
    fn a_token_is_known_whole_and_gives_its_payload() {
        let verified = VerifiedTokens::new(100);
        verified.remember("header.payload.signature", until(900), NOW);
        assert_eq!(verified.payload_of("header.payload.signature"), Some("payload"));
        for other in ["header.Payload.signature", "Header.payload.signature", "header.payload.Signature", "", ".."] {
            assert_eq!(verified.payload_of(other), None, "{other}");
        }
    }

    #[test]
    fn no_more_are_kept_than_there_is_room_for_and_what_expired_goes_first() {
        let verified = VerifiedTokens::new(64);
        for i in 0..10_000 {
            verified.remember(&format!("h.{i}.s"), until(900), NOW);
        }
        assert_eq!(verified.len(), 64);
        verified.remember("h.new.s", until(900), NOW);
        assert!(verified.payload_of("h.new.s").is_some(), "the newest has a place");

        let one_set = VerifiedTokens::new(1);
        for i in 0..WAYS {
            one_set.remember(&format!("h.{i}.s"), until(900 + i as i64), NOW);
        }
        one_set.remember("h.new.s", until(901), NOW);
        assert!(one_set.payload_of("h.0.s").is_none() && one_set.payload_of("h.1.s").is_some());
        one_set.remember("h.later.s", until(5000), until(903));
        assert_eq!(one_set.len(), WAYS - 3, "those that expired are gone");
    }

    #[test]
    fn a_token_is_kept_once_and_a_long_one_not_at_all() {
        let verified = VerifiedTokens::new(8);
        for _ in 0..3 {
            verified.remember("h.p.s", until(900), NOW);
        }
        verified.remember(&format!("h.{}.s", "p".repeat(LONGEST)), until(900), NOW);
        assert_eq!(verified.len(), 1);
    }
}
