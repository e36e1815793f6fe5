//! The refresh token as text.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use zeroize::Zeroizing;

use crate::id::SessionId;
use crate::secret::RefreshToken;

const VERSION: u8 = 1;
const BODY: usize = 1 + 16 + 8 + 16 + 32;
const BYTES: usize = BODY + 4;
/// The length of every refresh token, in characters.
const CHARS: usize = (BYTES * 4).div_ceil(3);

/// The parts of a refresh token.
#[derive(Clone)]
pub(crate) struct TokenParts {
    pub(crate) session: SessionId,
    pub(crate) generation: u64,
    /// The secret that all tokens of the session share: without it nobody can end the session by guessing.
    pub(crate) family: Zeroizing<[u8; 16]>,
    /// The secret of this generation.
    pub(crate) secret: Zeroizing<[u8; 32]>,
}

impl TokenParts {
    /// The token as text.
    pub(crate) fn encode(&self) -> RefreshToken {
        let mut bytes = Zeroizing::new(Vec::with_capacity(BYTES));
        bytes.push(VERSION);
        bytes.extend_from_slice(self.session.as_bytes());
        bytes.extend_from_slice(&self.generation.to_be_bytes());
        bytes.extend_from_slice(&*self.family);
        bytes.extend_from_slice(&*self.secret);
        let checksum = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&checksum.to_be_bytes());
        RefreshToken::new(URL_SAFE_NO_PAD.encode(&*bytes))
    }

    /// `None` for anything that [`encode`](Self::encode) did not write. The checksum is no secret: it tells a damaged
    /// token from a stolen one, so that damage never ends a session (requirement R7).
    pub(crate) fn decode(token: &RefreshToken) -> Option<Self> {
        let text = token.expose_secret();
        if text.len() != CHARS {
            return None;
        }
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).ok()?);
        let (body, checksum) = bytes.split_at_checked(BODY)?;
        if checksum != crc32fast::hash(body).to_be_bytes() {
            return None;
        }
        let (version, body) = body.split_first()?;
        let (session, body) = body.split_first_chunk::<16>()?;
        let (generation, body) = body.split_first_chunk::<8>()?;
        let (family, secret) = body.split_first_chunk::<16>()?;
        (*version == VERSION).then_some(Self {
            session: SessionId::from_bytes(*session),
            generation: u64::from_be_bytes(*generation),
            family: Zeroizing::new(*family),
            secret: Zeroizing::new(secret.try_into().ok()?),
        })
    }
}

/// SHA-256: what a store keeps of a secret. One round suffices for 128 random bits and more.
pub(crate) fn hash(secret: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, secret).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(generation: u64) -> TokenParts {
        TokenParts {
            session: SessionId::from_bytes([1; 16]),
            generation,
            family: Zeroizing::new([2; 16]),
            secret: Zeroizing::new([3; 32]),
        }
    }

    #[test]
    fn r6_the_secrets_have_at_least_128_bits() {
        assert!(parts(0).family.len() * 8 >= 128);
        assert!(parts(0).secret.len() * 8 >= 128);
    }

    #[test]
    fn a_token_is_url_safe_and_reads_back() {
        let token = parts(u64::MAX).encode();
        assert!(token.expose_secret().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        let read = TokenParts::decode(&token).expect("reads back");
        assert_eq!((read.session, read.generation), (parts(0).session, u64::MAX));
        assert_eq!((read.family, read.secret), (parts(0).family, parts(0).secret));
    }

    proptest! {
        #[test]
        fn r7_any_altered_character_makes_it_malformed(
            generation: u64, at in 0..CHARS, to in proptest::char::range('!', '~'),
        ) {
            let token = parts(generation).encode();
            let mut text: Vec<char> = token.expose_secret().chars().collect();
            prop_assume!(text[at] != to);
            text[at] = to;
            let altered = RefreshToken::new(text.into_iter().collect::<String>());
            prop_assert!(TokenParts::decode(&altered).is_none());
        }

        #[test]
        fn r7_any_other_text_is_malformed(text in ".{0,200}") {
            prop_assert!(TokenParts::decode(&RefreshToken::new(text)).is_none());
        }
    }
}
