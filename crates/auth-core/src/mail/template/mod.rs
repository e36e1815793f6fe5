//! The texts of mails, which an app can replace by its own.

mod english;
mod html;
mod letter;

use std::fmt;
use std::time::Duration;

pub use english::EnglishTemplates;

use super::Link;

/// What a mail is about, and what it must say.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Mail<'a> {
    /// Somebody asked for a new password.
    PasswordReset {
        /// Where to choose it.
        link: &'a Link,
        /// How long the link works.
        expires_in: Duration,
        /// The name of the service, for people.
        service: &'a str,
    },
    /// The password was changed.
    PasswordChanged {
        /// The name of the service, for people.
        service: &'a str,
    },
    /// Somebody registered with an address that has an account.
    AccountExists {
        /// The name of the service, for people.
        service: &'a str,
    },
    /// An address is to be confirmed.
    VerifyEmail {
        /// Where to confirm it.
        link: &'a Link,
        /// How long the link works.
        expires_in: Duration,
        /// The name of the service, for people.
        service: &'a str,
    },
    /// Somebody may join.
    Invitation {
        /// Where to accept.
        link: &'a Link,
        /// How long the link works.
        expires_in: Duration,
        /// The name of the service, for people.
        service: &'a str,
    },
}

/// Writes mails: [`EnglishTemplates`], or texts of the app in its own language and look.
pub trait Templates: fmt::Debug + Send + Sync + 'static {
    /// The text of `mail`. Whatever is inserted into HTML must be escaped.
    fn render(&self, mail: &Mail<'_>) -> Rendered;
}

/// A mail in words.
#[derive(Clone)]
pub struct Rendered {
    /// The subject, in one line.
    pub subject: String,
    /// The text, for programs that show no HTML.
    pub text: String,
    /// The same as an HTML document.
    pub html: String,
}

impl fmt::Debug for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rendered").field("subject", &self.subject).finish_non_exhaustive()
    }
}
