//! The hot path: a pass over the token for its signature, one for its base64, one for its claims, and no allocation for
//! the tokens we make.
//!
//! The header is compared as bytes with the one we write; that fixes the algorithm before anything is parsed. Any other
//! header goes the slow way through `jsonwebtoken`. Claims have a fast and a slow reader too. Whichever way a token goes,
//! the verdict is the same: `tests/ways.rs` and the fuzz target `access_token` hold them together.

use base64_simd::{Out, URL_SAFE_NO_PAD};
use ring::{digest, hmac};

use super::claims::Claims;
use super::identity::Scope;
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

/// 32 bytes in base64 without padding.
const SIGNATURE_CHARS: usize = 43;

impl TokenKeys {
    /// Who the token of a request says it comes from. Its header says whether it is an access token or one for enrolment
    /// alone; then it has to be just that, and the identity says which.
    pub(crate) fn verify_bearer(&self, token: &str, now: Timestamp) -> Result<Identity, TokenProblem> {
        if token.starts_with(&self.enrol_start) {
            self.verify_enrol(token, now)
        } else {
            self.verify_access(token, now)
        }
    }

    /// Who an access token says the request comes from.
    pub(super) fn verify_access(&self, token: &str, now: Timestamp) -> Result<Identity, TokenProblem> {
        self.verify(token, TokenKind::Access, now, |claims, payload| Ok(claims.into_identity(Scope::Full, payload)))
    }

    /// Who a token for enrolment says the request comes from.
    pub(super) fn verify_enrol(&self, token: &str, now: Timestamp) -> Result<Identity, TokenProblem> {
        self.verify(token, TokenKind::Enrol, now, |claims, payload| Ok(claims.into_identity(Scope::Enrolment, payload)))
    }

    /// What a session token carries.
    pub(crate) fn verify_session(&self, token: &str, now: Timestamp) -> Result<SessionGrant, TokenProblem> {
        self.verify(token, TokenKind::Session, now, |claims, _| {
            let refresh = RefreshToken::new(claims.session.ok_or(TokenProblem::Invalid)?);
            let issued_at = claims.iat.map(Timestamp::from_secs);
            Ok(SessionGrant { refresh, issued_at, expires_at: Timestamp::from_secs(claims.exp) })
        })
    }

    fn verify<T>(
        &self,
        token: &str,
        kind: TokenKind,
        now: Timestamp,
        take: impl FnOnce(Claims<'_>, &[u8]) -> Result<T, TokenProblem>,
    ) -> Result<T, TokenProblem> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenProblem::Invalid);
        }
        let encoded = if let Some(rest) = token.strip_prefix(self.start(kind)) {
            self.verified(token, rest)
        } else {
            self.slow.verified(token, kind)
        };
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
        let Some(claims) = Claims::parse(payload) else { return Err(TokenProblem::Invalid) };
        self.check(&claims, kind, now)?;
        take(claims, payload)
    }

    /// The encoded payload of a token of ours that begins with its header and ends with `rest`, if the signature is right.
    fn verified<'a>(&self, token: &'a str, rest: &'a str) -> Option<&'a str> {
        // The signature has one length, so no dot has to be looked for: one anywhere else is no base64.
        let (payload, signature) = rest.split_at_checked(rest.len().checked_sub(SIGNATURE_CHARS + 1)?)?;
        let signed = token.get(..token.len() - signature.len())?;
        let mut tag = [0; digest::SHA256_OUTPUT_LEN];
        decode(signature.strip_prefix('.')?, &mut tag)?;
        hmac::verify(&self.hmac, signed.as_bytes(), &tag).ok()?;
        Some(payload)
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
