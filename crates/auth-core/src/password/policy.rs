//! Which passwords may be set (requirements P2, P3, P6). There are no composition rules on purpose.

use super::hash::MAX_PASSWORD_BYTES;
use crate::secret::Password;

/// Why a password may not be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PasswordProblem {
    #[error("the password has fewer than {0} characters")]
    TooShort(usize),
    #[error("the password has more than {MAX_PASSWORD_BYTES} bytes")]
    TooLong,
}

/// Checks a password that somebody wants to set; `min_length` counts code points.
pub(crate) fn check(password: &Password, min_length: usize) -> Result<(), PasswordProblem> {
    let password = password.expose_secret();
    if password.len() > MAX_PASSWORD_BYTES {
        return Err(PasswordProblem::TooLong);
    }
    if password.chars().count() < min_length {
        return Err(PasswordProblem::TooShort(min_length));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p3_length_is_counted_in_code_points_and_nothing_else_is_asked_for() {
        let check = |password: &str| check(&Password::new(password), 8);
        assert_eq!(check("aaaaaaaa"), Ok(()));
        assert_eq!(check("        "), Ok(()));
        assert_eq!(check("\u{1f511}\u{1f511}\u{1f511}\u{1f511}\u{1f511}\u{1f511}\u{1f511}\u{1f511}"), Ok(()));
        assert_eq!(check("\u{1f511}\u{1f511}"), Err(PasswordProblem::TooShort(8)), "bytes are not characters");
        assert_eq!(check(&"x".repeat(1024)), Ok(()));
        assert_eq!(check(&"x".repeat(1025)), Err(PasswordProblem::TooLong));
    }
}
