//! What a server replied, as far as a log may show it.

use std::error::Error as _;

use lettre::transport::smtp::Error as SmtpError;

/// A negative reply. Filters quote the link that they dislike, and there is a token in it, so words that may be part of a
/// link are left out.
#[derive(Debug, thiserror::Error)]
#[error("the server replied {code}: {text}")]
pub(super) struct Refusal {
    code: String,
    text: String,
}

impl Refusal {
    /// `None` when the error is not a reply.
    pub(super) fn of(error: &SmtpError) -> Option<Self> {
        let text = error.source().map(ToString::to_string).unwrap_or_default();
        Some(Self { code: error.status()?.to_string(), text: without_links(&text) })
    }
}

fn without_links(text: &str) -> String {
    const MAX_WORDS: usize = 40;
    let harmless = |word: &str| word.len() <= 64 && !word.contains(['/', '=', '?']) && !word.contains(char::is_control);
    let words = text.split_whitespace().take(MAX_WORDS).map(|word| if harmless(word) { word } else { "[…]" });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b5_a_reply_that_quotes_a_link_does_not_reach_the_log() {
        for (reply, shown) in [
            ("5.1.1 <ada@example.com>: user unknown", "5.1.1 <ada@example.com>: user unknown"),
            ("blocked [https://a.example/?token=x]", "blocked […]"),
            ("a.example/reset?token=x is blocked", "[…] is blocked"),
            ("token=3Dx\r\nis\u{1b}[2J blocked", "[…] […] blocked"),
            ("", ""),
        ] {
            assert_eq!(without_links(reply), shown);
        }
        assert_eq!(without_links(&"x".repeat(65)), "[…]");
        assert!(without_links(&"a ".repeat(1_000)).len() < 100);
    }
}
