//! [`Verifier`]: for services that only check access tokens, and have neither the secret nor the database.

#[cfg(not(feature = "jwks-client"))]
mod at_hand;
#[cfg(feature = "jwks-client")]
mod remote;
#[cfg(all(test, feature = "jwks-client"))]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use crate::auth::Auth;
use crate::clock::{Clock, SystemClock};
use crate::config::{AuthConfig, ConfigError, TokenSources};
use crate::error::AuthError;
use crate::http::Guard;
use crate::rng::{self, SystemRandom};
use crate::secret::SecretKey;
use crate::store::memory::MemoryStore;
use crate::token::{Identity, KeyRing};

#[cfg(feature = "jwks-client")]
pub(crate) use remote::RemoteKeys;
#[cfg(feature = "jwks-client")]
pub use remote::{InvalidJwksUrl, JwksUrl};

/// Checks access tokens that another service signs, by its public keys. Cheap to clone.
///
/// Its guards are those of [`Auth`]: `RequireAuth::new(&verifier)` of `auth-axum` and `auth-actix-web` takes it too. There
/// is no session cookie and no revocation here: a token counts until it expires.
///
/// ```
/// use auth_core::{Auth, KeyRing, TokenKey};
///
/// let public = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----";
/// let keys = KeyRing::verify_only([TokenKey::from_pem(public)?])?;
/// let verifier = Auth::verifier(keys).issuer("auth").build()?;
/// let editors = verifier.guard().role("editor");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Verifier {
    auth: Auth,
}

/// Where the keys of a [`Verifier`] come from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum KeySource {
    /// They are at hand, and [`Verifier::replace_keys`] brings others.
    Keys(KeyRing),
    /// They are published, and followed: see [`JwksUrl`].
    #[cfg(feature = "jwks-client")]
    Jwks(JwksUrl),
}

impl From<KeyRing> for KeySource {
    fn from(keys: KeyRing) -> Self {
        Self::Keys(keys)
    }
}

#[cfg(feature = "jwks-client")]
impl From<JwksUrl> for KeySource {
    fn from(url: JwksUrl) -> Self {
        Self::Jwks(url)
    }
}

impl Auth {
    /// Starts a [`Verifier`] of tokens that were signed with these keys.
    pub fn verifier(keys: impl Into<KeySource>) -> VerifierBuilder {
        // Nothing is signed with this secret: `build` puts random bytes in its place.
        let config = AuthConfig::new(SecretKey::new(Vec::new()));
        VerifierBuilder { keys: keys.into(), config, clock: Arc::new(SystemClock) }
    }
}

/// Collects what a [`Verifier`] needs.
#[derive(Debug)]
#[must_use]
pub struct VerifierBuilder {
    keys: KeySource,
    config: AuthConfig,
    clock: Arc<dyn Clock>,
}

impl VerifierBuilder {
    /// Claim `iss` that tokens must have. Default `auth`, as servers of ours have it.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.config.issuer = issuer.into();
        self
    }

    /// Claim `aud` that tokens must have. Default none, and tokens for somebody are refused then.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.config.audience = Some(audience.into());
        self
    }

    /// By how much the clocks of issuer and verifier may differ: 0 to 60 s. Default 0.
    pub const fn leeway(mut self, leeway: Duration) -> Self {
        self.config.leeway = leeway;
        self
    }

    /// The realm in `WWW-Authenticate`. Default `auth`.
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.config.realm = realm.into();
        self
    }

    /// Where guards look for access tokens. Default header and query.
    pub const fn token_sources(mut self, sources: TokenSources) -> Self {
        self.config.token_sources = sources;
        self
    }

    /// How many verified tokens are remembered, see [`AuthConfig::verified_tokens`].
    pub const fn verified_tokens(mut self, tokens: usize) -> Self {
        self.config.verified_tokens = tokens;
        self
    }

    /// Another clock, for tests.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Checks everything. Published keys are fetched with the first request, or by [`Verifier::fetch_keys`].
    ///
    /// # Errors
    /// [`ConfigError`] names the field, what is wrong and what to do.
    pub fn build(mut self) -> Result<Verifier, ConfigError> {
        let secret = rng::bytes::<32>(&SystemRandom::new())
            .map_err(|error| ConfigError::new("secret", format!("cannot be made: {error}")))?;
        self.config.secret = SecretKey::new(secret);
        let keys = match &self.keys {
            KeySource::Keys(keys) => keys.clone(),
            #[cfg(feature = "jwks-client")]
            KeySource::Jwks(_) => KeyRing::none(),
        };
        self.config.signing_keys = Some(keys);
        // Empty, and never asked: no route is mounted, and no session cookie is signed with this secret.
        let builder = Auth::builder(MemoryStore::new()).config(self.config).shared_clock(self.clock).only(&[]);
        #[cfg(feature = "jwks-client")]
        let builder = match self.keys {
            KeySource::Keys(_) => builder,
            KeySource::Jwks(url) => builder.remote_keys(RemoteKeys::new(&url)),
        };
        Ok(Verifier { auth: builder.build_verifier()? })
    }
}

impl Verifier {
    /// A guard that lets in whoever has a token.
    pub fn guard(&self) -> Guard {
        self.auth.guard()
    }

    /// Who an access token says the request comes from, by the keys that are here now: no I/O, no await.
    ///
    /// # Errors
    /// Those of [`Auth::verify`]; `Unavailable` when published keys have not been confirmed for a day. Before they were
    /// first fetched every token is `InvalidToken`: this call has them fetched in the background, and
    /// `fetch_keys` waits for them.
    pub fn verify(&self, token: &str) -> Result<Identity, AuthError> {
        self.auth.verify(token)
    }

    /// The public keys that are here now, as a JWK set (RFC 7517): an empty one before published keys were first fetched.
    #[must_use]
    pub fn jwks(&self) -> String {
        String::from_utf8_lossy(&self.auth.inner.keys.jwks()).into_owned()
    }

    /// Other keys from now on, and no request waits.
    ///
    /// # Errors
    /// [`ConfigError`] when one of them cannot be used; then the old ones stay.
    pub fn replace_keys(&self, keys: &KeyRing) -> Result<(), ConfigError> {
        self.auth.replace_verifying_keys(keys)
    }

    /// Fetches published keys now, so that a program can wait for them at start, or say that they cannot be reached. Does
    /// nothing for keys that were at hand.
    ///
    /// # Errors
    /// `Unavailable`, with what went wrong as its source.
    #[cfg(feature = "jwks-client")]
    pub async fn fetch_keys(&self) -> Result<(), AuthError> {
        self.auth.fetch_keys().await
    }
}

impl From<&Verifier> for Guard {
    fn from(verifier: &Verifier) -> Self {
        verifier.guard()
    }
}

impl From<Verifier> for Guard {
    fn from(verifier: Verifier) -> Self {
        verifier.guard()
    }
}
