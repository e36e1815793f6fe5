//! Cookies: read without guessing, written with every attribute (requirements C1, C2, C3, C7).

use std::time::Duration;

use super::head::RequestHead;
use super::problem::{Problem, Reason};
use crate::config::{CookieConfig, SameSite};
use crate::error::{AuthError, ErrorKind};

/// The most that browsers keep of one cookie: name and value, in bytes (RFC 6265bis 5.6).
const MAX_BYTES: usize = 4096;

/// One of our cookies, its text prepared.
#[derive(Debug)]
pub(super) struct Cookie {
    name: String,
    /// Everything after `Max-Age=…`.
    attributes: String,
}

impl Cookie {
    pub(super) fn new(config: &CookieConfig) -> Self {
        let mut attributes = String::from("; HttpOnly");
        if config.secure {
            attributes.push_str("; Secure");
        }
        attributes.push_str(match config.same_site {
            SameSite::Strict => "; SameSite=Strict",
            SameSite::Lax => "; SameSite=Lax",
            SameSite::None => "; SameSite=None",
        });
        if let Some(domain) = &config.domain {
            attributes.push_str("; Domain=");
            attributes.push_str(domain);
        }
        Self { name: config.full_name(), attributes }
    }

    /// The `Set-Cookie` value that keeps `value` for `max_age`, rounded down to seconds.
    pub(super) fn set(&self, value: &str, max_age: Duration) -> Result<String, AuthError> {
        if self.name.len() + value.len() > MAX_BYTES {
            return Err(AuthError::new(ErrorKind::Internal, "a cookie would be larger than browsers keep"));
        }
        Ok(self.write(value, max_age.as_secs()))
    }

    /// The `Set-Cookie` value that removes the cookie: the same attributes, so that it is the same cookie.
    pub(super) fn clear(&self) -> String {
        self.write("", 0)
    }

    fn write(&self, value: &str, max_age: u64) -> String {
        format!("{}={value}; Path=/; Max-Age={max_age}{}", self.name, self.attributes)
    }

    /// The value in the request. An empty one is none: it is what clearing leaves in some clients.
    ///
    /// Two cookies of our name mean that somebody planted one for a parent domain or another path, and the order in
    /// which they are sent says nothing about which: both are refused.
    pub(super) fn read<'a>(&self, head: &RequestHead<'a>) -> Result<Option<&'a str>, Problem> {
        let mut found = None;
        let mut count = 0;
        head.each("cookie", &mut |line| {
            for pair in line.split(|byte| *byte == b';') {
                let Some(equals) = pair.iter().position(|byte| *byte == b'=') else { continue };
                let (name, value) = pair.split_at(equals);
                if name.trim_ascii() == self.name.as_bytes() {
                    count += 1;
                    found = value.get(1..).map(<[u8]>::trim_ascii);
                }
            }
        });
        if count > 1 {
            return Err(Problem::payload(Reason::CookieTwice));
        }
        // A value that is no text is none of ours; as an empty token it is refused where a token is needed.
        Ok(found.filter(|value| !value.is_empty()).map(|value| std::str::from_utf8(value).unwrap_or("\u{fffd}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::AuthConfig;

    fn config() -> CookieConfig {
        AuthConfig::new("").refresh_cookie
    }

    #[test]
    fn c1_every_attribute_is_there_by_default() {
        let cookie = Cookie::new(&config());
        assert_eq!(
            cookie.set("v", Duration::from_millis(604_800_999)).expect("fits"),
            "__Host-refresh_token=v; Path=/; Max-Age=604800; HttpOnly; Secure; SameSite=Lax"
        );
        assert_eq!(cookie.clear(), "__Host-refresh_token=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax");
    }

    #[test]
    fn c1_the_prefix_goes_where_browsers_would_reject_it() {
        let with_domain = CookieConfig { domain: Some("example.com".to_owned()), ..config() };
        assert_eq!(
            Cookie::new(&with_domain).clear(),
            "refresh_token=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax; Domain=example.com"
        );
        let insecure = CookieConfig { secure: false, same_site: SameSite::Strict, ..config() };
        assert_eq!(Cookie::new(&insecure).clear(), "refresh_token=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
    }

    #[test]
    fn c2_a_cookie_that_browsers_would_drop_is_never_sent() {
        let cookie = Cookie::new(&config());
        let room = MAX_BYTES - "__Host-refresh_token".len();
        assert!(cookie.set(&"x".repeat(room), Duration::ZERO).is_ok());
        let error = cookie.set(&"x".repeat(room + 1), Duration::ZERO).expect_err("too large");
        assert_eq!(error.kind(), ErrorKind::Internal);
    }
}
