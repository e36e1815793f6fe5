//! The keys of access tokens: which one signs, which ones verify. [`key`] is one of them, [`encoding`] and [`jwk`] read
//! and write it, and `token/prepared.rs` prepares them all for the hot path.

mod encoding;
mod jwk;
mod key;
#[cfg(test)]
mod tests;

#[cfg(feature = "jwks-client")]
pub(super) use key::MAX_KID_BYTES;
pub(super) use key::Material;
pub use key::{InvalidKey, KeyAlgorithm, KeyPem, TokenKey};

/// More make every start slow, and no rotation needs them.
pub(crate) const MAX_KEYS: usize = 64;

/// The keys of access tokens: one that signs, and any number that only verify, each with a name (`kid`) of its own.
///
/// A rotation with overlap: put the next key into the ring of every node as one that verifies, then let it sign and the
/// old one verify, and take the old one out when the last token it signed has expired
/// ([`access_token_ttl`](crate::AuthConfig::access_token_ttl)). Taking a key out stops its tokens at once.
/// [`Auth::replace_keys`](crate::Auth::replace_keys) does each step without a restart.
///
/// ```
/// use auth_core::{KeyAlgorithm, KeyRing, TokenKey};
///
/// let [old, next] = [TokenKey::generate_pem(KeyAlgorithm::EdDsa)?, TokenKey::generate_pem(KeyAlgorithm::Es256)?];
/// let [old, next] = [TokenKey::from_pem(old.expose_secret())?, TokenKey::from_pem(next.expose_secret())?];
/// let ring = KeyRing::new(next)?.verifying(old)?;
/// assert_eq!(ring.keys().len(), 2);
/// # Ok::<(), auth_core::InvalidKey>(())
/// ```
#[derive(Debug, Clone)]
pub struct KeyRing {
    keys: Vec<TokenKey>,
    /// The first one.
    signs: bool,
}

impl KeyRing {
    /// A ring whose `key` signs, and verifies what it signed.
    ///
    /// # Errors
    /// [`InvalidKey::CannotSign`] for a public key.
    pub fn new(key: TokenKey) -> Result<Self, InvalidKey> {
        if !key.can_sign() {
            return Err(InvalidKey::CannotSign);
        }
        Ok(Self { keys: vec![key], signs: true })
    }

    /// A ring that signs nothing, for services that only check tokens. Private halves are dropped.
    ///
    /// # Errors
    /// [`InvalidKey::DuplicateId`] and [`InvalidKey::TooMany`].
    pub fn verify_only(keys: impl IntoIterator<Item = TokenKey>) -> Result<Self, InvalidKey> {
        keys.into_iter().try_fold(Self { keys: Vec::new(), signs: false }, Self::verifying)
    }

    /// No key yet.
    #[cfg(feature = "jwks-client")]
    pub(crate) const fn none() -> Self {
        Self { keys: Vec::new(), signs: false }
    }

    /// Adds a key that only verifies; of a private key, its public half.
    ///
    /// # Errors
    /// [`InvalidKey::DuplicateId`] when another one has its name, [`InvalidKey::TooMany`] beyond 64.
    pub fn verifying(mut self, key: TokenKey) -> Result<Self, InvalidKey> {
        if self.keys.iter().any(|other| other.kid() == key.kid()) {
            return Err(InvalidKey::DuplicateId);
        }
        if self.keys.len() >= MAX_KEYS {
            return Err(InvalidKey::TooMany);
        }
        self.keys.push(key.into_verifying());
        Ok(self)
    }

    /// Reads a JWK set (RFC 7517), or PEM blocks, one after another: the first key signs when it is a private one, the
    /// others verify. A member of a set that is no key for our algorithms is an error here; a
    /// [`Verifier`](crate::Verifier) passes over those of other people's sets.
    ///
    /// # Errors
    /// What is wrong with the first key that cannot be used, or with all of them together.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        Self::of(TokenKey::read_all(text)?)
    }

    /// The public keys of somebody else's JWK set, without what we do not understand (RFC 7517 5): other kinds of keys,
    /// those for encryption, and secrets, which nobody publishes.
    #[cfg(feature = "jwks-client")]
    pub(crate) fn from_public_jwks(text: &str) -> Result<Self, InvalidKey> {
        let keys = jwk::read_set(text)?.into_iter().filter_map(Result::ok);
        // The first of a name counts, as with everybody who looks a key up by it.
        let mut ring = Self::none();
        for key in keys.filter(|key| key.algorithm() != KeyAlgorithm::Hs256) {
            match ring.clone().verifying(key) {
                Ok(more) => ring = more,
                Err(InvalidKey::DuplicateId) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(ring)
    }

    /// These keys: the first one signs when it can.
    pub(crate) fn of(keys: Vec<TokenKey>) -> Result<Self, InvalidKey> {
        let mut keys = keys.into_iter();
        let first = keys.next().ok_or(InvalidKey::Empty)?;
        let ring = if first.can_sign() { Self::new(first)? } else { Self::verify_only([first])? };
        keys.try_fold(ring, Self::verifying)
    }

    /// The public halves as a JWK set.
    pub(crate) fn published(&self) -> Vec<u8> {
        jwk::published(&self.keys)
    }

    /// All keys, the signing one first.
    #[must_use]
    pub fn keys(&self) -> &[TokenKey] {
        &self.keys
    }

    /// The key that signs, if one does.
    #[must_use]
    pub fn signing(&self) -> Option<&TokenKey> {
        self.keys.first().filter(|_| self.signs)
    }
}
