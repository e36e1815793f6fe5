//! What is written here must be read the same way by somebody else: by `mailparse`.

use mailparse::{MailHeaderMap as _, ParsedMail, parse_mail};
use proptest::prelude::*;

use super::*;
use crate::email::Email;
use crate::mail::Rendered;

const STAMP: Stamp = Stamp { at: Timestamp::from_secs(1_795_517_757), id: [0xab; 16] };

fn message(to: &str, subject: &str, text: &str, html: &str) -> Message {
    let rendered = Rendered { subject: subject.to_owned(), text: text.to_owned(), html: html.to_owned() };
    Message::new(Email::parse(to).expect("an address"), rendered)
}

fn from(text: &str) -> Mailbox {
    Mailbox::parse(text).expect("a sender")
}

/// The message as bytes, after the rules that hold for every mail.
fn written(message: &Message, from: &Mailbox) -> String {
    let text = String::from_utf8(write(message, from, &STAMP)).expect("UTF-8");
    assert!(text.ends_with("\r\n"));
    for line in text.split("\r\n\r\n").next().expect("headers").split("\r\n") {
        let most = if line.contains("=?") { 76 } else { 78 };
        assert!(line.len() <= most || line.contains('@'), "{} bytes in {line:?}", line.len());
    }
    for line in text.split("\r\n") {
        assert!(!line.contains(['\r', '\n']), "a bare line break in {line:?}");
        assert!(line.len() <= 998, "{} bytes in a line", line.len());
    }
    text
}

fn names(mail: &ParsedMail<'_>) -> Vec<String> {
    mail.headers.iter().map(mailparse::MailHeader::get_key).collect()
}

const HEADERS: [&str; 8] =
    ["Date", "From", "To", "Subject", "Message-ID", "MIME-Version", "Auto-Submitted", "Content-Type"];

#[test]
fn a_plain_mail_is_readable_as_it_is() {
    let message = message("Ada@Example.com", "Reset", "Hello,\n\nhttps://a.example/?token=x=y\n", "<p>Hello</p>\n");
    let expected = "Date: Tue, 24 Nov 2026 10:55:57 +0000\r\n\
                    From: \"Notes\" <no-reply@notes.example>\r\n\
                    To: <Ada@example.com>\r\n\
                    Subject: Reset\r\n\
                    Message-ID: <abababababababababababababababab@notes.example>\r\n\
                    MIME-Version: 1.0\r\n\
                    Auto-Submitted: auto-generated\r\n\
                    Content-Type: multipart/alternative;\r\n \
                    boundary=\"=_abababababababababababababababab\"\r\n\
                    \r\n\
                    --=_abababababababababababababababab\r\n\
                    Content-Type: text/plain; charset=utf-8\r\n\
                    Content-Transfer-Encoding: 7bit\r\n\
                    \r\n\
                    Hello,\r\n\
                    \r\n\
                    https://a.example/?token=x=y\r\n\
                    \r\n\
                    --=_abababababababababababababababab\r\n\
                    Content-Type: text/html; charset=utf-8\r\n\
                    Content-Transfer-Encoding: 7bit\r\n\
                    \r\n\
                    <p>Hello</p>\r\n\
                    \r\n\
                    --=_abababababababababababababababab--\r\n";
    assert_eq!(written(&message, &from("Notes <no-reply@notes.example>")), expected);
}

#[test]
fn s4_nothing_inserted_adds_a_header_or_a_recipient() {
    let rogue = "Reset\r\nBcc: eve@example.com\r\n\r\n--=_abababababababababababababababab";
    let message = message("ada@example.com", rogue, "text", "html");
    for sender in ["a@b.example", "\"Eve\", eve@example.com <a@b.example>", "Eve\\ <a@b.example>"] {
        let text = written(&message, &from(sender));
        let mail = parse_mail(text.as_bytes()).expect("a mail");
        assert_eq!(names(&mail), HEADERS);
        assert_eq!(mail.subparts.len(), 2);
        for (header, address) in [("From", "a@b.example"), ("To", "ada@example.com")] {
            let header = mail.headers.get_first_header(header).expect("a header");
            let addresses = mailparse::addrparse_header(header).expect("addresses");
            let single = addresses.extract_single_info().expect("one address alone");
            assert_eq!(single.addr, address, "{text}");
        }
    }
}

#[test]
fn quoted_printable_follows_its_rules() {
    for (text, expected) in [
        ("caf\u{e9}", "caf=C3=A9"),
        ("\u{e9} = \t", "=C3=A9 =3D =09"),
        ("\u{e9}\r\nb \n", "=C3=A9\r\nb=20\r\n"),
        ("a\rb", "a=0Db"),
    ] {
        assert_eq!(body::encode(text), ("quoted-printable", expected.to_owned()), "{text:?}");
    }
    let (_, long) = body::encode(&"\u{1f511} key ".repeat(60));
    assert!(long.split("\r\n").all(|line| line.len() <= 76), "{long}");
}

proptest! {
    #[test]
    fn every_mail_is_read_as_it_was_written(
        subject in "\\PC{0,100}",
        name in "[^\\p{C}<>]{1,40}",
        text in "(\\PC|\n|\t|=){0,100}",
        html in "(\\PC|\r\n|\r|\u{0}| ){0,100}",
    ) {
        let sender = Mailbox::parse(&format!("\"{name}\" <a@b.example>")).expect("a sender");
        let message = message("ada@example.com", &subject, &text, &html);
        let bytes = written(&message, &sender);
        prop_assert!(bytes.is_ascii());
        let mail = parse_mail(bytes.as_bytes()).expect("a mail");
        prop_assert_eq!(names(&mail), HEADERS);
        prop_assert_eq!(mail.headers.get_first_value("Subject").expect("one"), message.subject());
        let addresses = mailparse::addrparse_header(mail.headers.get_first_header("From").expect("one")).expect("one");
        let single = addresses.extract_single_info().expect("one alone");
        prop_assert_eq!(single.addr, "a@b.example");
        prop_assert_eq!(single.display_name.as_deref(), sender.name());

        prop_assert_eq!(&mail.ctype.mimetype, "multipart/alternative");
        prop_assert_eq!(mail.subparts.len(), 2);
        for (part, (media_type, body)) in mail.subparts.iter().zip([("text/plain", &text), ("text/html", &html)]) {
            prop_assert_eq!(&part.ctype.mimetype, media_type);
            prop_assert_eq!(&part.ctype.charset, "utf-8");
            let read = part.get_body().expect("a text").replace("\r\n", "\n");
            prop_assert_eq!(read, body.replace("\r\n", "\n"));
        }
    }
}
