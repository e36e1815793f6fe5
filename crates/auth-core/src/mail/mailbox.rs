//! Whom mail is from: a name and an address.

use std::fmt;

use crate::email::Email;

/// A sender, such as `Notes <no-reply@notes.example>` (RFC 5322 3.4, `mailbox`).
#[derive(Clone, PartialEq, Eq)]
pub struct Mailbox {
    name: Option<String>,
    email: Email,
}

impl Mailbox {
    /// The longest name accepted, in bytes.
    pub const MAX_NAME_BYTES: usize = 128;

    /// Reads `address`, `<address>`, `Name <address>` or `"Name" <address>`.
    ///
    /// # Errors
    /// [`InvalidMailbox`] when there is no address, or the name is too long or has line breaks, other
    /// controls or angle brackets.
    pub fn parse(text: &str) -> Result<Self, InvalidMailbox> {
        let text = text.trim();
        let Some(text) = text.strip_suffix('>') else { return Self::new(None, text) };
        let (name, address) = text.rsplit_once('<').ok_or(InvalidMailbox)?;
        let name = name.trim();
        let name = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name).trim();
        Self::new(Some(name).filter(|name| !name.is_empty()), address)
    }

    fn new(name: Option<&str>, address: &str) -> Result<Self, InvalidMailbox> {
        let stray = |c: char| c.is_control() || c == '<' || c == '>';
        let unfit = |name: &str| name.len() > Self::MAX_NAME_BYTES || name.chars().any(stray);
        if name.is_some_and(unfit) {
            return Err(InvalidMailbox);
        }
        let email = Email::parse(address).map_err(|_| InvalidMailbox)?;
        Ok(Self { name: name.map(str::to_owned), email })
    }

    /// The name, if there is one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The address.
    #[must_use]
    pub const fn email(&self) -> &Email {
        &self.email
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").field("name", &self.name).field("email", &self.email).finish()
    }
}

impl std::str::FromStr for Mailbox {
    type Err = InvalidMailbox;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// Text that is no sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a sender: write `Name <address@example.com>` or `address@example.com`, in one line")]
pub struct InvalidMailbox;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s4_a_sender_is_one_name_and_one_address() {
        for (text, expected) in [
            ("no-reply@notes.example", Some((None, "no-reply@notes.example"))),
            ("<no-reply@notes.example>", Some((None, "no-reply@notes.example"))),
            ("Notes <no-reply@notes.example>", Some((Some("Notes"), "no-reply@notes.example"))),
            (" \"Notes, Inc.\" <no-reply@notes.example> ", Some((Some("Notes, Inc."), "no-reply@notes.example"))),
            ("N\u{f6}tes <a@b.example>", Some((Some("N\u{f6}tes"), "a@b.example"))),
            ("Notes", None),
            ("", None),
            ("Notes <>", None),
            ("Notes <a@b.example", None),
            ("Notes <a@b.example>, <c@d.example>", None),
            ("a@b.example, c@d.example", None),
            ("Notes <a@b.example,c@d.example>", None),
            ("No\r\ntes <a@b.example>", None),
            ("Notes <a@b.example\r\nBcc: c@d.example>", None),
        ] {
            let mailbox = Mailbox::parse(text).ok();
            let parts = mailbox.as_ref().map(|mailbox| (mailbox.name(), mailbox.email().as_typed()));
            assert_eq!(parts, expected, "{text:?}");
        }
        assert!(Mailbox::parse(&format!("{} <a@b.example>", "x".repeat(129))).is_err());
    }
}
