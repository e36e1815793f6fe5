//! Secrets of second factors at rest: sealed with AES-256-GCM, bound to their owner, under keys that can be rotated.
//!
//! ```text
//! sealed = 0x01 | key id 4 | nonce 12 | ciphertext | tag 16
//! ```
//!
//! The first configured key seals, every key opens. Without a configured key one is derived from the server's secret,
//! and it goes on opening after keys are configured, so that enabling `MFA_KEYS` locks nobody out. The nonce is random:
//! a key would have to seal 2^32 times before two alike are worth a thought (NIST SP 800-38D 8.3).

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::digest;
use zeroize::Zeroizing;

use super::key::MfaKey;
use super::totp::TotpSecret;
use crate::error::{AuthError, ErrorKind};
use crate::id::{SessionId, UserId};
use crate::rng::{self, SecureRandom};
use crate::secret::SecretKey;

const VERSION: u8 = 1;
const ID_BYTES: usize = 4;
const TAG_BYTES: usize = 16;

/// A sealed secret, for a store: bytes that say nothing without the key.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// The most bytes that a store has to keep.
    pub const MAX_BYTES: usize = 1 + ID_BYTES + NONCE_LEN + TotpSecret::MAX_BYTES + TAG_BYTES;

    /// What a store kept. It is checked when it is opened, not here: a damaged row must not stop the others from loading.
    #[must_use]
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes that a store keeps.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

/// What a secret is sealed for. It opens for nothing else: not in the row of another user, not as a factor before its
/// enrolment is confirmed, not in another session (requirement M4).
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose<'a> {
    /// The active factor of a user.
    Factor(&'a UserId),
    /// A secret that a user was shown in a session and has not confirmed yet.
    Pending(&'a UserId, SessionId),
}

/// The keys that seal and open.
pub(crate) struct MfaKeys {
    current: SealingKey,
    older: Vec<SealingKey>,
}

impl MfaKeys {
    /// The configured keys, the current one first, and one derived from the server's secret behind them. `None` only if
    /// `ring` refuses.
    pub(crate) fn new(configured: &[MfaKey], secret: &SecretKey) -> Option<Self> {
        let derived = SealingKey::new(&*secret.derive("mfa sealing")?)?;
        let mut older = Vec::with_capacity(configured.len());
        let Some((first, rest)) = configured.split_first() else {
            return Some(Self { current: derived, older });
        };
        for key in rest {
            older.push(SealingKey::new(key.expose_secret())?);
        }
        older.push(derived);
        Some(Self { current: SealingKey::new(first.expose_secret())?, older })
    }

    /// Seals under the current key.
    pub(crate) fn seal(
        &self,
        secret: &TotpSecret,
        purpose: Purpose<'_>,
        random: &dyn SecureRandom,
    ) -> Result<Sealed, AuthError> {
        let nonce = rng::bytes::<NONCE_LEN>(random)?;
        let SealingKey { id, aead } = &self.current;
        // All of it at once: a vector that grows would leave the secret behind.
        let mut text = Zeroizing::new(Vec::with_capacity(Sealed::MAX_BYTES));
        text.extend_from_slice(secret.expose_bytes());
        aead.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), bind(*id, purpose), &mut *text)
            .map_err(|_| AuthError::new(ErrorKind::Internal, "sealing a second factor failed"))?;
        Ok(Sealed([&[VERSION], id.as_slice(), &nonce, &text].concat()))
    }

    /// Opens what was sealed for `purpose`.
    pub(crate) fn open(&self, sealed: &Sealed, purpose: Purpose<'_>) -> Result<Opened, OpenError> {
        let (id, nonce, text) = parts(sealed).ok_or(OpenError::Damaged)?;
        let is_current = self.current.id == id;
        let key = std::iter::once(&self.current).chain(&self.older).find(|key| key.id == id);
        let key = key.ok_or(OpenError::UnknownKey)?;

        let mut text = Zeroizing::new(text.to_vec());
        let nonce = Nonce::assume_unique_for_key(nonce);
        let bytes = key.aead.open_in_place(nonce, bind(id, purpose), &mut text).map_err(|_| OpenError::Damaged)?;
        let secret = TotpSecret::from_bytes(bytes).map_err(|_| OpenError::Damaged)?;
        Ok(Opened { secret, sealed_by: if is_current { SealedBy::CurrentKey } else { SealedBy::OlderKey } })
    }
}

impl fmt::Debug for MfaKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MfaKeys").field("current", &self.current).field("older", &self.older).finish()
    }
}

/// A secret, and whether it should be sealed again.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) secret: TotpSecret,
    pub(crate) sealed_by: SealedBy,
}

impl Opened {
    /// Whether to seal it again, so that the older key can be removed one day.
    pub(crate) fn is_outdated(&self) -> bool {
        self.sealed_by == SealedBy::OlderKey
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SealedBy {
    CurrentKey,
    OlderKey,
}

/// Why a stored secret does not open. The user is not to blame, and cannot help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OpenError {
    /// The key was removed from the configuration, or the row is damaged just there.
    #[error("a second factor is sealed under a key that is not configured: put it back behind the first of `mfa_keys`")]
    UnknownKey,
    /// Altered, or sealed for another user, session or purpose.
    #[error("a sealed second factor is damaged, or was not made for this user")]
    Damaged,
}

impl From<OpenError> for AuthError {
    fn from(error: OpenError) -> Self {
        Self::new(ErrorKind::Internal, error)
    }
}

/// One key, and the name that sealed secrets call it by.
struct SealingKey {
    id: [u8; ID_BYTES],
    aead: LessSafeKey,
}

impl SealingKey {
    fn new(key: &[u8]) -> Option<Self> {
        let aead = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).ok()?);
        // A hash of 256 random bits tells nothing of them.
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(b"auth-core mfa key id");
        hash.update(key);
        let id = *hash.finish().as_ref().first_chunk()?;
        Some(Self { id, aead })
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealingKey").field("id", &self.id).finish_non_exhaustive()
    }
}

fn parts(sealed: &Sealed) -> Option<([u8; ID_BYTES], [u8; NONCE_LEN], &[u8])> {
    let (version, rest) = sealed.0.split_first()?;
    let (id, rest) = rest.split_first_chunk::<ID_BYTES>()?;
    let (nonce, text) = rest.split_first_chunk::<NONCE_LEN>()?;
    (*version == VERSION && sealed.0.len() <= Sealed::MAX_BYTES).then_some((*id, *nonce, text))
}

/// The additional data: everything that decides what the secret is for. Each part has a fixed length or says its own.
fn bind(id: [u8; ID_BYTES], purpose: Purpose<'_>) -> Aad<Vec<u8>> {
    let (kind, user, session): (_, _, &[u8]) = match &purpose {
        Purpose::Factor(user) => (b"factor_", user, &[]),
        Purpose::Pending(user, session) => (b"pending", user, session.as_bytes()),
    };
    let user = user.as_str().as_bytes();
    // A user id has 64 bytes at most.
    let user_len = u8::try_from(user.len()).unwrap_or(u8::MAX);
    Aad::from([b"auth-core mfa", &[VERSION][..], &id, kind, &[user_len], user, session].concat())
}

#[cfg(test)]
mod tests;
