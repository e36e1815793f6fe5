//! Whether a request that a cookie authenticates comes from our own pages (requirements C4, C5).
//!
//! Browsers say where a request comes from in `Sec-Fetch-Site`, and the older ones in `Origin`. A request with neither
//! is not from a page.

use super::head::{RequestHead, Single};
use super::problem::Problem;
use crate::config::{AuthConfig, SameSiteRequests};

/// Who may use our cookies, beside this host's own pages.
#[derive(Debug)]
pub(crate) struct OriginPolicy {
    allowed: Vec<Origin>,
    same_site: SameSiteRequests,
}

impl OriginPolicy {
    pub(super) fn new(config: &AuthConfig) -> Self {
        let listed = config.allowed_origins.iter().filter_map(|origin| Origin::parse(origin.as_bytes()));
        let own = config.public_url.as_deref().and_then(Origin::of_url);
        Self { allowed: listed.chain(own).collect(), same_site: config.same_site_requests }
    }

    /// Refuses a request that a page of another origin sent. An origin on the allow list passes whatever
    /// `Sec-Fetch-Site` says: that is what the list is for.
    pub(super) fn check(&self, head: &RequestHead<'_>) -> Result<(), Problem> {
        let origin = match head.single("origin") {
            Single::Absent => None,
            Single::One(line) => Some(Origin::parse(line)),
            Single::Several => return Err(Problem::CrossSite),
        };
        if matches!(&origin, Some(Some(origin)) if self.allowed.contains(origin)) {
            return Ok(());
        }
        let ours = match head.single("sec-fetch-site") {
            Single::One(b"same-origin" | b"none") => true,
            Single::One(b"same-site") => self.same_site == SameSiteRequests::Allowed,
            Single::One(_) | Single::Several => false,
            Single::Absent => match origin {
                None => true,
                // `null`, or something that no browser sends.
                Some(None) => false,
                Some(Some(origin)) => host(head).is_some_and(|host| origin.is_of_host(host)),
            },
        };
        if ours { Ok(()) } else { Err(Problem::CrossSite) }
    }
}

/// The host that the request was sent to.
fn host<'a>(head: &RequestHead<'a>) -> Option<&'a str> {
    match head.single("host") {
        Single::Absent => head.authority,
        Single::One(line) => std::str::from_utf8(line).ok(),
        Single::Several => None,
    }
}

/// An origin: scheme, host and port, as browsers write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    scheme: String,
    /// Host in lower case, and the port unless it is the scheme's default.
    authority: String,
}

impl Origin {
    /// Reads `scheme://host` or `scheme://host:port`; anything more or less is no origin.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let (scheme, authority) = text.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        if scheme.is_empty() || !scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c)) {
            return None;
        }
        let authority = normal_authority(authority, Some(&scheme))?;
        Some(Self { scheme, authority })
    }

    /// The origin of a URL with a path.
    pub(crate) fn of_url(url: &str) -> Option<Self> {
        let after_scheme = url.find("://")? + 3;
        let end = url.get(after_scheme..)?.find(['/', '?', '#']).map_or(url.len(), |at| after_scheme + at);
        let origin = Self::parse(url.get(..end)?.as_bytes())?;
        matches!(origin.scheme.as_str(), "http" | "https").then_some(origin)
    }

    /// Whether `host`, the authority of a request, names this origin's host and port. The scheme is not compared: behind
    /// a proxy that ends TLS it is not known here.
    fn is_of_host(&self, host: &str) -> bool {
        normal_authority(host, Some(&self.scheme)).is_some_and(|host| host == self.authority)
    }
}

/// Lower case, without the default port of `scheme`; `None` when it is no authority.
fn normal_authority(authority: &str, scheme: Option<&str>) -> Option<String> {
    let ok = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    if authority.is_empty() || !authority.chars().all(ok) {
        return None;
    }
    let lower = authority.to_ascii_lowercase();
    let default_port = match scheme {
        Some("http") => ":80",
        Some("https") => ":443",
        _ => return Some(lower),
    };
    Some(lower.strip_suffix(default_port).map(str::to_owned).unwrap_or(lower))
}

#[cfg(test)]
mod tests {
    use super::super::head::TestLines;
    use super::*;

    fn policy(same_site: SameSiteRequests) -> OriginPolicy {
        let mut config = AuthConfig::new("");
        config.allowed_origins = vec!["https://app.example.com".to_owned(), "http://dev.example.com:3000".to_owned()];
        config.public_url = Some("https://public.example.com/base".to_owned());
        config.same_site_requests = same_site;
        OriginPolicy::new(&config)
    }

    fn passes(headers: &[(&str, &str)], same_site: SameSiteRequests) -> bool {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        policy(same_site).check(&RequestHead::test("POST", None, &TestLines(&headers))).is_ok()
    }

    #[test]
    fn c4_requests_of_other_origins_are_told_apart() {
        let host = ("host", "api.example.com");
        for (headers, expected) in [
            (vec![], true),
            (vec![("sec-fetch-site", "same-origin")], true),
            (vec![("sec-fetch-site", "none")], true),
            (vec![("sec-fetch-site", "cross-site")], false),
            (vec![("sec-fetch-site", "same-site")], false),
            (vec![("sec-fetch-site", "Same-Origin")], false),
            (vec![("sec-fetch-site", "")], false),
            (vec![("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")], false),
            // `Sec-Fetch-Site` beats an `Origin` that fits the host, and the allow list beats both.
            (vec![host, ("sec-fetch-site", "cross-site"), ("origin", "https://api.example.com")], false),
            (vec![("sec-fetch-site", "cross-site"), ("origin", "https://app.example.com")], true),
            (vec![("origin", "https://app.example.com")], true),
            (vec![("origin", "https://APP.example.com:443")], true),
            (vec![("origin", "http://dev.example.com:3000")], true),
            (vec![("origin", "https://public.example.com")], true),
            (vec![("origin", "http://app.example.com")], false),
            (vec![("origin", "http://dev.example.com")], false),
            (vec![host, ("origin", "https://api.example.com")], true),
            (vec![("host", "api.example.com:443"), ("origin", "https://api.example.com")], true),
            (vec![("host", "api.example.com:8443"), ("origin", "https://api.example.com")], false),
            (vec![host, ("origin", "https://evil.example")], false),
            (vec![host, ("origin", "https://api.example.com.evil.example")], false),
            (vec![host, ("origin", "https://api.example.com@evil.example")], false),
            (vec![host, ("origin", "null")], false),
            (vec![host, ("origin", "")], false),
            (vec![host, host, ("origin", "https://api.example.com")], false),
            (vec![host, ("origin", "https://api.example.com"), ("origin", "https://evil.example")], false),
            (vec![("origin", "https://api.example.com")], false),
        ] {
            assert_eq!(passes(&headers, SameSiteRequests::Refused), expected, "{headers:?}");
        }
        assert!(passes(&[("sec-fetch-site", "same-site")], SameSiteRequests::Allowed));
        assert!(!passes(&[("sec-fetch-site", "cross-site")], SameSiteRequests::Allowed));
    }

    #[test]
    fn http_2_names_the_host_in_the_request_target() {
        let headers = TestLines(&[("origin", b"https://api.example.com")]);
        let head = RequestHead { authority: Some("api.example.com"), ..RequestHead::test("POST", None, &headers) };
        assert!(policy(SameSiteRequests::Refused).check(&head).is_ok());
    }

    #[test]
    fn origins_and_urls_are_read_strictly() {
        for text in ["", "null", "example.com", "https://", "https://a/", "https://a b", "://a", "https://a\u{e9}"] {
            assert!(Origin::parse(text.as_bytes()).is_none(), "{text}");
        }
        for url in ["example.com", "ftp://example.com/x", "https:///x"] {
            assert!(Origin::of_url(url).is_none(), "{url}");
        }
        assert_eq!(Origin::of_url("https://a.example/x?y#z"), Origin::parse(b"https://a.example"));
        assert_eq!(Origin::of_url("https://[::1]:8055"), Origin::parse(b"https://[::1]:8055"));
    }
}
