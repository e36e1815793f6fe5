//! Each secret is derived from the one before: `HMAC(K, "rt-v1" | secret | salt | session | generation)`.
//!
//! K comes from the server's secret, so reading the database, even for ever, and one stolen token yield no later token.
//! And since the successor can be derived again, the answer to a lost reply needs no plaintext in the database.

use ring::hmac;
use zeroize::Zeroizing;

use super::codec::TokenParts;
use crate::secret::SecretKey;

/// The key of the ratchet.
pub(crate) struct RatchetKey {
    /// Tells keys apart in stored rows; says nothing about the key.
    id: u16,
    key: hmac::Key,
}

impl RatchetKey {
    pub(crate) fn derive(secret: &SecretKey) -> Option<Self> {
        let id = secret.derive("refresh ratchet id")?;
        // 15 bits, so that it fits a signed column; never 0, which stands for "not derived".
        let id = (u16::from_be_bytes(*id.first_chunk()?) & 0x7fff).max(1);
        Some(Self { id, key: secret.derive_hmac("refresh ratchet")? })
    }

    pub(crate) const fn id(&self) -> u16 {
        self.id
    }

    /// The token of the generation after `parts`.
    pub(crate) fn successor(&self, parts: &TokenParts, salt: &[u8; 16]) -> TokenParts {
        let generation = parts.generation.saturating_add(1);
        let mut context = hmac::Context::with_key(&self.key);
        context.update(b"rt-v1");
        context.update(&*parts.secret);
        context.update(salt);
        context.update(parts.session.as_bytes());
        context.update(&generation.to_be_bytes());
        let mut secret = Zeroizing::new([0; 32]);
        secret.copy_from_slice(context.sign().as_ref());
        TokenParts { session: parts.session, generation, family: parts.family.clone(), secret }
    }
}

impl std::fmt::Debug for RatchetKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RatchetKey").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::SessionId;

    fn parts() -> TokenParts {
        TokenParts {
            session: SessionId::from_bytes([1; 16]),
            generation: 4,
            family: Zeroizing::new([2; 16]),
            secret: Zeroizing::new([3; 32]),
        }
    }

    #[test]
    fn r6_the_successor_depends_on_the_key_the_secret_and_the_salt() {
        let key = |secret: &str| RatchetKey::derive(&SecretKey::from(secret)).expect("derives");
        let base = key("k1").successor(&parts(), &[0; 16]);
        assert_eq!(base.generation, 5);
        assert_eq!(base.secret, key("k1").successor(&parts(), &[0; 16]).secret, "it can be derived again");

        let other_secret = TokenParts { secret: Zeroizing::new([4; 32]), ..parts() };
        let other_session = TokenParts { session: SessionId::from_bytes([9; 16]), ..parts() };
        let others = [
            key("k2").successor(&parts(), &[0; 16]),
            key("k1").successor(&parts(), &[1; 16]),
            key("k1").successor(&other_secret, &[0; 16]),
            key("k1").successor(&other_session, &[0; 16]),
            key("k1").successor(&base, &[0; 16]),
        ];
        for other in others {
            assert_ne!(base.secret, other.secret);
        }
        assert_ne!(key("k1").id(), key("k2").id());
    }
}
