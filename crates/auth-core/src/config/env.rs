//! The configuration from environment variables, under the names that Directus users know.

use std::str::FromStr;

use zeroize::Zeroizing;

use super::{AuthConfig, ConfigError, CookieConfig, SameSite, duration};
use crate::password::HashParams;
use crate::secret::SecretKey;

impl AuthConfig {
    /// Reads the environment: `SECRET` is required, everything else has its default.
    ///
    /// Variables: `SECRET`, `ACCESS_TOKEN_TTL`, `REFRESH_TOKEN_TTL`, `REFRESH_ABSOLUTE_TTL`, `SESSION_COOKIE_TTL`,
    /// `SESSION_REFRESH_GRACE_PERIOD`, `REFRESH_TOKEN_COOKIE_NAME|SECURE|SAME_SITE|DOMAIN`,
    /// `SESSION_COOKIE_NAME|SECURE|SAME_SITE|DOMAIN`, `DANGER_INSECURE_COOKIES`, `ALLOWED_ORIGINS`, `PUBLIC_URL`,
    /// `HASH_MEMORY` (KiB), `HASH_TIME`, `HASH_PARALLELISM`, `LOGIN_STALL_TIME`, `PASSWORD_MIN_LENGTH`,
    /// `PASSWORD_RESET_URL_ALLOW_LIST`, `USER_REGISTER_URL_ALLOW_LIST`, `USER_INVITE_URL_ALLOW_LIST`,
    /// `PASSWORD_RESET_TTL`, `EMAIL_VERIFICATION_TTL`, `USER_INVITE_TTL`,
    /// `PASSWORD_MIN_SCORE`, `PASSWORD_PEPPER`. Durations are written `15m`, `7d`, `10s`; without a unit they are milliseconds.
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
        // An empty variable is one that is not set: compose files and shells make no difference.
        let vars = Vars(&|name| var(name).filter(|value| !value.is_empty()));
        let Some(secret) = (vars.0)("SECRET") else {
            let problem = "is not set: it signs the tokens; make one with `openssl rand -base64 48`";
            return Err(ConfigError::new("SECRET", problem));
        };

        let mut config = Self::new(secret);
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
        config.public_url = (vars.0)("PUBLIC_URL");
        vars.hash(&mut config)?;
        vars.number("PASSWORD_MIN_LENGTH", &mut config.password_min_length)?;
        if (vars.0)("PASSWORD_MIN_SCORE").is_some() {
            vars.number("PASSWORD_MIN_SCORE", config.password_min_score.insert(0))?;
        }
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

    const SECRET: (&str, &str) = ("SECRET", "k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");

    fn from(vars: &[(&str, &str)]) -> Result<AuthConfig, ConfigError> {
        AuthConfig::from_vars(|name| {
            vars.iter().chain([&SECRET]).find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
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
        let peppers: Vec<_> = config.password_peppers.iter().map(SecretKey::expose_secret).collect();
        assert_eq!(peppers, [&b"the-current-pepper-Zq3Xw8Kd5Nf7Rt"[..], b"the-one-before-it-Jm4Vb9Ts2Hy6Lp1"]);
        config.check().expect("is usable");
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
        ] {
            let error = from(&[(name, value)]).expect_err(name);
            assert_eq!(error.field(), name);
            assert!(error.to_string().contains(value), "{error}");
        }
        let error = AuthConfig::from_vars(|_| None).expect_err("no secret");
        assert_eq!(error.field(), "SECRET");
    }
}
