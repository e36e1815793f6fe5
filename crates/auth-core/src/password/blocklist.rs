//! The passwords that guessing begins with (requirement P5), and the words that stand in for them: the user's own
//! address, the name of the service.

use std::sync::LazyLock;

/// 6,000 of at least eight characters, sorted by bytes, in lower case; `resources/README.md` says where from.
static COMMON: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| include_str!("../../resources/common-passwords.txt").lines().collect());

/// Whether `password`, in lower case, is one of the most common ones, digits before and after it aside: so the list also
/// counts where a longer minimum asks for `password1234567`.
pub(super) fn is_common(password: &str) -> bool {
    let listed = |text: &str| COMMON.binary_search(&text).is_ok();
    listed(password) || listed(password.trim_matches(|c: char| c.is_ascii_digit()))
}

/// Whether `password` is `word`, with or without digits before and after it. Both in lower case.
pub(super) fn is_padded(password: &str, word: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !word.is_empty() && password.split_once(word).is_some_and(|(before, after)| digits(before) && digits(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p5_the_list_is_long_enough_and_in_the_order_that_is_searched() {
        assert!(COMMON.len() >= 3_000, "{} entries", COMMON.len());
        assert!(COMMON.is_sorted());
        for entry in COMMON.iter() {
            assert!(entry.chars().count() >= 8, "{entry}");
            assert_eq!(*entry, entry.to_lowercase());
            assert!(is_common(entry), "{entry}");
        }
    }

    #[test]
    fn p5_digits_around_a_common_password_do_not_make_it_rare() {
        for common in ["password", "password1", "password1234567", "2026password", "iloveyou", "1234567890"] {
            assert!(is_common(common), "{common}");
        }
        for rare in ["", "correct horse", "passwort-ohne-liste", "8271046553917264", "password-sparrow", "passwordd"] {
            assert!(!is_common(rare), "{rare}");
        }
    }

    #[test]
    fn p5_a_word_is_found_with_digits_around_it_and_nothing_else() {
        for (password, word, padded) in [
            ("acme2026", "acme", true),
            ("2026acme", "acme", true),
            ("acme", "acme", true),
            ("11acme11", "1acme1", true),
            ("acme-2026", "acme", false),
            ("acmes2026", "acme", false),
            ("acmeacme", "acme", false),
            ("my-acme1", "acme", false),
            ("12345678", "", false),
        ] {
            assert_eq!(is_padded(password, word), padded, "{password} and {word}");
        }
    }
}
