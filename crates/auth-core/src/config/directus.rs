//! Beside Directus: the same secret, so that each accepts the access tokens of the other.

use super::{AuthConfig, ConfigError, HostPrefix};
use crate::password::HashParams;
use crate::secret::SecretKey;

/// Claim `iss` of every token that Directus signs.
const ISSUER: &str = "directus";

impl AuthConfig {
    /// The configuration beside Directus 11, or in its place: tokens, cookie names and the cost of hashes are those of
    /// Directus. `secret` is the `SECRET` of Directus.
    ///
    /// An access token that Directus signed passes our guards, and Directus takes ours. Guards refuse what is no access
    /// token of a user: tokens with `scope` (links in mails) or `share`, and those without `id`. A session cookie of
    /// Directus is no access token either.
    ///
    /// The cookies have the bare names that Directus gives them, without `__Host-` ([`HostPrefix::DangerNever`]). They
    /// are `Secure`, which Directus leaves off by default: over plain http set
    /// [`danger_insecure_cookies`](Self::danger_insecure_cookies).
    ///
    /// Directus takes a secret of any length. Here a short one is an error of
    /// [`build`](crate::AuthBuilder::build): whoever sees one token can guess it, and sign tokens for every admin. Give
    /// both a new one; the sessions of Directus go on, its access tokens and session cookies have to be refreshed.
    ///
    /// ```
    /// # use auth_core::{Auth, AuthConfig, store::memory::MemoryStore};
    /// let config = AuthConfig::directus("3q2+7wAB-the-SECRET-of-Directus-itself");
    /// let auth = Auth::builder(MemoryStore::new()).config(config).build()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    #[must_use]
    pub fn directus(secret: impl Into<SecretKey>) -> Self {
        let mut config = Self::new(secret);
        config.issuer = ISSUER.to_owned();
        config.realm = ISSUER.to_owned();
        config.mfa_issuer = Some("Directus".to_owned());
        config.refresh_cookie.name = "directus_refresh_token".to_owned();
        config.session_cookie.name = "directus_session_token".to_owned();
        config.refresh_cookie.prefix = HostPrefix::DangerNever;
        config.session_cookie.prefix = HostPrefix::DangerNever;
        config.hash = HashParams::DIRECTUS;
        config.max_hash = HashParams::DIRECTUS;
        config
    }

    /// [`directus`](Self::directus) with what the environment says, so that one `.env` serves both programs: the
    /// variables of [`from_env`](Self::from_env), of which Directus has the larger part, and the names that it has for
    /// what is called otherwise here: `HASH_MEMORY_COST`, `HASH_TIME_COST`, `USER_INVITE_TOKEN_TTL` and
    /// `EMAIL_VERIFICATION_TOKEN_TTL`.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable that is missing, cannot be read, or asks for hashes that are not made here
    /// (`HASH_ASSOCIATED_DATA`, a `HASH_TYPE` other than 2).
    pub fn directus_from_env() -> Result<Self, ConfigError> {
        Self::directus_from_vars(|name| std::env::var(name).ok())
    }

    /// Like [`directus_from_env`](Self::directus_from_env), over any source of variables.
    ///
    /// # Errors
    /// The same.
    pub fn directus_from_vars(var: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let var = |name: &str| var(name).filter(|value| !value.is_empty());
        if var("HASH_ASSOCIATED_DATA").is_some() {
            let problem = "is set: hashes that Directus made with it do not verify here, so its users cannot sign in";
            return Err(ConfigError::new("HASH_ASSOCIATED_DATA", problem));
        }
        // The numbers of the npm package argon2: 2 is Argon2id.
        if let Some(kind) = var("HASH_TYPE").filter(|kind| kind.trim() != "2") {
            let problem = format!("is `{kind}`: only hashes of type 2 (Argon2id) verify here");
            return Err(ConfigError::new("HASH_TYPE", problem));
        }
        let named_by_directus = |name: &str| match name {
            "HASH_MEMORY" => Some("HASH_MEMORY_COST"),
            "HASH_TIME" => Some("HASH_TIME_COST"),
            "USER_INVITE_TTL" => Some("USER_INVITE_TOKEN_TTL"),
            "EMAIL_VERIFICATION_TTL" => Some("EMAIL_VERIFICATION_TOKEN_TTL"),
            _ => None,
        };
        Self::read(&|name| var(name).or_else(|| var(named_by_directus(name)?)), Self::directus)
    }

    pub(crate) fn is_beside_directus(&self) -> bool {
        self.issuer == ISSUER
    }

    /// Whoever copies the secret of Directus must not mend it on one side alone.
    pub(super) fn advise_about_directus(&self, error: ConfigError) -> ConfigError {
        if !self.is_beside_directus() {
            return error;
        }
        let advice = "set the new one as SECRET of Directus too, and restart both: its users have to refresh once";
        ConfigError::new(error.field(), format!("{}; {advice}", error.problem()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECRET: &str = "k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7";

    fn from(vars: &[(&str, &str)]) -> Result<AuthConfig, ConfigError> {
        AuthConfig::directus_from_vars(|name| {
            vars.iter().chain([&("SECRET", SECRET)]).find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_preset_has_the_names_and_costs_of_directus() {
        let config = AuthConfig::directus(SECRET);
        assert_eq!(config.check(), Ok(()));
        assert_eq!(config.refresh_cookie.full_name(), "directus_refresh_token");
        assert_eq!(config.session_cookie.full_name(), "directus_session_token");
        assert!(config.refresh_cookie.secure && config.session_cookie.secure);
        assert_eq!(config.device_cookie.full_name(), "__Host-device");
        assert_eq!((config.issuer.as_str(), config.max_hash), ("directus", HashParams::DIRECTUS));
        // Strict is strict: the prefix is back.
        assert_eq!(config.hardened().session_cookie.full_name(), "__Host-directus_session_token");
    }

    #[test]
    fn j9_a_short_secret_of_directus_is_refused_with_what_to_do_on_both_sides() {
        for secret in [
            "0d6f3f5e-7c1b-4c52-9d6c-2f0b6a1f9e47"[..31].to_owned(),
            "replace-with-random-value".repeat(2),
            // Its documentation had them, and thousands of compose files have them still.
            "6116487b-cda1-52c2-b5b5-c8022c45e263".to_owned(),
            "255d861b-5ea1-5996-9aa3-922530ec40b1".to_owned(),
        ] {
            let error = AuthConfig::directus(secret.as_str()).check().expect_err(&secret);
            let text = error.to_string();
            assert_eq!(error.field(), "secret");
            assert!(text.contains("openssl rand") && text.contains("SECRET of Directus too"), "{text}");
            assert!(!text.contains(&secret), "{text}");
        }
        // Such as its installer makes.
        AuthConfig::directus("0d6f3f5e-7c1b-4c52-9d6c-2f0b6a1f9e47").check().expect("is long enough");
        let text = AuthConfig::new("short").check().expect_err("is short").to_string();
        assert!(!text.contains("Directus"), "{text}");
    }

    #[test]
    fn variables_of_directus_are_read_beside_ours() {
        let config = from(&[
            ("HASH_MEMORY_COST", "131072"),
            ("HASH_TIME_COST", "4"),
            ("USER_INVITE_TOKEN_TTL", "3d"),
            ("EMAIL_VERIFICATION_TOKEN_TTL", "2d"),
            ("REFRESH_TOKEN_COOKIE_NAME", "my_refresh"),
            ("SESSION_COOKIE_TTL", "2h"),
            ("HASH_TYPE", "2"),
            ("HASH_ASSOCIATED_DATA", ""),
        ])
        .expect("reads");
        assert_eq!((config.hash.memory_kib(), config.hash.passes(), config.hash.lanes()), (131_072, 4, 4));
        assert_eq!(config.max_hash, config.hash);
        assert_eq!(config.invitation_ttl, Duration::from_secs(3 * 86_400));
        assert_eq!(config.email_verification_ttl, Duration::from_secs(2 * 86_400));
        assert_eq!(config.refresh_cookie.full_name(), "my_refresh");
        assert_eq!(config.mfa_issuer.as_deref(), Some("Directus"));
        assert_eq!(from(&[]).expect("reads").hash, HashParams::DIRECTUS);

        for (name, value) in [("HASH_ASSOCIATED_DATA", "x"), ("HASH_TYPE", "1")] {
            assert_eq!(from(&[(name, value)]).expect_err(name).field(), name);
        }
    }
}
