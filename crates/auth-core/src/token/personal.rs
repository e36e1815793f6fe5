//! Personal access tokens as text, and their names.
//!
//! `pat_` (or another prefix), 32 characters of base32 with 160 random bits, and in 8 hexadecimal digits the CRC-32 of all
//! that. So whoever scans for leaked secrets finds one by a pattern and knows without asking anybody that it is one, and
//! one that was mistyped costs no statement.

use std::fmt;

use base32::Alphabet;
use zeroize::Zeroizing;

use crate::rng::{self, RandomError, SecureRandom};
use crate::secret::OpaqueToken;
use crate::session::codec;
use crate::store::TokenHash;

const ALPHABET: Alphabet = Alphabet::Rfc4648Lower { padding: false };
const SECRET_BYTES: usize = 20;
const CHECKSUM_CHARS: usize = 8;
const CHARS: usize = SECRET_BYTES * 8 / 5 + CHECKSUM_CHARS;

/// A fresh token.
pub(crate) fn generate(prefix: &str, random: &dyn SecureRandom) -> Result<OpaqueToken, RandomError> {
    let secret = Zeroizing::new(rng::bytes::<SECRET_BYTES>(random)?);
    let body = Zeroizing::new(base32::encode(ALPHABET, &*secret));
    let text = Zeroizing::new(format!("{prefix}{}", *body));
    Ok(OpaqueToken::new(format!("{}{}", *text, checksum(&text))))
}

/// What the store keeps of a token. `None` for what [`generate`] did not make.
pub(crate) fn hash(prefix: &str, token: &str) -> Option<TokenHash> {
    if token.strip_prefix(prefix)?.len() != CHARS {
        return None;
    }
    let (text, sum) = token.split_at_checked(token.len() - CHECKSUM_CHARS)?;
    // The text as it is: in another case it is another token, and its hash is not there.
    (sum == checksum(text)).then(|| TokenHash::from_bytes(codec::hash(token.as_bytes())))
}

fn checksum(text: &str) -> String {
    format!("{:08x}", crc32fast::hash(text.as_bytes()))
}

/// What a user calls a token: 1 to 100 characters, none of them a control character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenName(String);

impl TokenName {
    /// The longest name, in characters.
    pub const MAX_CHARS: usize = 100;

    /// # Errors
    /// [`InvalidTokenName`] for any other text.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidTokenName> {
        let name = name.into();
        let fits = (1..=Self::MAX_CHARS).contains(&name.chars().count());
        if fits && !name.chars().any(char::is_control) { Ok(Self(name)) } else { Err(InvalidTokenName) }
    }

    /// The name as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name of a token that is empty or too long, or has control characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name of a token must have 1 to {} characters and no control characters", TokenName::MAX_CHARS)]
pub struct InvalidTokenName;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rng::SystemRandom;

    fn fresh() -> OpaqueToken {
        generate("pat_", &SystemRandom::new()).expect("random")
    }

    #[test]
    fn r6_a_token_has_160_random_bits_and_no_two_are_alike() {
        assert_eq!(SECRET_BYTES * 8, 160);
        let (one, two) = (fresh(), fresh());
        assert_ne!(one.expose_secret()[4..36], two.expose_secret()[4..36]);
        assert_ne!(hash("pat_", one.expose_secret()), hash("pat_", two.expose_secret()));
    }

    /// As a scanner does it that knows no more than this pattern.
    #[test]
    fn a_scanner_can_tell_one_from_what_looks_alike() {
        let token = fresh();
        let (body, sum) = token.expose_secret().split_at(36);
        assert!(body[4..].bytes().all(|byte| byte.is_ascii_lowercase() || (b'2'..=b'7').contains(&byte)));
        assert_eq!(u32::from_str_radix(sum, 16).expect("hexadecimal"), crc32fast::hash(body.as_bytes()));
        assert_eq!(hash("other_", token.expose_secret()), None);
        assert_eq!(hash("pat_", &token.expose_secret().to_uppercase()), None);
    }

    #[test]
    fn names_have_a_length_and_nothing_invisible() {
        for good in ["x", "CI – nightly", "\u{1f511}", &"\u{e9}".repeat(100)] {
            assert_eq!(TokenName::new(good).expect(good).as_str(), good);
        }
        for bad in ["", "a\nb", "\0", &"a".repeat(101)] {
            assert_eq!(TokenName::new(bad), Err(InvalidTokenName), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn r7_any_altered_character_makes_it_malformed(at in 0_usize..44, to in proptest::char::range('!', '~')) {
            let mut text: Vec<char> = fresh().expose_secret().chars().collect();
            prop_assume!(text[at] != to);
            text[at] = to;
            prop_assert!(hash("pat_", &text.into_iter().collect::<String>()).is_none());
        }

        #[test]
        fn r7_any_other_text_is_malformed(text in "(pat_)?.{0,60}") {
            prop_assert!(hash("pat_", &text).is_none());
        }
    }
}
