//! A message as it travels: headers, and the text in two renderings (RFC 5322, RFC 2046 5.1.4).
//!
//! Written here, so that the folder and the server get the same bytes and neither needs a library for it.

mod body;
mod header;

use super::{Mailbox, Message};
use crate::clock::Timestamp;
use crate::date;

/// What makes a mail this mail: when it was written, and sixteen random bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp {
    pub(super) at: Timestamp,
    pub(super) id: [u8; 16],
}

impl Stamp {
    /// The random bytes in hex.
    pub(super) fn hex(&self) -> String {
        self.id.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The bytes of `message`, with lines that end in CRLF and are no longer than a server takes.
pub(super) fn write(message: &Message, from: &Mailbox, stamp: &Stamp) -> Vec<u8> {
    let id = stamp.hex();
    let headers = [
        header::line("Date", &date::rfc5322(stamp.at)),
        header::line("From", &header::mailbox(from)),
        header::line("To", &header::address(message.to())),
        header::line("Subject", &header::text(message.subject())),
        header::line("Message-ID", &format!("<{id}@{}>", from.email().for_delivery().1)),
        header::line("MIME-Version", "1.0"),
        // Keeps holiday responders quiet (RFC 3834 5).
        header::line("Auto-Submitted", "auto-generated"),
        header::line("Content-Type", &format!("multipart/alternative;\r\n boundary=\"=_{id}\"")),
    ];
    // From the plainest to the richest: programs show the last one they understand.
    let parts = [part("text/plain", message.text()), part("text/html", message.html())];
    let [plain, html] = parts;
    format!("{}\r\n--=_{id}\r\n{plain}\r\n--=_{id}\r\n{html}\r\n--=_{id}--\r\n", headers.concat()).into_bytes()
}

fn part(media_type: &str, text: &str) -> String {
    let (encoding, body) = body::encode(text);
    format!("Content-Type: {media_type}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{body}")
}

#[cfg(test)]
mod tests;
