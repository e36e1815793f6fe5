//! Mail in tests: kept in memory ([`MemoryMailer`]), or taken by an SMTP server that does as it is told ([`SmtpSink`]).

mod memory;
mod received;
mod sink;

pub use memory::MemoryMailer;
pub use received::ReceivedMail;
pub use sink::{At, SmtpSink};

/// The token in the link of a mail: what follows `token=` in its text.
///
/// # Panics
/// When there is none, or more than one.
#[must_use]
pub fn token_in(text: &str) -> String {
    let mut links = text.split("token=").skip(1);
    let (Some(rest), None) = (links.next(), links.next()) else { panic!("one link with a token in {text:?}") };
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.~%".contains(c)).unwrap_or(rest.len());
    rest[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_ends_where_the_link_ends() {
        for (text, token) in [
            ("https://a.example/?token=Ab-_1", "Ab-_1"),
            ("https://a.example/?token=Ab-_1\n\nIf", "Ab-_1"),
            ("https://a.example/?x=1&token=Ab-_1&y=2", "Ab-_1"),
            ("<https://a.example/?token=Ab.C~%20>", "Ab.C~%20"),
        ] {
            assert_eq!(token_in(text), token);
        }
    }
}
