//! The error of a mailer: whether to try again, and the cause for the log.

use std::error::Error as StdError;
use std::fmt;

/// Whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MailErrorKind {
    /// The server is down, busy, too slow, or said so with a reply 4xx (RFC 5321 4.2.1): later it may go.
    Transient,
    /// The server refused with a reply 5xx, or the message cannot be sent this way at all.
    Permanent,
}

/// Mail that was not handed over. Opaque; its source is for logs, never for clients.
pub struct MailError {
    kind: MailErrorKind,
    source: Box<dyn StdError + Send + Sync>,
}

impl MailError {
    /// An error of `kind`, caused by `source`.
    #[must_use]
    pub fn new(kind: MailErrorKind, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { kind, source: source.into() }
    }

    /// Whether trying again can help.
    #[must_use]
    pub const fn kind(&self) -> MailErrorKind {
        self.kind
    }
}

impl fmt::Debug for MailError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailError").field("kind", &self.kind).field("source", &self.source).finish()
    }
}

impl fmt::Display for MailError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            MailErrorKind::Transient => "the mail could not be sent now",
            MailErrorKind::Permanent => "the mail cannot be sent",
        })
    }
}

impl StdError for MailError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}
