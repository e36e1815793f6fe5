//! Recovery codes: ten of 120 bits, each good for one sign-in without the authenticator app.
//!
//! With so many bits one round of HMAC is enough (ASVS 6.5.2 asks for a slow hash below 112), and a code is found by
//! its hash in one statement. The key of the HMAC comes from the server's secret, so a dump of the database cannot even
//! be tried against codes found elsewhere; a new secret voids all codes.

use std::fmt;

use base32::Alphabet;
use ring::hmac;
use zeroize::Zeroizing;

use crate::id::UserId;
use crate::rng::{self, RandomError, SecureRandom};
use crate::secret::SecretKey;

const CODE_BYTES: usize = 15;
const CHARS: usize = CODE_BYTES * 8 / 5;
const GROUP: usize = 6;

/// A recovery code.
#[derive(Clone)]
pub struct RecoveryCode(Zeroizing<[u8; CODE_BYTES]>);

impl RecoveryCode {
    /// How many a user gets at once.
    pub const SET: usize = 10;

    /// Fresh codes, to be shown once.
    pub(crate) fn generate_set(random: &dyn SecureRandom) -> Result<Vec<Self>, RandomError> {
        (0..Self::SET).map(|_| rng::bytes(random).map(Zeroizing::new).map(Self)).collect()
    }

    /// Reads a code as people copy it: in either case, with or without hyphens and spaces, `O` for `0`, `I` or `L` for
    /// `1`. `None` for anything else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut chars = Zeroizing::new(String::with_capacity(CHARS));
        for char in text.chars().filter(|c| !c.is_whitespace() && *c != '-') {
            if chars.len() == CHARS || !char.is_ascii_alphanumeric() {
                return None;
            }
            chars.push(char);
        }
        if chars.len() != CHARS {
            return None;
        }
        let bytes = Zeroizing::new(base32::decode(Alphabet::Crockford, &chars)?);
        Some(Self(Zeroizing::new(bytes.as_slice().try_into().ok()?)))
    }

    /// The code as it is shown: `XXXXXX-XXXXXX-XXXXXX-XXXXXX` in Crockford's base32, which has no letters that look like
    /// digits.
    #[must_use]
    pub fn expose_secret(&self) -> Zeroizing<String> {
        let chars = Zeroizing::new(base32::encode(Alphabet::Crockford, &*self.0));
        let mut text = Zeroizing::new(String::with_capacity(CHARS + CHARS / GROUP));
        for (at, char) in chars.chars().enumerate() {
            if at > 0 && at % GROUP == 0 {
                text.push('-');
            }
            text.push(char);
        }
        text
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode([redacted])")
    }
}

/// What a store keeps of a recovery code.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RecoveryHash([u8; 32]);

impl RecoveryHash {
    /// The hash from the 32 bytes that a store kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes that a store keeps.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for RecoveryHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryHash([redacted])")
    }
}

/// The key under which recovery codes are hashed.
pub(crate) struct RecoveryKey(hmac::Key);

impl RecoveryKey {
    /// `None` only if `ring` refuses.
    pub(crate) fn derive(secret: &SecretKey) -> Option<Self> {
        secret.derive_hmac("mfa recovery codes").map(Self)
    }

    /// The hash of a code of `user`: for every user another one.
    pub(crate) fn hash(&self, user: &UserId, code: &RecoveryCode) -> RecoveryHash {
        let mut context = hmac::Context::with_key(&self.0);
        // The code has a fixed length, so nothing can move from it into the user id.
        context.update(b"recovery-v1");
        context.update(&*code.0);
        context.update(user.as_str().as_bytes());
        let mut hash = [0; 32];
        hash.copy_from_slice(context.sign().as_ref());
        RecoveryHash(hash)
    }
}

impl fmt::Debug for RecoveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryKey([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;
    use crate::rng::SystemRandom;

    fn code(bytes: [u8; CODE_BYTES]) -> RecoveryCode {
        RecoveryCode(Zeroizing::new(bytes))
    }

    fn user(id: &str) -> UserId {
        UserId::new(id).expect("short")
    }

    fn key(secret: &str) -> RecoveryKey {
        RecoveryKey::derive(&SecretKey::from(secret)).expect("derives")
    }

    #[test]
    fn m7_ten_different_codes_of_at_least_112_bits() {
        let codes = RecoveryCode::generate_set(&SystemRandom::new()).expect("random");
        assert_eq!(codes.len(), 10);
        assert!(codes.iter().all(|code| code.0.len() * 8 >= 112));
        let texts: HashSet<_> = codes.iter().map(|code| code.expose_secret().to_string()).collect();
        assert_eq!(texts.len(), 10);
    }

    #[test]
    fn a_code_is_four_groups_of_six() {
        assert_eq!(*code([0; 15]).expose_secret(), "000000-000000-000000-000000");
        assert_eq!(*code([0xff; 15]).expose_secret(), "ZZZZZZ-ZZZZZZ-ZZZZZZ-ZZZZZZ");
        let counted = [0x00, 0x44, 0x32, 0x14, 0xc7, 0x42, 0x54, 0xb6, 0x35, 0xcf, 0x84, 0x65, 0x3a, 0x56, 0xd7];
        assert_eq!(*code(counted).expose_secret(), "012345-6789AB-CDEFGH-JKMNPQ");
    }

    #[test]
    fn m7_what_people_type_reads_back() {
        let expected = code([0x08, 0x42, 0x10, 0x84, 0x21, 0, 0, 0, 0, 0, 0x5a, 0x95, 0xab, 0x5a, 0xd7]);
        let text = expected.expose_secret();
        assert_eq!(*text, "111111-110000-0000BA-ATPPPQ");
        for typed in [
            "111111-110000-0000BA-ATPPPQ",
            "111111110000000 0BAATPPPQ",
            " 111111 110000 0000ba atpppq\n",
            "IiLl11-iLOo00-ooOO-BA-atpppq-",
            "1 1 1 1 1 1 1 1 0 0 0 0 0 0 0 0 B A A T P P P Q",
            "111111\u{a0}110000\u{2003}0000BA\tATPPPQ",
        ] {
            let code = RecoveryCode::parse(typed).expect(typed);
            assert_eq!(code.0, expected.0, "{typed:?}");
        }
        for other in [
            "", "111111-110000-0000BA-ATPPP", "111111-110000-0000BA-ATPPPQ0", "111111-110000-0000BA-ATPPPU",
            "111111-110000-0000BA-ATPPP*", "111111-110000-0000BA-ATPPPé", "111111_110000_0000BA_ATPPPQ",
            "１11111-110000-0000BA-ATPPPQ",
        ] {
            assert!(RecoveryCode::parse(other).is_none(), "{other:?}");
        }
    }

    #[test]
    fn m7_the_hash_depends_on_the_secret_the_user_and_the_code() {
        let base = key("k1").hash(&user("ada"), &code([1; 15]));
        assert_eq!(base, key("k1").hash(&user("ada"), &code([1; 15])), "it is found again");
        for other in [
            key("k2").hash(&user("ada"), &code([1; 15])),
            key("k1").hash(&user("bob"), &code([1; 15])),
            key("k1").hash(&user("ada"), &code([2; 15])),
        ] {
            assert_ne!(base, other);
        }
        assert_ne!(base.as_bytes()[..15], [1; 15], "it is no copy of the code");
    }

    #[test]
    fn debug_shows_nothing() {
        let shown = format!("{:?} {:?}", code([1; 15]), key("k1").hash(&user("ada"), &code([1; 15])));
        assert_eq!(shown, "RecoveryCode([redacted]) RecoveryHash([redacted])");
        assert_eq!(format!("{:?}", key("k1")), "RecoveryKey([redacted])");
    }

    proptest! {
        #[test]
        fn m7_every_code_reads_back(bytes: [u8; CODE_BYTES], lower: bool, bare: bool) {
            let mut text = code(bytes).expose_secret().to_string();
            if lower { text = text.to_lowercase(); }
            if bare { text = text.replace('-', ""); }
            prop_assert_eq!(RecoveryCode::parse(&text).map(|code| *code.0), Some(bytes));
        }

        #[test]
        fn m7_only_24_characters_of_the_alphabet_are_a_code(text in "[0-9a-zA-Z *-]{20,30}") {
            let chars: Vec<char> = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
            let is_code = chars.len() == 24 && chars.iter().all(|c| c.is_ascii_alphanumeric() && !matches!(c, 'u' | 'U'));
            prop_assert_eq!(RecoveryCode::parse(&text).is_some(), is_code);
        }
    }
}
