//! Which passwords may be set (requirements P2, P3, P5, P6). There are no composition rules on purpose.

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use super::blocklist::{is_common, is_padded};
use super::hash::MAX_PASSWORD_BYTES;
use crate::config::AuthConfig;
use crate::secret::Password;

/// Why a password may not be set: [`AuthError::password_problem`](crate::AuthError::password_problem).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordProblem {
    /// It has fewer code points than [`AuthConfig::password_min_length`].
    #[error("the password has fewer than {min} characters")]
    TooShort {
        /// The fewest allowed.
        min: usize,
    },
    /// It is longer than any password that is hashed.
    #[error("the password has more than {max_bytes} bytes")]
    TooLong {
        /// The most allowed.
        max_bytes: usize,
    },
    /// It is one of the passwords that guessing begins with, with or without digits around it.
    #[error("the password is one of the most common ones")]
    Common,
    /// It is the user's own address, or the part before the `@`, with or without digits around it.
    #[error("the password is the e-mail address of the user")]
    LikeEmail,
    /// It is the name of the service, with or without digits around it.
    #[error("the password is the name of the service")]
    LikeService,
    /// It takes fewer guesses than [`AuthConfig::password_min_score`] asks for.
    #[error("the password is easy to guess")]
    Guessable,
}

/// The shortest local part of an address that is refused as a password by itself: below, it is a word like any other.
const MIN_LOCAL_PART: usize = 8;

/// Checks a password that a user with these addresses wants to set; its score, if there must be one, aside.
pub(crate) fn check(password: &Password, emails: &[&str], config: &AuthConfig) -> Result<(), PasswordProblem> {
    let password = password.expose_secret();
    if password.len() > MAX_PASSWORD_BYTES {
        return Err(PasswordProblem::TooLong { max_bytes: MAX_PASSWORD_BYTES });
    }
    let min = config.password_min_length;
    if password.chars().count() < min {
        return Err(PasswordProblem::TooShort { min });
    }
    let folded = Zeroizing::new(fold(password));
    if is_common(&folded) {
        return Err(PasswordProblem::Common);
    }
    if emails.iter().any(|email| is_like_email(&folded, email)) {
        return Err(PasswordProblem::LikeEmail);
    }
    if [&config.issuer, &config.realm].into_iter().any(|service| is_like_service(&folded, service)) {
        return Err(PasswordProblem::LikeService);
    }
    Ok(())
}

fn is_like_email(folded: &str, email: &str) -> bool {
    let email = fold(email);
    let local = email.rsplit_once('@').map_or("", |(local, _)| local);
    is_padded(folded, &email) || (local.chars().count() >= MIN_LOCAL_PART && is_padded(folded, local))
}

fn is_like_service(folded: &str, service: &str) -> bool {
    let service = fold(service);
    let in_one_word: String = service.split_whitespace().collect();
    is_padded(folded, &service) || is_padded(folded, &in_one_word)
}

/// For comparison alone: what is hashed is the password as it came (requirement P4).
fn fold(text: &str) -> String {
    text.nfc().flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> AuthConfig {
        AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7")
    }

    fn check_for(email: &str, password: &str) -> Result<(), PasswordProblem> {
        check(&Password::new(password), &[email], &config())
    }

    #[test]
    fn p2_length_is_counted_in_code_points() {
        let check = |password: &str| check_for("ada@example.com", password);
        let too_short = Err(PasswordProblem::TooShort { min: 8 });
        assert_eq!(check("1 horse"), too_short);
        assert_eq!(check("2 horses"), Ok(()));
        assert_eq!(check(&"\u{1f511}".repeat(8)), Ok(()));
        assert_eq!(check(&"\u{1f511}".repeat(7)), too_short, "28 bytes are not 28 characters");

        let mut config = config();
        config.password_min_length = 15;
        let check = |password: &str| super::check(&Password::new(password), &[], &config);
        assert_eq!(check("fourteen horse"), Err(PasswordProblem::TooShort { min: 15 }));
        assert_eq!(check("fifteen horses!"), Ok(()));
    }

    #[test]
    fn p3_nothing_but_length_and_commonness_is_asked_for() {
        for password in ["zzzz zzzz", "        ", "qmbvtzwx", "QMBVTZWX", "82710465539", "\u{0}\u{0}\u{0}\u{0}12345"] {
            assert_eq!(check_for("ada@example.com", password), Ok(()), "{password:?}");
        }
    }

    #[test]
    fn p5_common_passwords_are_refused_in_any_case() {
        for password in ["password", "PassWord", "IloveYou", "12345678", "Qwertyuiop", "password2026", "PASSWORD1"] {
            assert_eq!(check_for("ada@example.com", password), Err(PasswordProblem::Common), "{password}");
        }
    }

    #[test]
    fn p5_the_address_of_the_user_is_refused() {
        for (email, password) in [
            ("ada@example.com", "ada@example.com"),
            ("Ada@Example.com", "aDA@eXAMPLE.COM"),
            ("ada@example.com", "ada@example.com1815"),
            ("ada.lovelace@example.com", "ada.lovelace"),
            ("ada.lovelace@example.com", "Ada.Lovelace1815"),
            ("ada.lovelace1815@example.com", "ada.lovelace18152026"),
            ("jose\u{301}fina@example.com", "JOS\u{c9}FINA"),
        ] {
            assert_eq!(check_for(email, password), Err(PasswordProblem::LikeEmail), "{email}: {password}");
        }
        for (email, password) in [
            ("ada@example.com", "ada-1815"),
            ("ada.lovelace@example.com", "ada.lovelace and the engine"),
            ("ada.lovelace@example.com", "ada lovelace"),
            ("grace@example.com", "ada@example.com"),
        ] {
            assert_eq!(check_for(email, password), Ok(()), "{email}: {password}");
        }
    }

    #[test]
    fn p5_the_name_of_the_service_is_refused() {
        let mut config = config();
        config.issuer = "Analytical Engine".to_owned();
        config.realm = "engine-room".to_owned();
        let check = |password: &str| check(&Password::new(password), &[], &config);
        for password in
            ["analytical engine", "AnalyticalEngine", "1AnalyticalEngine2026", "engine-room", "Engine-Room1"]
        {
            assert_eq!(check(password), Err(PasswordProblem::LikeService), "{password}");
        }
        assert_eq!(check("the analytical engine"), Ok(()));
    }

    #[test]
    fn p6_more_than_1024_bytes_are_refused() {
        let check = |password: &str| check_for("ada@example.com", password);
        assert_eq!(check(&"x".repeat(1024)), Ok(()));
        assert_eq!(check(&"x".repeat(1025)), Err(PasswordProblem::TooLong { max_bytes: 1024 }));
        assert_eq!(check(&"\u{1f511}".repeat(257)), Err(PasswordProblem::TooLong { max_bytes: 1024 }));
    }
}
