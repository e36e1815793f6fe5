//! The hot path: a pass over the token for its signature, one for its base64, one for its claims, and no allocation for
//! the tokens we make.
//!
//! The header is compared as bytes with the one we write; that fixes the algorithm before anything is parsed. Any other
//! header goes the slow way through `jsonwebtoken`. A signature of a public key is verified once for each token, and
//! remembered; everything else is looked at each time. Claims have a fast and a slow reader too. Whichever way a token goes,
//! the verdict is the same: `tests/ways.rs` and the fuzz target `access_token` hold them together.

use base64_simd::{Out, URL_SAFE_NO_PAD};

use super::claims::Claims;
use super::identity::Scope;
use super::prepared::{PreparedRing, verified_by_hmac};
use super::{Identity, MAX_TOKEN_BYTES, TokenKeys, TokenKind};
use crate::clock::Timestamp;
use crate::secret::RefreshToken;

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenProblem {
    /// Damaged, forged, of another kind, or for somebody else.
    #[error("the token is not valid")]
    Invalid,
    /// Good in every other way, and its time is over.
    #[error("the token has expired")]
    Expired,
}

/// What a session token carries, once it is verified.
#[derive(Debug)]
pub(crate) struct SessionGrant {
    pub(crate) refresh: RefreshToken,
    pub(crate) issued_at: Option<Timestamp>,
    pub(crate) expires_at: Timestamp,
}

/// The largest payload that is decoded on the stack, in bytes.
const STACK_PAYLOAD: usize = 1024;

impl TokenKeys {
    /// Who the token of a request says it comes from. Its header says whether it is an access token or one for enrolment
    /// alone; then it has to be just that, and the identity says which.
    pub(crate) fn verify_bearer(&self, token: &str, now: Timestamp) -> Result<Identity, TokenProblem> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenProblem::Invalid);
        }
        let ring = self.ring.load();
        if let Some((key, rest)) = ring.find(token, TokenKind::Enrol) {
            let encoded = key.verified(token, rest);
            return self.read(encoded, TokenKind::Enrol, now, |claims, payload| {
                Ok(claims.identity(Scope::Enrolment, payload))
            });
        }
        self.verify_with(&ring, token, now)
    }

    /// Who an access token says the request comes from.
    fn verify_with(&self, ring: &PreparedRing, token: &str, now: Timestamp) -> Result<Identity, TokenProblem> {
        let (encoded, remember) = match ring.find(token, TokenKind::Access) {
            Some((key, rest)) if key.is_secret() => (key.verified(token, rest), None),
            found => match ring.verified.as_ref().and_then(|verified| verified.payload_of(token)) {
                Some(encoded) => (Some(encoded), None),
                None => {
                    let (key, encoded) = match found {
                        Some((key, rest)) => (key, key.verified(token, rest)),
                        None => {
                            let (key, parts) = ring.find_slowly(token).ok_or(TokenProblem::Invalid)?;
                            (key, key.verified_slowly(&parts))
                        }
                    };
                    (encoded, ring.verified.as_ref().filter(|_| !key.is_secret()))
                }
            },
        };
        self.read(encoded, TokenKind::Access, now, |claims, payload| {
            if let Some(verified) = remember {
                verified.remember(token, Timestamp::from_secs(claims.exp), now);
            }
            Ok(claims.identity(Scope::Full, payload))
        })
    }

    /// What a session token carries.
    pub(crate) fn verify_session(&self, token: &str, now: Timestamp) -> Result<SessionGrant, TokenProblem> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenProblem::Invalid);
        }
        let rest = token.strip_prefix(&self.session_start).ok_or(TokenProblem::Invalid)?;
        let encoded = verified_by_hmac(&self.hmac, token, rest);
        self.read(encoded, TokenKind::Session, now, |claims, _| {
            let refresh = RefreshToken::new(claims.session.clone().ok_or(TokenProblem::Invalid)?);
            let issued_at = claims.iat.map(Timestamp::from_secs);
            Ok(SessionGrant { refresh, issued_at, expires_at: Timestamp::from_secs(claims.exp) })
        })
    }

    /// Reads the payload of a token whose signature is right.
    fn read<T>(
        &self,
        encoded: Option<&str>,
        kind: TokenKind,
        now: Timestamp,
        take: impl FnOnce(&Claims<'_>, &[u8]) -> Result<T, TokenProblem>,
    ) -> Result<T, TokenProblem> {
        let encoded = encoded.ok_or(TokenProblem::Invalid)?;
        let mut on_stack = [0; STACK_PAYLOAD];
        let mut on_heap;
        // Three bytes for four characters.
        let length = encoded.len().div_ceil(4) * 3;
        let buffer = if let Some(buffer) = on_stack.get_mut(..length) {
            buffer
        } else {
            on_heap = vec![0; length];
            on_heap.as_mut_slice()
        };
        let payload = decode(encoded, buffer).ok_or(TokenProblem::Invalid)?;
        // They are large: looked at where they are, not moved.
        let Some(claims) = &Claims::parse(payload) else { return Err(TokenProblem::Invalid) };
        self.check(claims, kind, now)?;
        take(claims, payload)
    }

    pub(super) fn check(&self, claims: &Claims<'_>, kind: TokenKind, now: Timestamp) -> Result<(), TokenProblem> {
        let of_this_kind = claims.session.is_some() == (kind == TokenKind::Session)
            && claims.kind.as_deref() == kind.claim()
            && !claims.other_kind;
        let for_us = claims.aud.allows(self.audience.as_deref());
        let now = now.as_millis();
        let begun = claims.nbf.is_none_or(|nbf| now.saturating_add(self.leeway_millis) >= nbf.saturating_mul(1000));
        if !of_this_kind || !for_us || !begun || claims.iss.as_deref() != Some(self.issuer.as_str()) {
            return Err(TokenProblem::Invalid);
        }
        // Without leeway, `exp == now` is expired (RFC 7519 4.1.4: "on or after").
        if now >= claims.exp.saturating_mul(1000).saturating_add(self.leeway_millis) {
            return Err(TokenProblem::Expired);
        }
        Ok(())
    }
}

/// What `text` stands for, at the start of `buffer`, which has room for it. Only the canonical form of RFC 7515 2: no
/// padding, no spare bits.
pub(super) fn decode<'a>(text: &str, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
    URL_SAFE_NO_PAD.decode(text.as_bytes(), Out::from_slice(buffer)).ok().map(|bytes| &*bytes)
}

/// The three parts of a compact JWS.
pub(super) struct Parts<'a> {
    pub(super) header: &'a str,
    pub(super) payload: &'a str,
    pub(super) signature: &'a str,
    /// Header, dot and payload: what is signed.
    pub(super) signed: &'a str,
}

impl<'a> Parts<'a> {
    /// `None` unless there are exactly two dots and no more than [`MAX_TOKEN_BYTES`].
    pub(super) fn split(token: &'a str) -> Option<Self> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        if payload.contains('.') {
            return None;
        }
        Some(Self { header, payload, signature, signed })
    }
}
