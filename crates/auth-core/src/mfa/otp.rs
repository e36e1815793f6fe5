//! What somebody typed where a one-time password is asked for, told apart by its form.

use std::fmt;

use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use super::recovery::RecoveryCode;

/// A one-time password of either kind. Anything else is neither, and needs no secret to be refused.
#[derive(Debug, Clone)]
pub(crate) enum Otp {
    /// From an authenticator app.
    Code(TotpCode),
    /// One of the codes shown when the factor was enabled.
    Recovery(RecoveryCode),
}

impl Otp {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        TotpCode::parse(text).map(Self::Code).or_else(|| RecoveryCode::parse(text).map(Self::Recovery))
    }
}

/// Six digits. Not a number: `000042` and `42` differ (requirement M6).
#[derive(Clone)]
pub(crate) struct TotpCode(Zeroizing<[u8; 6]>);

impl TotpCode {
    /// Exactly six ASCII digits; no sign, no space, no digit of another script.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits: [u8; 6] = text.as_bytes().try_into().ok()?;
        digits.iter().all(u8::is_ascii_digit).then(|| Self(Zeroizing::new(digits)))
    }

    /// Takes bytes that need not be digits; then it equals no code that was parsed.
    pub(super) const fn from_bytes(bytes: Zeroizing<[u8; 6]>) -> Self {
        Self(bytes)
    }

    #[cfg(test)]
    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&*self.0).expect("digits")
    }
}

impl ConstantTimeEq for TotpCode {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&*other.0)
    }
}

impl fmt::Debug for TotpCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpCode([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn m6_a_code_is_exactly_six_ascii_digits() {
        for text in ["000000", "012345", "999999"] {
            assert!(matches!(Otp::parse(text), Some(Otp::Code(code)) if code.as_str() == text), "{text}");
        }
        for text in [
            "", "12345", "1234567", "+12345", "-12345", " 12345", "12345 ", "123 456", "12345a", "1e5000", "0x1234",
            "12345\0", "12345\n", "१२३४५६", "１２３４５６", "٣٤",
        ] {
            assert!(Otp::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn a_recovery_code_is_told_by_its_form() {
        for (text, shown) in [
            ("0123ab-cdefgh-jkmnpq-rstvwx", "0123AB-CDEFGH-JKMNPQ-RSTVWX"),
            ("123456123456123456123456", "123456-123456-123456-123456"),
        ] {
            assert!(matches!(Otp::parse(text), Some(Otp::Recovery(code)) if *code.expose_secret() == shown), "{text}");
        }
    }

    #[test]
    fn debug_shows_no_code() {
        let code = format!("{:?}", Otp::parse("123456").expect("a code"));
        assert_eq!(code, "Code(TotpCode([redacted]))");
        let recovery = format!("{:?}", Otp::parse("0123AB-CDEFGH-JKMNPQ-RSTVWX").expect("a recovery code"));
        assert_eq!(recovery, "Recovery(RecoveryCode([redacted]))");
    }

    proptest! {
        #[test]
        fn m6_no_other_text_is_a_code(text in "\\PC{0,8}") {
            let six_digits = text.len() == 6 && text.bytes().all(|b| b.is_ascii_digit());
            prop_assert_eq!(matches!(Otp::parse(&text), Some(Otp::Code(_))), six_digits);
        }
    }
}
