//! Second factors that come from elsewhere: sealed as a server with the same configuration opens them.

use std::fmt;

use ring::hmac;

use super::Sealed;
use super::seal::{MfaKeys, Purpose};
use super::totp::TotpSecret;
use crate::config::{AuthConfig, ConfigError};
use crate::error::AuthError;
use crate::id::UserId;
use crate::rng::SystemRandom;

/// Seals the secrets of second factors for a store, as [`Auth`](crate::Auth) with the same configuration does: for
/// programs that take users over from somewhere else, and for stores whose users have their factors there.
pub struct FactorSealer {
    keys: MfaKeys,
    marks: hmac::Key,
    random: SystemRandom,
}

impl FactorSealer {
    /// With the keys of `config`: its [`mfa_keys`](AuthConfig), or the one derived from its secret.
    ///
    /// # Errors
    /// [`ConfigError`] when `config` cannot work.
    pub fn new(config: &AuthConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let underivable = || ConfigError::new("secret", "cannot be used to derive keys");
        Ok(Self {
            keys: MfaKeys::new(&config.mfa_keys, &config.secret).ok_or_else(underivable)?,
            marks: config.secret.derive_hmac("marks of users elsewhere").ok_or_else(underivable)?,
            random: SystemRandom::new(),
        })
    }

    /// Seals the active secret of `user`. It opens for nobody else.
    ///
    /// # Errors
    /// `Internal` when there are no random bytes.
    pub fn seal(&self, user: &UserId, secret: &TotpSecret) -> Result<Sealed, AuthError> {
        self.keys.seal(secret, Purpose::Factor(user), &self.random)
    }

    /// Opens what was sealed for `user`.
    ///
    /// # Errors
    /// `Internal` when it is damaged, belongs to another user, or its key is not configured any more.
    pub fn open(&self, user: &UserId, sealed: &Sealed) -> Result<TotpSecret, AuthError> {
        Ok(self.keys.open(sealed, Purpose::Factor(user))?.secret)
    }

    /// A keyed hash of `parts`, of 128 bits, to see later whether they are still the same. It tells nothing of them
    /// without the secret of the configuration.
    #[must_use]
    pub fn mark(&self, parts: &[Option<&str>]) -> [u8; 16] {
        let mut context = hmac::Context::with_key(&self.marks);
        for part in parts {
            // Each says whether it is there and how long it is, so that no two lists read alike.
            let (presence, text) = part.map_or((0, ""), |text| (1, text));
            context.update(&[presence]);
            context.update(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(text.as_bytes());
        }
        context.sign().as_ref().first_chunk().copied().unwrap_or_default()
    }
}

impl fmt::Debug for FactorSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FactorSealer").field("keys", &self.keys).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(secret: &str) -> FactorSealer {
        FactorSealer::new(&AuthConfig::new(secret)).expect("a configuration")
    }

    #[test]
    fn m3_what_is_sealed_opens_for_its_user_alone() {
        let (ours, other) = (sealer("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7"), sealer("mN3bV6cX9zL2kJ5hG8fD1sA4pO7iU0yT"));
        let (ada, bob) = (UserId::new("ada").expect("short"), UserId::new("bob").expect("short"));
        // 80 bits, as Directus makes them.
        let secret = TotpSecret::parse("JBSWY3DPEHPK3PXP").expect("a secret");
        let sealed = ours.seal(&ada, &secret).expect("seals");
        assert!(ours.open(&ada, &sealed).expect("opens").same_as(&secret));
        assert!(ours.open(&bob, &sealed).is_err(), "another user");
        assert!(other.open(&ada, &sealed).is_err(), "another key");
        assert!(!format!("{ours:?}").contains("k7Vq"));
    }

    #[test]
    fn marks_tell_lists_apart_and_need_the_secret() {
        let ours = sealer("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
        let lists: [&[Option<&str>]; 6] = [
            &[Some("ab"), None],
            &[None, Some("ab")],
            &[Some("a"), Some("b")],
            &[Some("ab"), Some("")],
            &[Some("ab")],
            &[],
        ];
        for (n, list) in lists.iter().enumerate() {
            assert_eq!(ours.mark(list), ours.mark(list));
            assert!(lists.iter().take(n).all(|other| ours.mark(other) != ours.mark(list)), "{list:?}");
            assert_ne!(ours.mark(list), sealer("mN3bV6cX9zL2kJ5hG8fD1sA4pO7iU0yT").mark(list));
        }
    }
}
