//! Mail: what is written ([`Templates`]), and who takes it ([`Mailer`]).
//!
//! ```text
//!   Mail ──► Templates::render ──► Rendered ──► Message ──► Mailer::send
//!   what     EnglishTemplates,     subject,     and to      FileMailer: a folder, for development
//!            or your own           text, html   whom        SmtpMailer: a server, feature `smtp`
//!                                                           or your own
//! ```
//!
//! ```
//! use std::time::Duration;
//!
//! use auth_core::Email;
//! use auth_core::mail::{EnglishTemplates, FileMailer, Link, Mail, Mailbox, Mailer as _, Message, Templates as _};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = std::env::temp_dir().join(format!("auth-core-mail-{}", std::process::id()));
//! let mailer = FileMailer::new(folder, Mailbox::parse("Notes <no-reply@notes.example>")?)?;
//! let link = Link::new("https://notes.example/reset?token=AbC123");
//! let mail = Mail::PasswordReset { link: &link, expires_in: Duration::from_secs(3600), service: "Notes" };
//! let message = Message::new(Email::parse("ada@example.com")?, EnglishTemplates.render(&mail));
//! mailer.send(&message).await?;
//! # std::fs::remove_dir_all(mailer.folder())?;
//! # Ok(())
//! # }
//! # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(example()).unwrap();
//! ```

mod env;
mod error;
mod file;
mod mailbox;
mod message;
mod mime;
#[cfg(feature = "smtp")]
mod smtp;
mod template;

use std::fmt;

use async_trait::async_trait;

pub use env::{from_env, from_vars};
pub use error::{MailError, MailErrorKind};
pub use file::FileMailer;
pub use mailbox::{InvalidMailbox, Mailbox};
pub use message::{Link, Message};
#[cfg(feature = "smtp")]
pub use smtp::SmtpMailer;
pub use template::{EnglishTemplates, Mail, Rendered, Templates};

/// Sends mail.
#[async_trait]
pub trait Mailer: fmt::Debug + Send + Sync + 'static {
    /// Hands `message` over, to its one recipient. `Ok` means that somebody else is responsible for it now.
    ///
    /// # Errors
    /// [`MailErrorKind::Transient`] when trying again later can succeed: the same message comes again after 2 s, and once
    /// more after 10 s, so answer it only for what was not handed over. Neither the error nor anything logged holds the
    /// text of the message: there is a token in it.
    async fn send(&self, message: &Message) -> Result<(), MailError>;
}

#[async_trait]
impl Mailer for std::sync::Arc<dyn Mailer> {
    async fn send(&self, message: &Message) -> Result<(), MailError> {
        (**self).send(message).await
    }
}

/// Takes mails and does nothing with them: for tests of what needs a mailer and sends none.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct NoMail;

#[cfg(test)]
#[async_trait]
impl Mailer for NoMail {
    async fn send(&self, _: &Message) -> Result<(), MailError> {
        Ok(())
    }
}
