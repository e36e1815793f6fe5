//! The signing key, prepared once: the HMAC key schedule for the fast path, and the same key for `jsonwebtoken`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use ring::hmac;

use super::slow::SlowKey;
use super::{TokenKind, provider};
use crate::config::AuthConfig;

/// Signs and verifies HS256 tokens of one issuer.
pub(crate) struct TokenKeys {
    pub(super) hmac: hmac::Key,
    pub(super) slow: SlowKey,
    pub(super) access_start: String,
    pub(super) session_start: String,
    pub(super) enrol_start: String,
    pub(super) issuer: String,
    pub(super) audience: Option<String>,
    pub(super) leeway_millis: i64,
}

impl TokenKeys {
    /// Prepares the key of `config`, and makes sure that `jsonwebtoken` has a crypto provider.
    pub(crate) fn new(config: &AuthConfig) -> Self {
        provider::install();
        let secret = config.secret.expose_secret();
        Self {
            hmac: hmac::Key::new(hmac::HMAC_SHA256, secret),
            slow: SlowKey { algorithm: Algorithm::HS256, kid: None, key: DecodingKey::from_secret(secret) },
            access_start: start(TokenKind::Access),
            session_start: start(TokenKind::Session),
            enrol_start: start(TokenKind::Enrol),
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            leeway_millis: i64::try_from(config.leeway.as_millis()).unwrap_or_default(),
        }
    }

    /// What every token of `kind` that we sign begins with: the encoded header and its dot.
    pub(super) fn start(&self, kind: TokenKind) -> &str {
        match kind {
            TokenKind::Access => &self.access_start,
            TokenKind::Session => &self.session_start,
            TokenKind::Enrol => &self.enrol_start,
        }
    }
}

fn start(kind: TokenKind) -> String {
    URL_SAFE_NO_PAD.encode(kind.header()) + "."
}

impl std::fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenKeys").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
