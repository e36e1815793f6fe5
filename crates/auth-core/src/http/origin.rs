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
