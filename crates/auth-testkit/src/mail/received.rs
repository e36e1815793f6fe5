//! A mail as a server got it, read by somebody else's parser.

use mailparse::{MailHeaderMap as _, ParsedMail, parse_mail};

/// A mail that the sink took.
#[derive(Debug, Clone)]
pub struct ReceivedMail {
    /// The address of `MAIL FROM`.
    pub from: String,
    /// The addresses of `RCPT TO`.
    pub to: Vec<String>,
    /// The bytes of `DATA`, without the dots that SMTP adds.
    pub raw: Vec<u8>,
}

impl ReceivedMail {
    /// A header, decoded. `None` when it is not there.
    ///
    /// # Panics
    /// When the mail is none, or has this header more than once.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        let values = self.parsed().headers.get_all_values(name);
        assert!(values.len() <= 1, "{name} stands there {} times", values.len());
        values.into_iter().next()
    }

    /// The names of all headers, in their order.
    #[must_use]
    pub fn header_names(&self) -> Vec<String> {
        self.parsed().headers.iter().map(mailparse::MailHeader::get_key).collect()
    }

    /// The part `text/plain`, decoded, with lines that end in LF.
    #[must_use]
    pub fn text(&self) -> String {
        self.part("text/plain")
    }

    /// The part `text/html`, decoded, with lines that end in LF.
    #[must_use]
    pub fn html(&self) -> String {
        self.part("text/html")
    }

    /// The token in the link of the text.
    #[must_use]
    pub fn token(&self) -> String {
        super::token_in(&self.text())
    }

    fn part(&self, media_type: &str) -> String {
        let mail = self.parsed();
        let part = mail.subparts.iter().find(|part| part.ctype.mimetype == media_type);
        part.expect("a part of this type").get_body().expect("a text").replace("\r\n", "\n")
    }

    fn parsed(&self) -> ParsedMail<'_> {
        parse_mail(&self.raw).expect("a mail")
    }
}
