//! A key that seals second factors, as it is configured.

use std::fmt;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{alphabet, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret as _, SecretSlice};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

const KEY_BYTES: usize = 32;

/// A key of 256 bits that seals the secrets of second factors at rest, see
/// [`AuthConfig::mfa_keys`](crate::AuthConfig). Make one with `openssl rand -base64 32`.
#[derive(Clone)]
pub struct MfaKey(SecretSlice<u8>);

impl MfaKey {
    /// Takes 32 random bytes; [`AuthBuilder::build`](crate::AuthBuilder::build) refuses what looks like text.
    #[must_use]
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        let bytes = Zeroizing::new(bytes);
        Self(SecretSlice::from(bytes.to_vec()))
    }

    /// Reads the base64 of exactly 32 bytes, in the standard or the URL-safe alphabet, with or without padding.
    ///
    /// # Errors
    /// [`InvalidMfaKey`] for anything else. A passphrase is no key: it can be guessed by who holds the database.
    pub fn from_base64(text: &str) -> Result<Self, InvalidMfaKey> {
        const CONFIG: GeneralPurposeConfig =
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let url_safe = text.contains(['-', '_']);
        let alphabet = if url_safe { &alphabet::URL_SAFE } else { &alphabet::STANDARD };
        let bytes = Zeroizing::new(GeneralPurpose::new(alphabet, CONFIG).decode(text).map_err(|_| InvalidMfaKey)?);
        let bytes: [u8; KEY_BYTES] = bytes.as_slice().try_into().map_err(|_| InvalidMfaKey)?;
        Ok(Self::new(bytes))
    }

    pub(crate) fn expose_secret(&self) -> &[u8] {
        self.0.expose_secret()
    }

    pub(crate) fn same_as(&self, other: &Self) -> bool {
        self.expose_secret().ct_eq(other.expose_secret()).into()
    }

    /// Whether this is no work of a random source: one in 10^13 of those is all printable, and none repeats itself.
    pub(crate) fn is_weak(&self) -> bool {
        let bytes = self.expose_secret();
        let distinct = bytes.iter().collect::<std::collections::BTreeSet<_>>().len();
        distinct < 16 || bytes.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
    }

    /// Whether `secret` is this key, as bytes or as text.
    pub(crate) fn is_also(&self, secret: &[u8]) -> bool {
        let text = Zeroizing::new(STANDARD.encode(self.expose_secret()));
        let as_key = std::str::from_utf8(secret).ok().and_then(|secret| Self::from_base64(secret).ok());
        secret == self.expose_secret() || secret == text.as_bytes() || as_key.is_some_and(|key| self.same_as(&key))
    }
}

impl fmt::Debug for MfaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MfaKey([redacted])")
    }
}

/// Text that is no key for second factors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the base64 of 32 bytes: make a key with `openssl rand -base64 32`")]
pub struct InvalidMfaKey;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m3_a_key_is_the_base64_of_32_bytes() {
        let bytes: [u8; 32] = std::array::from_fn(|i| (i as u8).wrapping_mul(37) ^ 0xfb);
        let standard = STANDARD.encode(bytes);
        let url_safe = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
        assert!(standard.contains(['+', '/']), "the alphabets differ for it");
        for text in [&*standard, standard.trim_end_matches('='), &*url_safe] {
            assert!(MfaKey::from_base64(text).expect(text).same_as(&MfaKey::new(bytes)), "{text}");
        }
        for text in [
            "".to_owned(),
            "correct horse battery staple".to_owned(),
            STANDARD.encode([7; 31]),
            STANDARD.encode([7; 33]),
            "ab".repeat(32),
            format!(" {standard}"),
            format!("{standard}\n"),
        ] {
            assert_eq!(MfaKey::from_base64(&text).map(|_| ()), Err(InvalidMfaKey), "{text:?}");
        }
    }

    #[test]
    fn m3_keys_that_no_random_source_made_are_weak() {
        let good: [u8; 32] = std::array::from_fn(|i| (i as u8).wrapping_mul(37) ^ 0xfb);
        assert!(!MfaKey::new(good).is_weak());
        for bytes in [[0; 32], *b"Sphinx of black quartz, judge me", std::array::from_fn(|i| 128 + (i % 15) as u8)] {
            assert!(MfaKey::new(bytes).is_weak(), "{bytes:?}");
        }
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", MfaKey::new([b'k'; 32])), "MfaKey([redacted])");
    }
}
