//! Time-based one-time passwords (RFC 6238) as every authenticator app makes them: SHA-1, six digits, 30 seconds.

use std::fmt;
use std::io::Write as _;

use base32::Alphabet;
use secrecy::{ExposeSecret as _, SecretSlice};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};
use totp_rs::{Algorithm, Builder, Totp};
use zeroize::Zeroizing;

use super::otp::TotpCode;
use crate::clock::Timestamp;
use crate::rng::{self, RandomError, SecureRandom};
use crate::secret::secret_text;

/// The seconds that a code is shown for.
const PERIOD: u64 = 30;
const DIGITS: u8 = 6;
/// RFC 4226 4 R6 recommends 160 bits.
const NEW_SECRET_BYTES: usize = 20;
/// More than one step either side would only help who guesses or reads along (RFC 6238 5.2, requirement M2).
pub(crate) const MAX_WINDOW: u8 = 1;
const RFC4648: Alphabet = Alphabet::Rfc4648 { padding: false };

/// The secret that a user's authenticator app and the server share: 80 to 512 bits.
#[derive(Clone)]
pub struct TotpSecret(SecretSlice<u8>);

impl TotpSecret {
    /// 80 bits, as Directus makes them; fewer can be guessed.
    pub(super) const MIN_BYTES: usize = 10;
    /// The block of SHA-1: HMAC would hash anything longer first.
    pub(super) const MAX_BYTES: usize = 64;

    /// A fresh secret of 160 bits (requirement M3).
    pub(crate) fn generate(random: &dyn SecureRandom) -> Result<Self, RandomError> {
        let bytes = Zeroizing::new(rng::bytes::<NEW_SECRET_BYTES>(random)?);
        Ok(Self(SecretSlice::from(bytes.to_vec())))
    }

    /// Reads base32 (RFC 4648) as people type and other programs write it: in either case, with or without padding,
    /// with spaces or hyphens between groups.
    ///
    /// # Errors
    /// [`InvalidTotpSecret`] unless it is base32 of 80 to 512 bits.
    pub fn parse(base32: &str) -> Result<Self, InvalidTotpSecret> {
        let unpadded = base32.trim_end_matches(|c: char| c == '=' || c.is_whitespace());
        // Long enough for the longest: a string that grows leaves copies behind.
        let mut text = Zeroizing::new(String::with_capacity(unpadded.len()));
        text.extend(unpadded.chars().filter(|c| !c.is_whitespace() && *c != '-').map(|c| c.to_ascii_uppercase()));
        // No number of bytes has this many characters: some are missing.
        if matches!(text.len() % 8, 1 | 3 | 6) {
            return Err(InvalidTotpSecret);
        }
        let bytes = Zeroizing::new(base32::decode(RFC4648, &text).ok_or(InvalidTotpSecret)?);
        Self::from_bytes(&bytes)
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidTotpSecret> {
        if bytes.len() < Self::MIN_BYTES || bytes.len() > Self::MAX_BYTES {
            return Err(InvalidTotpSecret);
        }
        Ok(Self(SecretSlice::from(bytes.to_vec())))
    }

    pub(super) fn expose_bytes(&self) -> &[u8] {
        self.0.expose_secret()
    }

    /// The secret in base32 without padding, as an authenticator app takes it by hand. Shown once.
    #[must_use]
    pub fn expose_secret(&self) -> Zeroizing<String> {
        Zeroizing::new(base32::encode(RFC4648, self.expose_bytes()))
    }

    /// Whether both are the same secret, in constant time.
    pub(crate) fn same_as(&self, other: &Self) -> bool {
        self.expose_bytes().ct_eq(other.expose_bytes()).into()
    }

    /// The URL that an authenticator app reads from a QR code, in the
    /// [Key URI format](https://github.com/google/google-authenticator/wiki/Key-Uri-Format).
    ///
    /// # Errors
    /// [`NoAccountName`] when nothing of `account` can be shown.
    pub(crate) fn otpauth_url(&self, issuer: &str, account: &str) -> Result<OtpauthUrl, NoAccountName> {
        let issuer = issuer_label(issuer);
        let totp = self
            .builder()
            .with_issuer(Some(issuer).filter(|issuer| !issuer.is_empty()))
            .with_account_name(label(account, 254))
            .build_noncompliant();
        let url = Zeroizing::new(totp.to_url().map_err(|_| NoAccountName)?);
        // `to_url` leaves out what has its default; some apps have other defaults.
        Ok(OtpauthUrl::new(format!("{}&algorithm=SHA1&digits={DIGITS}&period={PERIOD}", *url)))
    }

    /// The step whose code this is: the current one, or one of at most `window` (0 or 1) steps either side. Whether that
    /// step was used before is for the store to say.
    ///
    /// Every step is tried and compared in constant time (requirement M6). If two have the same code it is the later
    /// one: once taken, the code is worth nothing for the earlier step either.
    pub(crate) fn matching_step(&self, code: &TotpCode, now: Timestamp, window: u8) -> Option<Step> {
        let Step(current) = Step::at(now);
        let window = u64::from(window.min(MAX_WINDOW));
        let totp = self.builder().build_noncompliant();
        let (mut found, mut matching) = (Choice::from(0), 0);
        for step in current.saturating_sub(window)..=current.saturating_add(window) {
            let same = code_at(&totp, Step(step)).ct_eq(code);
            matching.conditional_assign(&step, same);
            found |= same;
        }
        bool::from(found).then_some(Step(matching))
    }

    /// The code of `step`, as an authenticator app shows it.
    #[cfg(test)]
    pub(crate) fn code_at(&self, step: Step) -> TotpCode {
        code_at(&self.builder().build_noncompliant(), step)
    }

    /// `build()` would refuse 80 bits.
    fn builder(&self) -> Builder {
        Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(DIGITS)
            .with_step_duration(PERIOD)
            .with_secret(self.expose_bytes())
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret([redacted])")
    }
}

/// Not `Totp::check`: that stops at the first match, and the time it takes says which step it was.
fn code_at(totp: &Totp, step: Step) -> TotpCode {
    let token = totp.generate(step.0.saturating_mul(PERIOD));
    let mut digits = Zeroizing::new([0; DIGITS as usize]);
    // It always fits. If it did not, bytes that are no digits would be left, and nothing would match.
    let _ = write!(digits.as_mut_slice(), "{token}");
    TotpCode::from_bytes(digits)
}

/// How a service is called in an authenticator app: of a URL the host and path.
fn issuer_label(issuer: &str) -> String {
    let issuer = issuer.split_once("://").map_or(issuer, |(_, rest)| rest.trim_end_matches('/'));
    label(issuer, 64)
}

/// Text for the label of the URL: one line, without the colon, at which apps split even when it is encoded, and short
/// enough for a QR code.
fn label(text: &str, max_bytes: usize) -> String {
    let mut label: String = text.chars().filter(|c| !c.is_control()).map(|c| if c == ':' { '-' } else { c }).collect();
    label.truncate(label.floor_char_boundary(max_bytes));
    label.trim().to_owned()
}

secret_text! {
    /// An `otpauth://totp/…` URL: it contains the secret.
    OtpauthUrl
}

/// A time step: 30-second periods since the Unix epoch. A store remembers the last one that a user's code was accepted
/// for, and accepts only later ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step(pub u64);

impl Step {
    /// The step at `now`; 0 before 1970.
    pub(crate) fn at(now: Timestamp) -> Self {
        Self(u64::try_from(now.as_secs()).unwrap_or_default() / PERIOD)
    }
}

/// Text that is no secret for one-time passwords.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a secret for one-time passwords: expected base32 of 80 to 512 bits")]
pub struct InvalidTotpSecret;

/// There is nothing to call the account by in an authenticator app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the account has no name that an authenticator app could show")]
pub(crate) struct NoAccountName;

#[cfg(test)]
mod tests;
