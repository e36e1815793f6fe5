//! Making tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Map, Value};

use super::prepared::{SigningFailed, completed_by_hmac};
use super::{TokenKeys, TokenKind};
use crate::id::{Role, SessionId, UserId};

/// What goes into a token, in the order in which it is written.
#[derive(Debug, Serialize)]
pub(crate) struct NewToken<'a> {
    pub(crate) id: &'a UserId,
    /// None in a token for enrolment: Directus with the same secret looks at neither `typ` nor `kind`, and takes no token
    /// without these.
    #[serde(flatten)]
    pub(crate) rights: Option<Rights<'a>>,
    pub(crate) sid: SessionId,
    pub(crate) ep: u64,
    /// Seconds.
    pub(crate) auth_time: i64,
    pub(crate) aal: u8,
    /// The refresh token, in a session token alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<&'a str>,
    /// Seconds.
    pub(crate) iat: i64,
    /// Seconds.
    pub(crate) exp: i64,
    #[serde(flatten)]
    pub(crate) extra: &'a Map<String, Value>,
}

/// What the user may do.
#[derive(Debug, Serialize)]
pub(crate) struct Rights<'a> {
    pub(crate) role: Option<&'a Role>,
    pub(crate) app_access: bool,
    pub(crate) admin_access: bool,
}

#[derive(Serialize)]
struct Payload<'a> {
    #[serde(flatten)]
    token: &'a NewToken<'a>,
    iss: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
}

/// Every claim with a meaning of its own: the app's hook may not set these (requirement J7).
const RESERVED: [&str; 20] = [
    "id", "role", "app_access", "admin_access", "sid", "ep", "auth_time", "aal", "session", "iat", "exp", "nbf", "iss",
    "aud", "sub", "jti", "scope", "share", "kind", "typ",
];

/// Whether `claim` is ours.
pub(crate) fn is_reserved(claim: &str) -> bool {
    RESERVED.contains(&claim)
}

impl TokenKeys {
    /// A signed token of `kind`.
    pub(crate) fn sign(&self, kind: TokenKind, token: &NewToken<'_>) -> Result<String, SigningFailed> {
        debug_assert_eq!(kind == TokenKind::Session, token.session.is_some(), "the claim goes with the kind");
        let payload = Payload { token, iss: &self.issuer, aud: self.audience.as_deref(), kind: kind.claim() };
        let payload = serde_json::to_vec(&payload).map_err(|_| SigningFailed::Claims)?;
        if kind == TokenKind::Session {
            return Ok(completed_by_hmac(&self.hmac, begun(&self.session_start, &payload)));
        }
        let ring = self.ring.load();
        let (start, signer) = ring.signing(kind).ok_or(SigningFailed::NoKey)?;
        signer.complete(begun(start, &payload))
    }
}

/// Header and payload of a token.
pub(super) fn begun(start: &str, payload: &[u8]) -> String {
    // With room for the longest signature we make.
    let mut token = String::with_capacity(start.len() + payload.len().div_ceil(3) * 4 + 90);
    token.push_str(start);
    URL_SAFE_NO_PAD.encode_string(payload, &mut token);
    token
}
