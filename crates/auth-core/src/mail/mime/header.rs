//! Header fields that stay in their line.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::email::Email;
use crate::mail::Mailbox;

/// Below the 78 characters that RFC 5322 2.1.1 advises, with room for the name of the field.
const MAX_PLAIN: usize = 60;

/// As many bytes as fit a line of 76 characters (RFC 2047 2) beside the name of the field: 39 become 52 in base64, and
/// twelve go around them.
const MAX_WORD: usize = 39;

/// One header field. The callers below give it values without line breaks but for those of folding.
pub(super) fn line(name: &str, value: &str) -> String {
    format!("{name}: {value}\r\n")
}

/// Text without structure, as in `Subject`.
pub(super) fn text(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { encoded_words(text) }
}

/// A name and an address, as in `From`.
pub(super) fn mailbox(mailbox: &Mailbox) -> String {
    let address = address(mailbox.email());
    let Some(name) = mailbox.name() else { return address };
    let name = if is_plain(name) {
        format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        encoded_words(name)
    };
    let space = if name.len() + address.len() > MAX_PLAIN { "\r\n " } else { " " };
    format!("{name}{space}{address}")
}

/// Exactly one address: [`Email`] has no comma, no bracket, no space and no control.
pub(super) fn address(email: &Email) -> String {
    let (local, domain) = email.for_delivery();
    format!("<{local}@{domain}>")
}

/// Whether `text` says in a header what it says here.
fn is_plain(text: &str) -> bool {
    let printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    text.len() <= MAX_PLAIN && text.bytes().all(printable) && !text.contains("=?") && text.trim() == text
}

/// `text` as encoded words (RFC 2047), each in a line of its own, whatever is in it.
fn encoded_words(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        // A word ends between characters, never inside one (RFC 2047 5).
        let (word, after) = rest.split_at(rest.floor_char_boundary(MAX_WORD));
        words.push(format!("=?utf-8?B?{}?=", STANDARD.encode(word)));
        rest = after;
    }
    words.join("\r\n ")
}
