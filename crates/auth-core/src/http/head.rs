//! What the core may see of a request: borrowed, in plain types.

use std::fmt;
use std::net::IpAddr;

use super::query::QueryToken;

/// The header lines of a request, by name.
pub trait HeaderLines {
    /// Calls `line` with the value of each line of this name, in order. `name` is in lower case.
    fn each<'a>(&'a self, name: &str, line: &mut dyn FnMut(&'a [u8]));
}

/// The head of a request.
#[derive(Clone, Copy)]
pub struct RequestHead<'a> {
    /// The method, as sent.
    pub method: &'a str,
    /// The path, as sent; a prefix that the framework took off may be missing.
    pub path: &'a str,
    /// The query, without `?`.
    pub query: Option<&'a str>,
    /// The authority of the request target, which HTTP/2 sends in place of `Host`.
    pub authority: Option<&'a str>,
    /// The address of the socket's peer.
    pub peer: Option<IpAddr>,
    /// The token that [`strip_query_token`](super::strip_query_token) took out of the query before.
    pub stripped: Option<&'a QueryToken>,
    /// The header lines.
    pub headers: &'a (dyn HeaderLines + Sync),
}

impl<'a> RequestHead<'a> {
    /// The one line of this name.
    pub(super) fn single(&self, name: &str) -> Single<'a> {
        let mut found = Single::Absent;
        self.headers.each(name, &mut |line| {
            found = if matches!(found, Single::Absent) { Single::One(line) } else { Single::Several };
        });
        found
    }

    /// Whether the request promises to change nothing: by its method (RFC 9110 9.2.1), and by not asking for another
    /// protocol. A WebSocket begins with a GET, is not held back by CORS, and may change anything after that.
    pub(super) fn is_safe(&self) -> bool {
        matches!(self.method, "GET" | "HEAD" | "OPTIONS") && self.single("upgrade") == Single::Absent
    }
}

impl fmt::Debug for RequestHead<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestHead").field("method", &self.method).finish_non_exhaustive()
    }
}

/// How often a header was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Single<'a> {
    Absent,
    One(&'a [u8]),
    Several,
}

impl<'a> Single<'a> {
    pub(super) const fn one(self) -> Option<&'a [u8]> {
        match self {
            Self::One(line) => Some(line),
            Self::Absent | Self::Several => None,
        }
    }
}

/// Header lines of a test: names in lower case.
#[cfg(test)]
pub(super) struct TestLines<'a>(pub(super) &'a [(&'a str, &'a [u8])]);

#[cfg(test)]
impl HeaderLines for TestLines<'_> {
    fn each<'a>(&'a self, name: &str, line: &mut dyn FnMut(&'a [u8])) {
        self.0.iter().filter(|(key, _)| *key == name).for_each(|(_, value)| line(value));
    }
}

#[cfg(test)]
impl<'a> RequestHead<'a> {
    pub(super) fn test(method: &'a str, query: Option<&'a str>, headers: &'a TestLines<'_>) -> Self {
        Self { method, path: "/", query, authority: None, peer: None, stripped: None, headers }
    }
}
