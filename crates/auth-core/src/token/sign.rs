//! Making tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde::Serialize;
use serde_json::{Map, Value};

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
    pub(crate) fn sign(&self, kind: TokenKind, token: &NewToken<'_>) -> Result<String, serde_json::Error> {
        debug_assert_eq!(kind == TokenKind::Session, token.session.is_some(), "the claim goes with the kind");
        let payload = Payload { token, iss: &self.issuer, aud: self.audience.as_deref(), kind: kind.claim() };
        let payload = serde_json::to_vec(&payload)?;
        let start = self.start(kind);
        let mut token = String::with_capacity(start.len() + payload.len().div_ceil(3) * 4 + 48);
        token.push_str(start);
        URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let signature = hmac::sign(&self.hmac, token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}
