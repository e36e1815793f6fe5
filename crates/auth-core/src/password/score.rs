//! How many guesses a password takes, by the estimator zxcvbn (cargo feature `zxcvbn`), at a cost that has a limit.
//!
//! zxcvbn tries every reading of a password full of look-alikes (`$` for s, `|` for i or l), and their number is the
//! product over the letters: 100 such characters keep a core busy for six seconds. So it sees the first characters alone,
//! with few look-alikes among them, and takes about the time of one hash; it runs where hashes do.

use zeroize::Zeroizing;

use super::policy::PasswordProblem;
use crate::secret::Password;

/// A password that takes 10¹⁰ guesses takes them within so many characters, or repeats itself.
const MAX_CHARS: usize = 32;

/// Beside digits, which sequences and dates need.
const MAX_LOOK_ALIKES: usize = 2;

/// The punctuation that zxcvbn reads as letters, and what it reads as punctuation instead; no two become the same.
const LOOK_ALIKES: [(char, char); 10] = [
    ('@', '^'),
    ('(', ')'),
    ('{', '}'),
    ('[', ']'),
    ('<', '>'),
    ('!', '?'),
    ('|', '/'),
    ('$', '&'),
    ('+', '='),
    ('%', '*'),
];

/// Checks that guessing `password` takes as long as `wanted` says: 0 to 4. What is `known` about the user and the service
/// does not count as hard to guess.
pub(crate) fn check(password: &Password, known: &[String], wanted: u8) -> Result<(), PasswordProblem> {
    let known: Vec<&str> = known.iter().flat_map(|text| std::iter::once(text.as_str()).chain(words(text))).collect();
    let limited = Zeroizing::new(limited(password.expose_secret()));
    let score = u8::from(zxcvbn::zxcvbn(&limited, &known).score());
    if score < wanted { Err(PasswordProblem::Guessable) } else { Ok(()) }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

fn limited(password: &str) -> String {
    let mut kept = Vec::with_capacity(MAX_LOOK_ALIKES);
    let limit = |c: char| {
        let Some((_, instead)) = LOOK_ALIKES.iter().find(|(look_alike, _)| *look_alike == c) else { return c };
        if !kept.contains(&c) && kept.len() < MAX_LOOK_ALIKES {
            kept.push(c);
        }
        if kept.contains(&c) { c } else { *instead }
    };
    password.chars().take(MAX_CHARS).map(limit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p5_a_score_refuses_what_is_guessed_quickly() {
        let guessable = Err(PasswordProblem::Guessable);
        let known = ["ada.lovelace@example.com".to_owned(), "notes".to_owned()];
        for (wanted, password, expected) in [
            (3, "zxcvbnm,./", guessable),
            (3, "lovelace42!", guessable),
            (3, "notesnotes", guessable),
            (3, "p@$$w0rd!1", guessable),
            (3, "correct horse battery staple", Ok(())),
            (0, "zxcvbnm,./", Ok(())),
            (4, "vT9#qLw2!mZx8Rb", Ok(())),
            (4, "@[4<|$+{%!(8", Ok(())),
            (4, &"aB3$".repeat(256), guessable),
        ] {
            assert_eq!(check(&Password::new(password), &known, wanted), expected, "{password} at {wanted}");
        }
    }

    #[test]
    fn p6_the_work_for_a_score_has_a_limit() {
        for (password, expected) in [
            ("p@$$w0rd", "p@$$w0rd"),
            ("p@$$w0rd!", "p@$$w0rd?"),
            ("4@8({[</\\369&#!1/|0$5+7%2", "4@8(}]>/\\369&#?1//0&5=7*2"),
            ("caf\u{e9} \u{1f511}", "caf\u{e9} \u{1f511}"),
        ] {
            assert_eq!(limited(password), expected);
        }
        assert_eq!(limited(&"\u{1f511}".repeat(256)).chars().count(), MAX_CHARS);
    }
}
