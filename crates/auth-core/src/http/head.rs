//! What the core may see of a request: borrowed, in plain types.

use std::fmt;
use std::net::IpAddr;

use super::query::QueryToken;

/// The header lines that anything here reads, and so what must be kept of a request that outlives its head.
const READ: [&str; 11] = [
    "authorization", "content-type", "cookie", "forwarded", "host", "if-none-match", "origin", "sec-fetch-site",
    "upgrade", "user-agent", "x-forwarded-for",
];

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
    /// Calls `line` with the value of each line of this name.
    pub(super) fn each(&self, name: &str, line: &mut dyn FnMut(&'a [u8])) {
        debug_assert!(READ.contains(&name), "{name} is read here, and would not be kept: it belongs into `READ`");
        self.headers.each(name, line);
    }

    /// The one line of this name.
    pub(super) fn single(&self, name: &str) -> Single<'a> {
        let mut found = Single::Absent;
        self.each(name, &mut |line| {
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

/// The head of a request that is answered after its own is gone.
pub(super) struct KeptHead {
    method: String,
    path: String,
    query: Option<String>,
    authority: Option<String>,
    peer: Option<IpAddr>,
    stripped: Option<QueryToken>,
    lines: KeptLines,
}

struct KeptLines(Vec<(&'static str, Vec<u8>)>);

impl HeaderLines for KeptLines {
    fn each<'a>(&'a self, name: &str, line: &mut dyn FnMut(&'a [u8])) {
        self.0.iter().filter(|(other, _)| *other == name).for_each(|(_, value)| line(value));
    }
}

impl KeptHead {
    pub(super) fn of(head: &RequestHead<'_>) -> Self {
        let mut lines = Vec::new();
        for name in READ {
            head.each(name, &mut |line| lines.push((name, line.to_vec())));
        }
        Self {
            method: head.method.to_owned(),
            path: head.path.to_owned(),
            query: head.query.map(str::to_owned),
            authority: head.authority.map(str::to_owned),
            peer: head.peer,
            stripped: head.stripped.cloned(),
            lines: KeptLines(lines),
        }
    }

    pub(super) fn head(&self) -> RequestHead<'_> {
        RequestHead {
            method: &self.method,
            path: &self.path,
            query: self.query.as_deref(),
            authority: self.authority.as_deref(),
            peer: self.peer,
            stripped: self.stripped.as_ref(),
            headers: &self.lines,
        }
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
pub(crate) struct TestLines<'a>(pub(crate) &'a [(&'a str, &'a [u8])]);

#[cfg(test)]
impl HeaderLines for TestLines<'_> {
    fn each<'a>(&'a self, name: &str, line: &mut dyn FnMut(&'a [u8])) {
        self.0.iter().filter(|(key, _)| *key == name).for_each(|(_, value)| line(value));
    }
}

#[cfg(test)]
impl<'a> RequestHead<'a> {
    pub(crate) fn test(method: &'a str, query: Option<&'a str>, headers: &'a TestLines<'_>) -> Self {
        Self { method, path: "/", query, authority: None, peer: None, stripped: None, headers }
    }
}
