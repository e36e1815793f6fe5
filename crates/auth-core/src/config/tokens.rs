//! Personal access tokens.

use std::time::Duration;

use super::ConfigError;

/// Tokens that users make for their programs and scripts: a name, an expiry, and the scopes they are limited to.
///
/// A guard looks one up on every request, in one statement (two when users live in a table of the app): so the end of a
/// token, or of its user, counts at once. A token is `prefix`, 32 characters of `a-z2-7`, and 8 hexadecimal digits with
/// the CRC-32 of what is before them; the store keeps its SHA-256.
///
/// Whatever ends all sessions of a user ends their tokens too: a change of password, address, role, status or second
/// factor, the end of all other sessions, the end of the user.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PersonalTokens {
    /// What each begins with, so that people and scanners know whose it is: 2 to 16 of `a-z`, `0-9` and `_`, the last one
    /// `_`. Default `pat_`, `PERSONAL_TOKEN_PREFIX`. Tokens of another prefix are not known any more.
    pub prefix: String,
    /// How long one may live, and does when its user asks for nothing else: 1 min to 10 years. Default 365 d,
    /// `PERSONAL_TOKEN_MAX_TTL`.
    pub max_ttl: Duration,
    /// How many one user may have: 1 to 10,000. Default 100.
    pub max_per_user: u64,
}

impl Default for PersonalTokens {
    fn default() -> Self {
        Self { prefix: "pat_".to_owned(), max_ttl: Duration::from_secs(365 * 24 * 3600), max_per_user: 100 }
    }
}

impl PersonalTokens {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let error = |field: &str, problem: String| Err(ConfigError::new(format!("personal_tokens.{field}"), problem));
        let plain = self.prefix.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !(2..=16).contains(&self.prefix.len()) || !plain || !self.prefix.ends_with('_') {
            return error("prefix", format!("is `{}`: write 2 to 16 of a-z, 0-9 and _, the last one _", self.prefix));
        }
        let (least, most) = (Duration::from_secs(60), Duration::from_secs(3660 * 24 * 3600));
        if !(least..=most).contains(&self.max_ttl) {
            return error("max_ttl", format!("is {:?}: set it from {least:?} to {most:?}", self.max_ttl));
        }
        if !(1..=10_000).contains(&self.max_per_user) {
            return error("max_per_user", format!("is {}: set it from 1 to 10000", self.max_per_user));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_work_is_named() {
        let wrong = |change: fn(&mut PersonalTokens)| {
            let mut tokens = PersonalTokens::default();
            tokens.check().expect("the defaults are usable");
            change(&mut tokens);
            tokens.check().expect_err("is not usable").field().to_owned()
        };
        for change in [
            (|tokens| tokens.prefix = "_".to_owned()) as fn(&mut PersonalTokens),
            |tokens| tokens.prefix = "pat".to_owned(),
            |tokens| tokens.prefix = "PAT_".to_owned(),
            |tokens| tokens.prefix = "a.b_".to_owned(),
            |tokens| tokens.prefix = format!("{}_", "a".repeat(16)),
        ] {
            assert_eq!(wrong(change), "personal_tokens.prefix");
        }
        assert_eq!(wrong(|tokens| tokens.max_ttl = Duration::ZERO), "personal_tokens.max_ttl");
        assert_eq!(wrong(|tokens| tokens.max_ttl = Duration::MAX), "personal_tokens.max_ttl");
        assert_eq!(wrong(|tokens| tokens.max_per_user = 0), "personal_tokens.max_per_user");
    }
}
