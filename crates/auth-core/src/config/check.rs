//! What makes a configuration unusable. Each error names the field, what is wrong and what to do.

use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

use super::{AuthConfig, CookieConfig, SameSite};
use crate::http::origin::Origin;
use crate::mfa::totp::MAX_WINDOW;
use crate::secret::SecretKey;
use crate::token::{KeyRing, TokenKey};

/// A configuration that cannot work. The program should stop and print it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("configuration: {field}: {problem}")]
pub struct ConfigError {
    field: String,
    problem: String,
}

impl ConfigError {
    pub(crate) fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into() }
    }

    /// The field of [`AuthConfig`], or the environment variable.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    pub(super) fn problem(&self) -> &str {
        &self.problem
    }
}

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Secrets that stand in tutorials and sample files, in lower case.
const KNOWN_SECRETS: [&str; 9] = [
    "secret", "changeme", "replace-with", "your-secret", "your-256-bit", "a-string-secret", "example",
    // SECRET and KEY of the compose file that the documentation of Directus had for years.
    "6116487b-cda1-52c2-b5b5-c8022c45e263", "255d861b-5ea1-5996-9aa3-922530ec40b1",
];

impl AuthConfig {
    /// Checks every rule.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        check_key("secret", &self.secret).map_err(|error| self.advise_about_directus(error))?;
        self.check_signing_keys()?;
        self.check_durations()?;
        self.check_cookie("refresh_cookie", &self.refresh_cookie)?;
        self.check_cookie("session_cookie", &self.session_cookie)?;
        self.check_cookie("device_cookie", &self.device_cookie)?;
        let same = |a: &CookieConfig, b: &CookieConfig| a.full_name().eq_ignore_ascii_case(&b.full_name());
        if same(&self.refresh_cookie, &self.session_cookie) {
            return Err(ConfigError::new("session_cookie.name", "is the name of the refresh cookie: give it another"));
        }
        if same(&self.device_cookie, &self.refresh_cookie) || same(&self.device_cookie, &self.session_cookie) {
            return Err(ConfigError::new("device_cookie.name", "is the name of another cookie: give it its own"));
        }
        self.login_throttle.check()?;
        self.check_origins()?;
        self.check_hashing()?;
        self.check_mfa()?;
        self.check_passwords()?;
        self.personal_tokens.as_ref().map_or(Ok(()), super::PersonalTokens::check)?;
        self.audit_trail.as_ref().map_or(Ok(()), super::AuditTrail::check)?;
        if self.issuer.is_empty() {
            return Err(ConfigError::new("issuer", "is empty: name the service that issues the tokens"));
        }
        let printable = |c: char| (c.is_ascii_graphic() || c == ' ') && c != '"' && c != '\\';
        if !self.realm.chars().all(printable) {
            return Err(ConfigError::new("realm", "has characters that a header cannot quote: use plain ASCII"));
        }
        Ok(())
    }

    fn check_signing_keys(&self) -> Result<(), ConfigError> {
        within(&[("verified_tokens", self.verified_tokens, 0, 1_000_000)])?;
        self.signing_keys.as_ref().map_or(Ok(()), check_ring)
    }

    fn check_durations(&self) -> Result<(), ConfigError> {
        let ranges = [
            ("access_token_ttl", self.access_token_ttl, SECOND, DAY),
            ("refresh_token_ttl", self.refresh_token_ttl, SECOND, 366 * DAY),
            ("session_cookie_ttl", self.session_cookie_ttl, SECOND, 366 * DAY),
            ("absolute_ttl", self.absolute_ttl, SECOND, 3660 * DAY),
            ("refresh_grace", self.refresh_grace, Duration::ZERO, 60 * SECOND),
            ("leeway", self.leeway, Duration::ZERO, 60 * SECOND),
            ("login_stall", self.login_stall, Duration::ZERO, 10 * SECOND),
            ("password_reset_ttl", self.password_reset_ttl, 60 * SECOND, HOUR),
            ("email_verification_ttl", self.email_verification_ttl, 60 * SECOND, 7 * DAY),
            ("invitation_ttl", self.invitation_ttl, 60 * SECOND, 30 * DAY),
            ("body_timeout", self.body_timeout, SECOND, HOUR),
            ("step_up_within", self.step_up_within, Duration::ZERO, DAY),
        ];
        for (field, value, least, most) in ranges {
            if value < least || value > most {
                return Err(ConfigError::new(field, format!("is {value:?}: set it from {least:?} to {most:?}")));
            }
        }
        within(&[("max_sessions_per_user", self.max_sessions_per_user, 1, 10_000)])?;
        for (field, ttl) in
            [("refresh_token_ttl", self.refresh_token_ttl), ("session_cookie_ttl", self.session_cookie_ttl)]
        {
            if ttl > self.absolute_ttl {
                return Err(ConfigError::new(field, "is longer than `absolute_ttl`: shorten it, or raise that"));
            }
        }
        if self.access_token_ttl > self.refresh_token_ttl {
            let problem = "is longer than `refresh_token_ttl`: an access token would outlive its session";
            return Err(ConfigError::new("access_token_ttl", problem));
        }
        if let Some(feed) = self.revocation_feed {
            let problem = |field: &str, value: Duration, least: Duration, most: Duration| {
                let problem = format!("is {value:?}: set it from {least:?} to {most:?}");
                Err(ConfigError::new(format!("revocation_feed.{field}"), problem))
            };
            let (every, stale) = (feed.poll_every, feed.stale_after);
            if every < Duration::from_millis(10) || every > 60 * SECOND {
                return problem("poll_every", every, Duration::from_millis(10), 60 * SECOND);
            }
            if stale < 2 * every || stale > DAY {
                return problem("stale_after", stale, 2 * every, DAY);
            }
        }
        if self.refresh_grace >= self.access_token_ttl {
            let problem = "is not shorter than `access_token_ttl`: clients would not get a new token in time";
            return Err(ConfigError::new("refresh_grace", problem));
        }
        Ok(())
    }

    fn check_cookie(&self, field: &str, cookie: &CookieConfig) -> Result<(), ConfigError> {
        let error = |part: &str, problem: &str| Err(ConfigError::new(format!("{field}.{part}"), problem));
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if cookie.name.is_empty() || cookie.name.len() > 128 || !cookie.name.chars().all(is_token) {
            return error("name", "is no cookie name: use 1 to 128 letters, digits, `_` or `-`");
        }
        let lower = cookie.name.to_ascii_lowercase();
        if lower.starts_with("__host-") || lower.starts_with("__secure-") {
            return error("name", "has a prefix: leave it out, `__Host-` is added where browsers accept it");
        }
        if !cookie.secure && cookie.same_site == SameSite::None {
            return error("same_site", "is None without `secure`: browsers reject such a cookie");
        }
        if !cookie.secure && !self.danger_insecure_cookies {
            return error(
                "secure",
                "is off, so anybody on the network can take the cookie: turn it on (it works on localhost), or set \
                 `danger_insecure_cookies` (DANGER_INSECURE_COOKIES=1) for development",
            );
        }
        if let Some(domain) = &cookie.domain {
            let label = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
            if !domain.split('.').all(label) || domain.len() > 253 || domain.parse::<std::net::IpAddr>().is_ok() {
                return error("domain", "is no host name: write `example.com`, without scheme, port or leading dot");
            }
            if !domain.contains('.') && domain != "localhost" {
                return error("domain", "is a top-level domain: browsers reject such a cookie");
            }
        }
        Ok(())
    }

    fn check_origins(&self) -> Result<(), ConfigError> {
        for origin in &self.allowed_origins {
            if Origin::parse(origin.as_bytes()).is_none() {
                let problem = format!("`{origin}` is no origin: write `https://host` or `https://host:port`");
                return Err(ConfigError::new("allowed_origins", problem));
            }
        }
        for (field, urls) in [
            ("password_reset_urls", &self.password_reset_urls),
            ("verification_urls", &self.verification_urls),
            ("invitation_urls", &self.invitation_urls),
        ] {
            // They go into mails and headers as they are.
            let is_url = |url: &&String| url.contains("://") && url.chars().all(|c| c.is_ascii_graphic());
            if let Some(url) = urls.iter().find(|url| !is_url(url)) {
                let problem = format!("`{url}` is no URL: write `https://host/path`, in ASCII");
                return Err(ConfigError::new(field, problem));
            }
        }
        if let Some(url) = &self.public_url
            && Origin::of_url(url).is_none()
        {
            let problem = format!("`{url}` is no URL: write `https://host` or `https://host/path`");
            return Err(ConfigError::new("public_url", problem));
        }
        Ok(())
    }

    fn check_mfa(&self) -> Result<(), ConfigError> {
        let remedy = "make one with `openssl rand -base64 32`";
        for (at, key) in self.mfa_keys.iter().enumerate() {
            let number = at + 1;
            let error = |problem: &str| Err(ConfigError::new("mfa_keys", format!("key {number} {problem}")));
            if key.is_weak() {
                return error(&format!("is text or repeats itself, not 32 random bytes: {remedy}"));
            }
            if key.is_also(self.secret.expose_secret()) {
                return error(&format!("is `secret` too, and who learns one must not have the other: {remedy}"));
            }
            if self.mfa_keys.iter().take(at).any(|other| other.same_as(key)) {
                return error("is there twice: remove it, or put the new key first");
            }
        }
        if self.mfa_window > MAX_WINDOW {
            let problem = format!("is {}: set it to 0 or 1 steps of 30 seconds", self.mfa_window);
            return Err(ConfigError::new("mfa_window", problem));
        }
        if let Some(issuer) = &self.mfa_issuer {
            let unusable = issuer.trim().is_empty() || issuer.len() > 64;
            if unusable || issuer.chars().any(|c| c == ':' || c.is_control()) {
                let problem = "is no name that an authenticator app can show: use 1 to 64 bytes without a colon";
                return Err(ConfigError::new("mfa_issuer", problem));
            }
        }
        Ok(())
    }

    fn check_hashing(&self) -> Result<(), ConfigError> {
        if !self.hash.within(self.max_hash) {
            return Err(ConfigError::new("max_hash", "is below `hash`: new hashes could not be verified; raise it"));
        }
        within(&[("hash_threads", self.hash_threads, 1, 64), ("hash_queue", self.hash_queue, 1, 65_536)])
    }

    fn check_passwords(&self) -> Result<(), ConfigError> {
        let score = self.password_min_score.map_or(0, usize::from);
        within(&[("password_min_length", self.password_min_length, 8, 64), ("password_min_score", score, 0, 4)])?;
        if self.password_min_score.is_some() && cfg!(not(feature = "zxcvbn")) {
            let problem = "needs the estimator: turn on the cargo feature `zxcvbn` of auth-core, or leave it unset";
            return Err(ConfigError::new("password_min_score", problem));
        }
        let field = "password_peppers";
        let mut others = vec![self.secret.expose_secret()];
        for pepper in &self.password_peppers {
            check_key(field, pepper)?;
            if others.contains(&pepper.expose_secret()) {
                return Err(ConfigError::new(field, format!("has a key twice, or that of `secret`: {NEW_KEY}")));
            }
            others.push(pepper.expose_secret());
        }
        Ok(())
    }
}

const NEW_KEY: &str = "make one with `openssl rand -base64 48`";

fn check_key(field: &str, key: &SecretKey) -> Result<(), ConfigError> {
    let key = key.expose_secret();
    let error = |problem: String| Err(ConfigError::new(field, problem));
    if key.len() < 32 {
        return error(format!("has {} bytes and needs 32 or more: {NEW_KEY}", key.len()));
    }
    let mut seen = [false; 256];
    for byte in key {
        if let Some(seen) = seen.get_mut(usize::from(*byte)) {
            *seen = true;
        }
    }
    if seen.iter().filter(|seen| **seen).count() < 8 {
        return error(format!("repeats a few characters: {NEW_KEY}"));
    }
    if key.starts_with(b"-----BEGIN") {
        return error(format!("is a PEM file, and half of it may be public: {NEW_KEY}"));
    }
    let lower = Zeroizing::new(key.to_ascii_lowercase());
    if KNOWN_SECRETS.iter().any(|known| lower.starts_with(known.as_bytes())) {
        return error(format!("looks like a sample: {NEW_KEY}"));
    }
    Ok(())
}

/// No secret in it may be guessed.
pub(crate) fn check_ring(ring: &KeyRing) -> Result<(), ConfigError> {
    ring.keys().iter().filter_map(TokenKey::secret).try_for_each(|secret| check_key("signing_keys", secret))
}

fn within<T: PartialOrd + fmt::Display>(numbers: &[(&str, T, T, T)]) -> Result<(), ConfigError> {
    for (field, value, least, most) in numbers {
        if value < least || value > most {
            return Err(ConfigError::new(*field, format!("is {value}: set it from {least} to {most}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{HashParams, LoginThrottle, ThrottleLimits};
    use crate::mfa::MfaKey;
    use crate::secret::SecretKey;

    const SECRET: &str = "k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7";
    const PEPPER: &str = "mN3bV6cX9zL2kJ5hG8fD1sA4pO7iU0yT";

    #[test]
    fn j9_short_and_known_secrets_are_refused() {
        for secret in [
            "",
            "short",
            "k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH",
            "secretsecretsecretsecretsecretsecret",
            "changeme-changeme-changeme-changeme",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "abababababababababababababababababababab",
            "your-256-bit-secret-your-256-bit-secret",
            "a-string-secret-at-least-256-bits-long",
            "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\n",
        ] {
            let error = AuthConfig::new(secret).check().expect_err(secret);
            assert_eq!(error.field(), "secret");
            assert!(secret.len() < 6 || !error.to_string().contains(secret), "the error shows the secret");
        }
        assert_eq!(AuthConfig::new(SECRET).check(), Ok(()));
    }

    #[test]
    fn every_rule_names_its_field() {
        type Change = fn(&mut AuthConfig);
        let cases: [(&str, Change); 42] = [
            ("access_token_ttl", |c| c.access_token_ttl = Duration::ZERO),
            ("access_token_ttl", |c| c.access_token_ttl = 2 * DAY),
            ("access_token_ttl", |c| c.refresh_token_ttl = 60 * SECOND),
            ("refresh_token_ttl", |c| c.refresh_token_ttl = 400 * DAY),
            ("refresh_token_ttl", |c| c.absolute_ttl = DAY),
            ("refresh_grace", |c| c.refresh_grace = 61 * SECOND),
            ("refresh_grace", |c| c.access_token_ttl = 10 * SECOND),
            ("leeway", |c| c.leeway = 61 * SECOND),
            ("refresh_cookie.name", |c| c.refresh_cookie.name = String::new()),
            ("refresh_cookie.name", |c| c.refresh_cookie.name = "a b".to_owned()),
            ("refresh_cookie.name", |c| c.refresh_cookie.name = "__Host-refresh".to_owned()),
            ("refresh_cookie.secure", |c| c.refresh_cookie.secure = false),
            ("session_cookie.same_site", |c| {
                c.session_cookie.secure = false;
                c.session_cookie.same_site = SameSite::None;
                c.danger_insecure_cookies = true;
            }),
            ("session_cookie.domain", |c| c.session_cookie.domain = Some("https://example.com".to_owned())),
            ("session_cookie.domain", |c| c.session_cookie.domain = Some("com".to_owned())),
            ("session_cookie.domain", |c| c.session_cookie.domain = Some("a.com; Path=/x".to_owned())),
            ("session_cookie.name", |c| c.session_cookie.name = c.refresh_cookie.name.clone()),
            ("device_cookie.name", |c| c.device_cookie.name = c.session_cookie.name.clone()),
            ("login_throttle.account", |c| {
                c.login_throttle = LoginThrottle::Limits(ThrottleLimits { account: 101, address: 50 });
            }),
            ("login_throttle.address", |c| {
                c.login_throttle = LoginThrottle::Limits(ThrottleLimits { account: 5, address: 0 });
            }),
            ("allowed_origins", |c| c.allowed_origins = vec!["example.com".to_owned()]),
            ("password_reset_ttl", |c| c.password_reset_ttl = 2 * HOUR),
            ("password_reset_urls", |c| c.password_reset_urls = vec!["app.example.com/reset".to_owned()]),
            ("verification_urls", |c| c.verification_urls = vec!["https://a.example/\r\nx: y".to_owned()]),
            ("public_url", |c| c.public_url = Some("example.com".to_owned())),
            ("max_hash", |c| c.hash = HashParams::DIRECTUS),
            ("password_min_length", |c| c.password_min_length = 7),
            ("password_min_score", |c| c.password_min_score = Some(5)),
            ("password_peppers", |c| c.password_peppers = vec![SecretKey::from("short")]),
            ("password_peppers", |c| c.password_peppers = vec![c.secret.clone()]),
            ("password_peppers", |c| c.password_peppers = vec![SecretKey::from(PEPPER), SecretKey::from(PEPPER)]),
            ("realm", |c| c.realm = "a\"b".to_owned()),
            ("mfa_keys", |c| c.mfa_keys = vec![MfaKey::new([0; 32])]),
            ("mfa_keys", |c| c.mfa_keys = vec![MfaKey::new(*b"Sphinx of black quartz, judge me")]),
            ("mfa_keys", |c| c.mfa_keys = vec![random_key(1), random_key(2), random_key(1)]),
            ("mfa_keys", |c| {
                c.secret = SecretKey::new(random_key(1).expose_secret());
                c.mfa_keys = vec![random_key(2), random_key(1)];
            }),
            ("mfa_keys", |c| {
                let text = "__39_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4eA";
                c.secret = text.into();
                c.mfa_keys = vec![MfaKey::from_base64(text).expect("a key")];
            }),
            ("mfa_window", |c| c.mfa_window = 2),
            ("step_up_within", |c| c.step_up_within = 2 * DAY),
            ("mfa_issuer", |c| c.mfa_issuer = Some(" ".to_owned())),
            ("mfa_issuer", |c| c.mfa_issuer = Some("Example: test".to_owned())),
            ("mfa_issuer", |c| c.mfa_issuer = Some("é".repeat(33))),
        ];
        for (field, change) in cases {
            let mut config = AuthConfig::new(SECRET);
            change(&mut config);
            let error = config.check().expect_err(field);
            assert_eq!(error.field(), field, "{error}");
        }
    }

    fn random_key(seed: u8) -> MfaKey {
        MfaKey::new(std::array::from_fn(|i| (i as u8).wrapping_mul(37) ^ seed))
    }

    #[test]
    fn m2_m3_second_factors_work_without_settings_and_with_good_ones() {
        let mut config = AuthConfig::new(SECRET);
        assert_eq!((config.mfa_window, config.mfa_keys.len()), (1, 0));
        config.mfa_window = 0;
        config.mfa_keys = vec![random_key(1), random_key(2)];
        config.mfa_issuer = Some("Ünïcode & Söhne".to_owned());
        assert_eq!(config.check(), Ok(()));
    }

    #[test]
    fn j10_leeway_is_at_most_a_minute() {
        let mut config = AuthConfig::new(SECRET);
        assert_eq!(config.leeway, Duration::ZERO);
        config.leeway = 60 * SECOND;
        assert_eq!(config.check(), Ok(()));
    }

    #[test]
    fn p2_a_score_is_refused_without_the_estimator() {
        let mut config = AuthConfig::new(SECRET);
        config.password_min_score = Some(3);
        let error = config.check().err();
        assert_eq!(error.is_none(), cfg!(feature = "zxcvbn"), "{error:?}");
        if let Some(error) = error {
            assert_eq!(error.field(), "password_min_score");
            assert!(error.to_string().contains("cargo feature `zxcvbn`"), "{error}");
        }
    }

    #[test]
    fn hardened_makes_every_strict_choice() {
        let config = AuthConfig::new(SECRET).hardened();
        assert_eq!(config.check(), Ok(()));
        assert_eq!(config.password_min_length, 15);
        assert_eq!(config.refresh_cookie.full_name(), "__Host-refresh_token");
        assert_eq!(config.session_cookie.same_site, SameSite::Strict);
    }
}
