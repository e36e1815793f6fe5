//! An answer, in plain types.

use std::borrow::Cow;
use std::fmt;

/// The envelope of every good answer.
#[derive(serde::Serialize)]
pub(super) struct Data<T> {
    pub(super) data: T,
}

/// An answer to be sent as it is.
#[derive(Clone)]
#[must_use]
pub struct Reply {
    status: u16,
    /// Their values are ASCII, checked by whoever wrote them.
    headers: Vec<(&'static str, Cow<'static, str>)>,
    body: Vec<u8>,
}

impl Reply {
    pub(super) fn new(status: u16) -> Self {
        Self { status, headers: Vec::with_capacity(4), body: Vec::new() }
    }

    pub(super) fn json(status: u16, body: &impl serde::Serialize) -> Self {
        // Our own types and JSON values: writing them to memory cannot fail.
        Self::written(status, serde_json::to_vec(body).unwrap_or_default())
    }

    /// JSON that is written already.
    pub(super) fn written(status: u16, body: Vec<u8>) -> Self {
        Self { body, ..Self::new(status) }.with("content-type", "application/json")
    }

    /// Sets a header, in place of one of the same name.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn with_all(self, headers: &[(&'static str, &'static str)]) -> Self {
        headers.iter().fold(self, |reply, (name, value)| reply.with(name, *value))
    }

    /// Adds cookies to those that are there.
    pub(super) fn with_cookies(mut self, cookies: Vec<String>) -> Self {
        self.headers.extend(cookies.into_iter().map(|cookie| ("set-cookie", cookie.into())));
        self
    }

    /// The status code.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The header lines, names in lower case. A name may be there more than once.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.headers.iter().map(|(name, value)| (*name, &**value))
    }

    #[cfg(feature = "openapi")]
    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body.
    #[must_use]
    pub fn into_body(self) -> Vec<u8> {
        self.body
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Reply").field("status", &self.status).field("headers", &names).finish_non_exhaustive()
    }
}
