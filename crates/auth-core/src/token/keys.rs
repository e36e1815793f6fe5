//! Everything that tokens are made and checked with: the ring of keys for access tokens, which can be replaced while
//! requests run, and the secret for what nobody but us reads.

use std::sync::Arc;

use arc_swap::ArcSwap;
use ring::hmac;

use super::keyring::{InvalidKey, KeyRing, TokenKey};
use super::prepared::PreparedRing;
use super::{KeyAlgorithm, TokenKind, provider};
use crate::config::AuthConfig;

/// Signs and verifies the tokens of one issuer.
pub(crate) struct TokenKeys {
    /// Of the secret: session cookies and links.
    pub(super) hmac: hmac::Key,
    pub(super) session_start: String,
    /// Of access tokens, and of those for enrolment.
    pub(super) ring: ArcSwap<PreparedRing>,
    /// How many verified tokens a ring remembers.
    remembered: usize,
    pub(super) issuer: String,
    pub(super) audience: Option<String>,
    pub(super) leeway_millis: i64,
}

impl TokenKeys {
    /// Prepares the keys of `config`, and makes sure that `jsonwebtoken` has a crypto provider.
    pub(crate) fn new(config: &AuthConfig) -> Result<Self, InvalidKey> {
        provider::install();
        let ring = match &config.signing_keys {
            Some(ring) => ring.clone(),
            None => KeyRing::new(TokenKey::hs256(config.secret.clone())?)?,
        };
        Ok(Self {
            hmac: hmac::Key::new(hmac::HMAC_SHA256, config.secret.expose_secret()),
            session_start: TokenKind::Session.start(KeyAlgorithm::Hs256.name(), None),
            ring: ArcSwap::from_pointee(PreparedRing::new(&ring, config.verified_tokens)?),
            remembered: config.verified_tokens,
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            leeway_millis: i64::try_from(config.leeway.as_millis()).unwrap_or_default(),
        })
    }

    /// Other keys from now on, for whoever verifies after this call: nobody waits.
    pub(crate) fn replace(&self, ring: &KeyRing) -> Result<(), InvalidKey> {
        self.ring.store(Arc::new(PreparedRing::new(ring, self.remembered)?));
        Ok(())
    }

    /// Whether a token's header names a key that is not here, in a way that one could come with the next set of keys.
    #[cfg(feature = "jwks-client")]
    pub(crate) fn lack_key_of(&self, token: &str) -> bool {
        token.len() <= super::MAX_TOKEN_BYTES && self.ring.load().lacks_key_of(token)
    }

    /// The public keys as a JWK set.
    pub(crate) fn jwks(&self) -> Vec<u8> {
        self.ring.load().jwks.clone()
    }
}

impl std::fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenKeys").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
