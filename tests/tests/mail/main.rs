//! Mail on its way: over real conversations with an SMTP server, and into real files.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

mod folder;
mod outbox;
mod reset;
mod smtp;
mod tls;

use std::error::Error as StdError;
use std::time::Duration;

use auth_core::Email;
use auth_core::mail::{EnglishTemplates, Link, Mail, MailError, Mailbox, Message, Rendered, Templates as _};

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
