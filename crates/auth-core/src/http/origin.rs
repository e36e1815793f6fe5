//! Whether a request that a cookie authenticates comes from our own pages (requirements C4, C5).

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
    pub(crate) fn is_of_host(&self, host: &str) -> bool {
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
