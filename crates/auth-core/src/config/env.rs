//! The configuration from environment variables, under the names that Directus users know.

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::{
    AuditTrail, AuthConfig, ConfigError, CookieConfig, MfaRequired, PersonalTokens, SameSite, UnreadableThrottle,
    duration,
};
use crate::id::Role;
use crate::mfa::MfaKey;
use crate::password::HashParams;
use crate::secret::SecretKey;
use crate::token::{KeyRing, TokenKey};

impl AuthConfig {
    /// Reads the environment: `SECRET` is required, everything else has its default.
    ///
    /// Variables: `SECRET`, `SIGNING_KEYS`, `ACCESS_TOKEN_TTL`, `REFRESH_TOKEN_TTL`, `REFRESH_ABSOLUTE_TTL`, `SESSION_COOKIE_TTL`,
    /// `SESSION_REFRESH_GRACE_PERIOD`, `REFRESH_TOKEN_COOKIE_NAME|SECURE|SAME_SITE|DOMAIN`,
    /// `SESSION_COOKIE_NAME|SECURE|SAME_SITE|DOMAIN`, `DEVICE_COOKIE_NAME|SECURE|SAME_SITE|DOMAIN`,
    /// `DANGER_INSECURE_COOKIES`, `ALLOWED_ORIGINS`, `PUBLIC_URL`, `HASH_MEMORY` (KiB), `HASH_TIME`, `HASH_PARALLELISM`,
    /// `LOGIN_THROTTLE`, `TRUSTED_PROXIES`, `LOGIN_STALL_TIME`, `PASSWORD_MIN_LENGTH`, `PASSWORD_MIN_SCORE`,
    /// `PASSWORD_PEPPER`, `PASSWORD_RESET_URL_ALLOW_LIST`, `USER_REGISTER_URL_ALLOW_LIST`, `USER_INVITE_URL_ALLOW_LIST`,
    /// `PASSWORD_RESET_TTL`, `EMAIL_VERIFICATION_TTL`, `USER_INVITE_TTL`, `MFA_KEYS`, `MFA_WINDOW`, `MFA_ISSUER`,
    /// `MFA_REQUIRED` (`nobody`, `everybody`, `roles:admin,editor`), `PERSONAL_TOKENS`, `PERSONAL_TOKEN_PREFIX`,
    /// `PERSONAL_TOKEN_MAX_TTL`, `AUDIT_TRAIL`, `AUDIT_RETENTION`. Durations are written `15m`, `7d`, `10s`; without a
    /// unit they are milliseconds.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable that is missing or cannot be read.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_vars(|name| std::env::var(name).ok())
    }

    /// Like [`from_env`](Self::from_env), over any source of variables.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable that is missing or cannot be read.
    pub fn from_vars(var: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        Self::read(&var, Self::new)
    }

    /// Reads every variable over the defaults of `preset`.
    pub(super) fn read(
        var: &dyn Fn(&str) -> Option<String>,
        preset: impl FnOnce(SecretKey) -> Self,
    ) -> Result<Self, ConfigError> {
        // An empty variable is one that is not set: compose files and shells make no difference.
        let vars = Vars(&|name| var(name).filter(|value| !value.is_empty()));
        let Some(secret) = (vars.0)("SECRET") else {
            let problem = "is not set: it signs the tokens; make one with `openssl rand -base64 48`";
            return Err(ConfigError::new("SECRET", problem));
        };

        let mut config = preset(SecretKey::from(secret));
        vars.signing_keys(&mut config)?;
        vars.duration("ACCESS_TOKEN_TTL", &mut config.access_token_ttl)?;
        vars.duration("REFRESH_TOKEN_TTL", &mut config.refresh_token_ttl)?;
        vars.duration("REFRESH_ABSOLUTE_TTL", &mut config.absolute_ttl)?;
        vars.duration("SESSION_COOKIE_TTL", &mut config.session_cookie_ttl)?;
        vars.duration("SESSION_REFRESH_GRACE_PERIOD", &mut config.refresh_grace)?;
        vars.duration("LOGIN_STALL_TIME", &mut config.login_stall)?;
        vars.duration("PASSWORD_RESET_TTL", &mut config.password_reset_ttl)?;
        vars.duration("EMAIL_VERIFICATION_TTL", &mut config.email_verification_ttl)?;
        vars.duration("USER_INVITE_TTL", &mut config.invitation_ttl)?;
        vars.flag("DANGER_INSECURE_COOKIES", &mut config.danger_insecure_cookies)?;
        vars.cookie("REFRESH_TOKEN_COOKIE", &mut config.refresh_cookie)?;
        vars.cookie("SESSION_COOKIE", &mut config.session_cookie)?;
        vars.cookie("DEVICE_COOKIE", &mut config.device_cookie)?;
        vars.throttle(&mut config)?;
        if let Some(origins) = (vars.0)("ALLOWED_ORIGINS") {
            config.allowed_origins = origins.split(',').map(|origin| origin.trim().to_owned()).collect();
        }
        for (name, list) in [
            ("PASSWORD_RESET_URL_ALLOW_LIST", &mut config.password_reset_urls),
            ("USER_REGISTER_URL_ALLOW_LIST", &mut config.verification_urls),
            ("USER_INVITE_URL_ALLOW_LIST", &mut config.invitation_urls),
        ] {
            if let Some(urls) = (vars.0)(name) {
                *list = urls.split(',').map(|url| url.trim().to_owned()).collect();
            }
        }
        // The default of Directus, which its installer writes down: nobody said anything.
        let is_said = |url: &String| url != "/" || !config.is_beside_directus();
        config.public_url = (vars.0)("PUBLIC_URL").filter(is_said);
        vars.hash(&mut config)?;
        vars.number("PASSWORD_MIN_LENGTH", &mut config.password_min_length)?;
        vars.mfa_keys(&mut config.mfa_keys)?;
        vars.number("MFA_WINDOW", &mut config.mfa_window)?;
        config.mfa_issuer = (vars.0)("MFA_ISSUER").or(config.mfa_issuer);
        vars.mfa_required(&mut config.mfa_required)?;
        if (vars.0)("PASSWORD_MIN_SCORE").is_some() {
            vars.number("PASSWORD_MIN_SCORE", config.password_min_score.insert(0))?;
        }
        vars.personal_tokens(&mut config)?;
        vars.audit_trail(&mut config)?;
        if let Some(peppers) = (vars.0)("PASSWORD_PEPPER").map(Zeroizing::new) {
            config.password_peppers = peppers.split(',').map(|pepper| SecretKey::from(pepper.trim())).collect();
        }
        Ok(config)
    }
}

struct Vars<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Vars<'_> {
    fn duration(&self, name: &str, field: &mut std::time::Duration) -> Result<(), ConfigError> {
        let Some(text) = (self.0)(name) else { return Ok(()) };
        *field = duration::parse(&text)
            .ok_or_else(|| unreadable(name, &text, "a duration such as `15m`, `7d`, `10s` or milliseconds"))?;
        Ok(())
    }

    fn number<T: FromStr>(&self, name: &str, field: &mut T) -> Result<(), ConfigError> {
        let Some(text) = (self.0)(name) else { return Ok(()) };
        *field = text.trim().parse().map_err(|_| unreadable(name, &text, "a whole number"))?;
        Ok(())
    }

    /// The roles need their word before them: a misspelt `everybody` must not become the name of a role.
    fn mfa_required(&self, field: &mut MfaRequired) -> Result<(), ConfigError> {
        const NAME: &str = "MFA_REQUIRED";
        let Some(text) = (self.0)(NAME) else { return Ok(()) };
        let wrong =
            || unreadable(NAME, &text, "`nobody`, `everybody` or `roles:` and names, such as `roles:admin,editor`");
        *field = match (text.trim(), text.trim().strip_prefix("roles:")) {
            ("nobody", _) => MfaRequired::Nobody,
            ("everybody", _) => MfaRequired::Everybody,
            (_, Some(names)) => {
                let roles: Result<_, _> = names.split(',').map(|name| Role::new(name.trim())).collect();
                MfaRequired::Roles(roles.map_err(|_| wrong())?)
            }
            _ => return Err(wrong()),
        };
        Ok(())
    }

    fn flag(&self, name: &str, field: &mut bool) -> Result<(), ConfigError> {
        let Some(text) = (self.0)(name) else { return Ok(()) };
        *field = match text.trim().to_ascii_lowercase().as_str() {
            "1" | "true" => true,
            "0" | "false" => false,
            _ => return Err(unreadable(name, &text, "`true` or `false`")),
        };
        Ok(())
    }

    fn cookie(&self, prefix: &str, cookie: &mut CookieConfig) -> Result<(), ConfigError> {
        if let Some(name) = (self.0)(&format!("{prefix}_NAME")) {
            cookie.name = name;
        }
        self.flag(&format!("{prefix}_SECURE"), &mut cookie.secure)?;
        let variable = format!("{prefix}_SAME_SITE");
        if let Some(text) = (self.0)(&variable) {
            cookie.same_site = match text.trim().to_ascii_lowercase().as_str() {
                "strict" | "true" => SameSite::Strict,
                "lax" => SameSite::Lax,
                "none" => SameSite::None,
                _ => return Err(unreadable(&variable, &text, "`strict`, `lax` or `none`")),
            };
        }
        cookie.domain = (self.0)(&format!("{prefix}_DOMAIN"));
        Ok(())
    }

    fn throttle(&self, config: &mut AuthConfig) -> Result<(), ConfigError> {
        let (throttle, proxies) = ("LOGIN_THROTTLE", "TRUSTED_PROXIES");
        if let Some(text) = (self.0)(throttle) {
            config.login_throttle = text.parse().map_err(|error: UnreadableThrottle| {
                ConfigError::new(throttle, format!("`{text}` cannot be read: {error}"))
            })?;
        }
        if let Some(text) = (self.0)(proxies) {
            let ranges = text.split(',').map(|range| {
                range.parse().map_err(|error| ConfigError::new(proxies, format!("`{range}` cannot be read: {error}")))
            });
            config.trusted_proxies = ranges.collect::<Result<_, _>>()?;
        }
        Ok(())
    }

    fn personal_tokens(&self, config: &mut AuthConfig) -> Result<(), ConfigError> {
        let (mut tokens, mut are_on) = (PersonalTokens::default(), false);
        self.flag("PERSONAL_TOKENS", &mut are_on)?;
        if let Some(prefix) = (self.0)("PERSONAL_TOKEN_PREFIX") {
            tokens.prefix = prefix;
        }
        self.duration("PERSONAL_TOKEN_MAX_TTL", &mut tokens.max_ttl)?;
        config.personal_tokens = are_on.then_some(tokens);
        Ok(())
    }

    fn audit_trail(&self, config: &mut AuthConfig) -> Result<(), ConfigError> {
        let (mut trail, mut is_on) = (AuditTrail::default(), false);
        self.flag("AUDIT_TRAIL", &mut is_on)?;
        self.duration("AUDIT_RETENTION", &mut trail.retention)?;
        config.audit_trail = is_on.then_some(trail);
        Ok(())
    }

    /// No error shows a key: it may be right but for one character.
    fn signing_keys(&self, config: &mut AuthConfig) -> Result<(), ConfigError> {
        const NAME: &str = "SIGNING_KEYS";
        let Some(text) = (self.0)(NAME).map(Zeroizing::new) else { return Ok(()) };
        let mut keys = Vec::new();
        for (number, entry) in (1..).zip(text.split(',').map(str::trim)) {
            let wrong = |problem: &dyn std::fmt::Display| ConfigError::new(NAME, format!("entry {number}: {problem}"));
            match entry.strip_prefix("file:") {
                Some(path) => {
                    let content = std::fs::read_to_string(path).map(Zeroizing::new);
                    let content = content.map_err(|error| wrong(&format!("`{path}` cannot be read: {error}")))?;
                    let read = TokenKey::read_all(&content);
                    keys.extend(read.map_err(|error| wrong(&format!("`{path}`: {error}")))?);
                }
                None if entry == "SECRET" => {
                    keys.push(TokenKey::hs256(config.secret.clone()).map_err(|error| wrong(&error))?);
                }
                None => {
                    let der = STANDARD.decode(entry).map(Zeroizing::new);
                    let der = der.map_err(|_| wrong(&"it is neither `file:` and a path, nor base64, nor `SECRET`"))?;
                    keys.push(TokenKey::from_der(&der).map_err(|error| wrong(&error))?);
                }
            }
        }
        let ring = KeyRing::of(keys).map_err(|error| ConfigError::new(NAME, error.to_string()))?;
        config.signing_keys = Some(ring);
        Ok(())
    }

    /// No error shows a key: it may be right but for one character.
    fn mfa_keys(&self, keys: &mut Vec<MfaKey>) -> Result<(), ConfigError> {
        const NAME: &str = "MFA_KEYS";
        let Some(text) = (self.0)(NAME) else { return Ok(()) };
        let text = Zeroizing::new(text);
        for (at, entry) in text.split(',').enumerate() {
            let number = at + 1;
            let entry = entry.trim();
            let key = match entry.strip_prefix("file:") {
                None => MfaKey::from_base64(entry),
                Some(path) => {
                    let content = std::fs::read_to_string(path).map(Zeroizing::new).map_err(|error| {
                        ConfigError::new(NAME, format!("key {number}: `{path}` cannot be read: {error}"))
                    })?;
                    MfaKey::from_base64(content.trim())
                }
            };
            keys.push(key.map_err(|error| ConfigError::new(NAME, format!("key {number} is {error}")))?);
        }
        Ok(())
    }

    fn hash(&self, config: &mut AuthConfig) -> Result<(), ConfigError> {
        let wanted = config.hash;
        let (mut memory, mut passes, mut lanes) = (wanted.memory_kib(), wanted.passes(), wanted.lanes());
        self.number("HASH_MEMORY", &mut memory)?;
        self.number("HASH_TIME", &mut passes)?;
        self.number("HASH_PARALLELISM", &mut lanes)?;
        config.hash = HashParams::new(memory, passes, lanes)
            .map_err(|error| ConfigError::new("HASH_MEMORY, HASH_TIME, HASH_PARALLELISM", error.to_string()))?;
        config.max_hash = config.max_hash.max(config.hash);
        Ok(())
    }
}

fn unreadable(name: &str, text: &str, expected: &str) -> ConfigError {
    ConfigError::new(name, format!("`{text}` cannot be read: write {expected}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::LoginThrottle;

    const SECRET: (&str, &str) = ("SECRET", "k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");

    fn from(vars: &[(&str, &str)]) -> Result<AuthConfig, ConfigError> {
        AuthConfig::from_vars(|name| {
            vars.iter().chain([&SECRET]).find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn signing_keys_come_from_files_inline_or_are_the_secret() {
        use crate::token::{KeyAlgorithm, TokenKey};
        let folder = std::env::temp_dir().join(format!("auth-signing-keys-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let [first, second] = [KeyAlgorithm::EdDsa, KeyAlgorithm::Es256]
            .map(|algorithm| TokenKey::generate_pem(algorithm).expect("random bytes").expose_secret().to_owned());
        let file = folder.join("keys.pem");
        std::fs::write(&file, &first).expect("a file");
        let inline: String = second.lines().filter(|line| !line.starts_with('-')).collect();
        let value = format!("file:{}, {inline}, SECRET", file.display());
        let config = from(&[("SIGNING_KEYS", &value)]).expect("good");
        let ring = config.signing_keys.expect("keys");
        let algorithms: Vec<_> = ring.keys().iter().map(TokenKey::algorithm).collect();
        assert_eq!(algorithms, [KeyAlgorithm::EdDsa, KeyAlgorithm::Es256, KeyAlgorithm::Hs256]);
        assert_eq!(ring.signing().map(TokenKey::algorithm), Some(KeyAlgorithm::EdDsa));
        std::fs::write(&file, "no key").expect("a file");
        let missing = format!("file:{}", folder.join("missing.pem").display());
        let damaged = format!("{}A", &inline[..40]);
        for (value, part) in [
            (format!("file:{}", file.display()), "there is no key in it"),
            (missing, "cannot be read"),
            ("keys.pem".to_owned(), "neither"),
            (damaged, "entry 1"),
            (format!("SECRET, {inline}, {inline}"), "same name"),
        ] {
            let error = from(&[("SIGNING_KEYS", &value)]).expect_err(&value);
            assert_eq!(error.field(), "SIGNING_KEYS");
            assert!(error.to_string().contains(part), "{error}");
            assert!(!error.to_string().contains(&inline[10..30]), "{error}");
        }
        std::fs::remove_dir_all(folder).expect("removed");
    }

    #[test]
    fn variables_have_the_names_and_the_syntax_of_directus() {
        let config = from(&[
            ("ACCESS_TOKEN_TTL", "5m"),
            ("REFRESH_TOKEN_TTL", "3d"),
            ("SESSION_COOKIE_TTL", "2h"),
            ("SESSION_REFRESH_GRACE_PERIOD", "3000"),
            ("REFRESH_TOKEN_COOKIE_NAME", "directus_refresh_token"),
            ("REFRESH_TOKEN_COOKIE_SECURE", "false"),
            ("REFRESH_TOKEN_COOKIE_SAME_SITE", "strict"),
            ("SESSION_COOKIE_DOMAIN", "example.com"),
            ("DANGER_INSECURE_COOKIES", "1"),
            ("HASH_MEMORY", "65536"),
            ("HASH_TIME", "3"),
            ("ALLOWED_ORIGINS", "https://a.example, https://b.example:8443"),
            ("PUBLIC_URL", ""),
            ("DEVICE_COOKIE_NAME", "known"),
            ("LOGIN_THROTTLE", "account=4,address=40"),
            ("TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
            ("MFA_REQUIRED", "roles:admin, chief editor"),
            ("PERSONAL_TOKENS", "1"),
            ("PERSONAL_TOKEN_MAX_TTL", "30d"),
            ("PASSWORD_PEPPER", "the-current-pepper-Zq3Xw8Kd5Nf7Rt, the-one-before-it-Jm4Vb9Ts2Hy6Lp1"),
        ])
        .expect("reads");
        assert_eq!(config.access_token_ttl, Duration::from_secs(300));
        assert_eq!(config.refresh_token_ttl, Duration::from_secs(3 * 86_400));
        assert_eq!(config.session_cookie_ttl, Duration::from_secs(7200));
        assert_eq!(config.refresh_grace, Duration::from_secs(3));
        assert_eq!(config.refresh_cookie.full_name(), "directus_refresh_token");
        assert_eq!(config.refresh_cookie.same_site, SameSite::Strict);
        assert_eq!(config.session_cookie.full_name(), "session_token");
        assert_eq!(config.allowed_origins, ["https://a.example", "https://b.example:8443"]);
        assert_eq!((config.max_hash.memory_kib(), config.max_hash.passes()), (65_536, 3));
        assert_eq!(config.public_url, None);
        assert_eq!(config.device_cookie.full_name(), "__Host-known");
        let LoginThrottle::Limits(limits) = config.login_throttle else { panic!("it is on") };
        assert_eq!((limits.account, limits.address), (4, 40));
        assert_eq!(
            config.trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["10.0.0.0/8", "::1/128"]
        );
        let roles = ["admin", "chief editor"].map(|name| Role::new(name).expect("is short")).to_vec();
        assert_eq!(config.mfa_required, MfaRequired::Roles(roles));
        let peppers: Vec<_> = config.password_peppers.iter().map(SecretKey::expose_secret).collect();
        assert_eq!(peppers, [&b"the-current-pepper-Zq3Xw8Kd5Nf7Rt"[..], b"the-one-before-it-Jm4Vb9Ts2Hy6Lp1"]);
        let tokens = config.personal_tokens.as_ref().expect("they are on");
        assert_eq!((tokens.prefix.as_str(), tokens.max_ttl), ("pat_", Duration::from_secs(30 * 86_400)));
        config.check().expect("is usable");
    }

    #[test]
    fn the_public_url_that_directus_has_by_default_is_none() {
        let vars = |name: &str| match name {
            "SECRET" => Some(SECRET.1.to_owned()),
            "PUBLIC_URL" => Some("/".to_owned()),
            _ => None,
        };
        let config = AuthConfig::directus_from_vars(vars).expect("reads");
        assert_eq!((config.public_url.as_deref(), config.check()), (None, Ok(())));
        let ours = AuthConfig::from_vars(vars).expect("reads");
        assert_eq!(ours.check().expect_err("leads nowhere").field(), "public_url");
    }

    #[test]
    fn an_unreadable_variable_is_named() {
        for (name, value) in [
            ("ACCESS_TOKEN_TTL", "soon"),
            ("REFRESH_TOKEN_TTL", "7 parsecs"),
            ("SESSION_COOKIE_SECURE", "maybe"),
            ("SESSION_COOKIE_SAME_SITE", "laxx"),
            ("PASSWORD_MIN_LENGTH", "long"),
            ("PASSWORD_MIN_SCORE", "-1"),
            ("HASH_TIME", "-1"),
            ("DANGER_INSECURE_COOKIES", "yes please"),
            ("LOGIN_THROTTLE", "no"),
            ("TRUSTED_PROXIES", "10.0.0.1/8"),
            ("DEVICE_COOKIE_SAME_SITE", "sometimes"),
            ("MFA_WINDOW", "-1"),
            ("PERSONAL_TOKENS", "all"),
            ("MFA_WINDOW", "256"),
            ("MFA_REQUIRED", "everbody"),
            ("MFA_REQUIRED", "roles:"),
        ] {
            let error = from(&[(name, value)]).expect_err(name);
            assert_eq!(error.field(), name);
            assert!(error.to_string().contains(value), "{error}");
        }
        let error = AuthConfig::from_vars(|_| None).expect_err("no secret");
        assert_eq!(error.field(), "SECRET");
    }

    #[test]
    fn m3_mfa_keys_are_inline_or_in_files_and_the_first_is_current() {
        let file = std::env::temp_dir().join(format!("auth-core-mfa-key-{}", std::process::id()));
        std::fs::write(&file, "oqtaQ1Y5bm0yWDhxTHY3VWNIazVqRDFzQTZ3RTRyVDk=\n").expect("writes");
        let inline = "__39_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4eA";
        let config = from(&[
            ("MFA_KEYS", &format!("{inline} , file:{}", file.display())),
            ("MFA_WINDOW", "0"),
            ("MFA_ISSUER", "Example"),
        ]);
        let config = config.and_then(|config| config.check().map(|()| config));
        std::fs::remove_file(&file).expect("removes");

        let config = config.expect("is usable");
        let first_bytes: Vec<u8> = config.mfa_keys.iter().map(|key| key.expose_secret()[0]).collect();
        assert_eq!(first_bytes, [0xff, 0xa2]);
        assert_eq!((config.mfa_window, config.mfa_issuer.as_deref()), (0, Some("Example")));
        assert!(from(&[("MFA_KEYS", "")]).expect("not set").mfa_keys.is_empty());
    }

    #[test]
    fn m3_an_unreadable_mfa_key_is_named_and_not_shown() {
        let good = "__39_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4eA";
        for (value, number) in [
            ("correct horse", 1),
            (&*format!("{good},"), 2),
            (&*format!("{good},{good}=="), 2),
            (&*format!("{good},file:/nonexistent/mfa.key"), 2),
            (&good[1..], 1),
        ] {
            let error = from(&[("MFA_KEYS", value)]).expect_err(value);
            let text = error.to_string();
            assert_eq!(error.field(), "MFA_KEYS");
            assert!(
                text.contains(&format!("key {number}")) && !text.contains("horse") && !text.contains("39_P"),
                "{text}"
            );
        }
    }
}
