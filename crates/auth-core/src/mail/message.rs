//! One mail to one person.

use std::fmt;

use super::Rendered;
use crate::email::Email;
use crate::secret::secret_text;

secret_text! {
    /// A link with a token in it: whoever has it can do what the mail is about.
    Link
}

/// A mail to one recipient.
#[derive(Clone)]
pub struct Message {
    to: Email,
    subject: String,
    text: String,
    html: String,
}

impl Message {
    /// A mail to `to`: the address that is stored for the user, never one that a request brought (requirement S4). What
    /// would break the line of the subject becomes a space.
    #[must_use]
    pub fn new(to: Email, rendered: Rendered) -> Self {
        let Rendered { subject, text, html } = rendered;
        Self { to, subject: single_line(&subject), text, html }
    }

    /// To whom.
    #[must_use]
    pub const fn to(&self) -> &Email {
        &self.to
    }

    /// About what; always one line.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The plain text. Keep it out of logs: there may be a token in it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same as HTML. Keep it out of logs, too.
    #[must_use]
    pub fn html(&self) -> &str {
        &self.html
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("to", &self.to).field("subject", &self.subject).finish_non_exhaustive()
    }
}

/// `text` without line breaks and other controls, so that it stays what it is in a header, and in one line of a mail.
pub(super) fn single_line(text: &str) -> String {
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    text.split(breaks).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s4_a_subject_cannot_become_a_header() {
        for (subject, line) in [
            ("Reset your password", "Reset your password"),
            ("Reset\r\nBcc: eve@example.com", "Reset Bcc: eve@example.com"),
            ("Reset\n\n<p>body", "Reset <p>body"),
            ("Reset\rX\u{85}Y\u{2028}Z\u{0}", "Reset X Y Z"),
            ("\r\n", ""),
        ] {
            let rendered = Rendered { subject: subject.to_owned(), text: String::new(), html: String::new() };
            let message = Message::new(Email::parse("ada@example.com").expect("an address"), rendered);
            assert_eq!(message.subject(), line, "{subject:?}");
        }
    }

    #[test]
    fn b5_debug_shows_no_text() {
        let rendered =
            Rendered { subject: "Reset".to_owned(), text: "canary-1".to_owned(), html: "canary-2".to_owned() };
        let shown = format!("{rendered:?} {:?}", Link::new("https://a.example/?token=canary-3"));
        let message = Message::new(Email::parse("ada@example.com").expect("an address"), rendered);
        let shown = format!("{shown} {message:?}");
        assert!(shown.contains("Reset") && !shown.contains("canary"), "{shown}");
    }
}
