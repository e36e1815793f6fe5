//! The secrets of the model: small names for real ones.
//!
//! A state of the search must be small, so it holds names. Behind each name is a real token, made by the real ratchet
//! and read back by the real codec, and every row that is judged holds the real hashes. No two names ever stand for
//! the same secret (asserted as each is made), so comparing names is comparing hashes.

use std::collections::{HashMap, HashSet};
use std::fmt;

use zeroize::Zeroizing;

use super::world::{ABSOLUTE, Database};
use crate::client::ClientInfo;
use crate::clock::Timestamp;
use crate::id::{SessionId, UserId};
use crate::secret::{RefreshToken, SecretKey};
use crate::session::codec::{self, TokenParts};
use crate::session::ratchet::RatchetKey;
use crate::store::{Epoch, SessionMode, SessionRecord};

/// The name of a secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Secret(u8);

/// The secret that the session was opened with.
pub(super) const FIRST: Secret = Secret(0);

/// Every secret there can be, so far.
pub(super) struct Secrets {
    pub(super) key: RatchetKey,
    known: Vec<Known>,
    successors: HashMap<(Secret, u8), Secret>,
    /// Every secret, in pieces of 16 bytes.
    halves: HashSet<[u8; 16]>,
}

struct Known {
    token: RefreshToken,
    parts: TokenParts,
    hash: [u8; 32],
    /// The salt it was derived with.
    salt: [u8; 16],
}

impl Secrets {
    pub(super) fn new() -> Self {
        let parts = TokenParts {
            session: SessionId::from_bytes([7; 16]),
            generation: 0,
            family: Zeroizing::new([11; 16]),
            secret: Zeroizing::new([13; 32]),
        };
        let key = RatchetKey::derive(&SecretKey::from("the key of the model, not in its database")).expect("derives");
        let halves = HashSet::from([*parts.family]);
        let mut secrets = Self { key, known: Vec::new(), successors: HashMap::new(), halves };
        secrets.add(&parts, [0; 16]);
        secrets
    }

    /// The successor of `parent` under a salt that was never drawn before: the first one whose outcome nobody in this
    /// world has heard of. (A salt whose outcome everybody forgot is as good as new, and keeps the search finite.)
    pub(super) fn fresh_successor(&mut self, parent: Secret, is_known: impl Fn(Secret) -> bool) -> Secret {
        let salts = 1..u8::MAX;
        salts.map(|salt| self.successor(parent, salt)).find(|secret| !is_known(*secret)).expect("few are in use")
    }

    fn successor(&mut self, parent: Secret, salt: u8) -> Secret {
        if let Some(known) = self.successors.get(&(parent, salt)) {
            return *known;
        }
        let parts = self.key.successor(self.parts(parent), &[salt; 16]);
        let name = self.add(&parts, [salt; 16]);
        self.successors.insert((parent, salt), name);
        name
    }

    fn add(&mut self, parts: &TokenParts, salt: [u8; 16]) -> Secret {
        let name = Secret(u8::try_from(self.known.len()).expect("few secrets"));
        let token = parts.encode();
        let parts = TokenParts::decode(&token).expect("the codec reads what it wrote");
        let hash = codec::hash(&*parts.secret);
        assert!(self.known.iter().all(|other| other.hash != hash), "two names for one secret");
        self.halves.extend(parts.secret.as_chunks().0);
        self.known.push(Known { token, parts, hash, salt });
        name
    }

    pub(super) fn parts(&self, secret: Secret) -> &TokenParts {
        &self.known[usize::from(secret.0)].parts
    }

    /// The name of the secret that `parts` holds.
    pub(super) fn named(&self, parts: &TokenParts) -> Option<Secret> {
        let hash = codec::hash(&*parts.secret);
        (0..).map(Secret).zip(&self.known).find(|(_, known)| known.hash == hash).map(|(name, _)| name)
    }

    /// What is left of a token when one of its characters was changed on the way: whatever the codec makes of it.
    pub(super) fn damaged(&self, secret: Secret) -> Option<TokenParts> {
        let mut text = self.known[usize::from(secret.0)].token.expose_secret().to_owned();
        // Within the secret: the place where damage would look most like theft.
        let changed = if text.as_bytes()[80] == b'A' { "B" } else { "A" };
        text.replace_range(80..81, changed);
        TokenParts::decode(&RefreshToken::new(text))
    }

    /// A token of somebody who knows the session's id, and guesses the rest.
    pub(super) fn forged(&self, secret: Secret) -> TokenParts {
        TokenParts { family: Zeroizing::new([99; 16]), ..self.parts(secret).clone() }
    }

    /// The stored row, as the real store would return it.
    pub(super) fn record(&self, database: &Database) -> SessionRecord {
        let row = &database.row;
        let current = &self.known[usize::from(row.current.0)];
        let time = |secs: i16| Timestamp::from_secs(secs.into());
        SessionRecord {
            id: current.parts.session,
            user: UserId::new("u").expect("short"),
            epoch: Epoch(row.epoch.into()),
            aal: 1,
            family_hash: codec::hash(&*current.parts.family),
            generation: row.generation.into(),
            current_hash: current.hash,
            previous_hash: row.previous.map(|previous| self.known[usize::from(previous.0)].hash),
            salt: current.salt,
            key_id: if row.previous.is_some() { self.key.id() } else { 0 },
            mode: SessionMode::Json,
            auth_time: time(0),
            created_at: time(0),
            rotated_at: row.rotated_at.map(time),
            idle_expires_at: time(row.idle_expires_at),
            absolute_expires_at: time(ABSOLUTE),
            revoked_at: row.revoked.then(|| time(0)),
            client: ClientInfo::default(),
        }
    }

    /// Whether a field of the row holds a secret that there is, of the family or of a generation, or half of one.
    pub(super) fn are_in(&self, field: &[u8]) -> bool {
        field.chunks_exact(16).any(|half| self.halves.contains(half))
    }

    /// For traces: `g2` is a secret of generation 2, `g2'` another one.
    pub(super) fn show(&self, secret: Secret) -> String {
        let known = &self.known[usize::from(secret.0)];
        format!("g{}{}", known.parts.generation, "'".repeat(usize::from(known.salt[0].saturating_sub(1))))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}
