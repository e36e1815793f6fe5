//! Mail on its way: over real conversations with an SMTP server, and into real files.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

mod folder;
mod reset;
mod smtp;
mod tls;

use std::error::Error as StdError;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use auth_core::Email;
use auth_core::mail::{EnglishTemplates, Link, Mail, MailError, Mailbox, Message, Rendered, Templates as _};
use tracing_subscriber::fmt::MakeWriter;

const TOKEN: &str = "canary-Tk_4fW9sQ2";

/// A reset mail with [`TOKEN`] in its link.
fn reset(to: &str) -> Message {
    let link = Link::new(format!("https://notes.example/reset?a=1&token={TOKEN}"));
    let mail = Mail::PasswordReset { link: &link, expires_in: Duration::from_secs(3600), service: "N\u{f6}tes" };
    Message::new(address(to), EnglishTemplates.render(&mail))
}

fn message(to: &str, text: &str) -> Message {
    let rendered = Rendered { subject: "Hello".to_owned(), text: text.to_owned(), html: format!("<p>{text}</p>") };
    Message::new(address(to), rendered)
}

fn address(text: &str) -> Email {
    Email::parse(text).expect("an address")
}

fn from() -> Mailbox {
    Mailbox::parse("N\u{f6}tes, Inc. <No-Reply@notes.example>").expect("a sender")
}

/// Everything that a log could show of an error.
fn chain(error: &MailError) -> String {
    let mut text = format!("{error:?} {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error} {error:?}"));
        cause = error.source();
    }
    text
}

/// What this thread logs, at every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn start() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt().with_env_filter("trace").with_writer(log.clone()).with_ansi(false);
        (log, tracing::subscriber::set_default(subscriber.finish()))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("no panic while writing")).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic while writing").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
