//! The hot path: one pass over the token, no allocation for the tokens we make.
//!
//! The header is compared as bytes with the one we write; that fixes the algorithm before anything is parsed. Any other
//! header goes the slow way through `jsonwebtoken`. Both ways meet again at the claims.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;

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

impl TokenKeys {
    /// Who the token of a request says it comes from. Its header says whether it is an access token or one for enrolment
    /// alone; then it has to be just that, and the identity says which.
    pub(crate) fn verify_bearer(&self, token: &str, now: Timestamp) -> Result<Identity, TokenProblem> {
        let is_enrol = token.strip_prefix(&self.enrol_header).is_some_and(|rest| rest.starts_with('.'));
        if is_enrol { self.verify_enrol(token, now) } else { self.verify_access(token, now) }
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
        let parts = Parts::split(token).ok_or(TokenProblem::Invalid)?;
        if parts.header == self.header(kind) {
            let mut signature = [0; 32];
            let decoded = URL_SAFE_NO_PAD.decode_slice(parts.signature, &mut signature);
            if decoded != Ok(signature.len()) {
                return Err(TokenProblem::Invalid);
            }
            hmac::verify(&self.hmac, parts.signed.as_bytes(), &signature).map_err(|_| TokenProblem::Invalid)?;
        } else {
            super::slow::verify_signature(&self.slow, &parts, kind).ok_or(TokenProblem::Invalid)?;
        }

        // A decoder may ask for up to three bytes more than it writes.
        let mut on_stack = [0; STACK_PAYLOAD + 3];
        let mut on_heap;
        let buffer = if parts.payload.len() <= STACK_PAYLOAD / 3 * 4 {
            on_stack.as_mut_slice()
        } else {
            on_heap = vec![0; parts.payload.len()];
            on_heap.as_mut_slice()
        };
        let length = URL_SAFE_NO_PAD.decode_slice(parts.payload, buffer).map_err(|_| TokenProblem::Invalid)?;
        let payload = buffer.get(..length).ok_or(TokenProblem::Invalid)?;
        let claims = Claims::parse(payload).ok_or(TokenProblem::Invalid)?;
        self.check(&claims, kind, now)?;
        take(claims, payload)
    }

    fn check(&self, claims: &Claims<'_>, kind: TokenKind, now: Timestamp) -> Result<(), TokenProblem> {
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
