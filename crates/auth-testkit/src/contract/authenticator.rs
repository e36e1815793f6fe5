//! An authenticator app, written from RFC 6238 alone: it shares no code with the server.

use auth_core::Timestamp;
use ring::hmac;

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Seconds that a code is shown for.
pub const PERIOD: i64 = 30;

/// What a user's phone has.
#[derive(Debug, Clone)]
pub struct Authenticator(hmac::Key);

impl Authenticator {
    /// From the secret in base32, as a user types it in.
    ///
    /// # Panics
    /// When it is no base32.
    #[must_use]
    #[track_caller]
    pub fn new(secret: &str) -> Self {
        let mut bits = String::new();
        for char in secret.bytes() {
            let value = ALPHABET.iter().position(|c| *c == char).unwrap_or_else(|| panic!("no base32: {secret}"));
            bits.push_str(&format!("{value:05b}"));
        }
        let bytes: Vec<u8> = bits
            .as_bytes()
            .chunks_exact(8)
            .map(|byte| byte.iter().fold(0, |value, bit| value * 2 + (bit - b'0')))
            .collect();
        Self(hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &bytes))
    }

    /// What it shows at this time.
    #[must_use]
    pub fn code(&self, at: Timestamp) -> String {
        let step = at.as_secs().div_euclid(PERIOD).to_be_bytes();
        let mac = hmac::sign(&self.0, &step);
        let mac = mac.as_ref();
        let offset = usize::from(mac[19] & 0xf);
        let number = u32::from_be_bytes([mac[offset] & 0x7f, mac[offset + 1], mac[offset + 2], mac[offset + 3]]);
        format!("{:06}", number % 1_000_000)
    }

    /// What it shows `steps` later, or earlier.
    #[must_use]
    pub fn code_after(&self, now: Timestamp, steps: i64) -> String {
        self.code(Timestamp::from_secs(now.as_secs() + steps * PERIOD))
    }

    /// Six digits that are the code of no step near `now`.
    #[must_use]
    pub fn wrong_code(&self, now: Timestamp) -> String {
        let near: Vec<String> = (-5..=5).map(|steps| self.code_after(now, steps)).collect();
        let mut candidates = (0..100).map(|n| format!("{:06}", n * 9_973 % 1_000_000));
        candidates.find(|code| !near.contains(code)).expect("a hundred codes are more than eleven")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238 appendix B; the last six of its eight digits.
    #[test]
    fn the_vectors_of_the_rfc() {
        let app = Authenticator::new("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        for (secs, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(app.code(Timestamp::from_secs(secs)), code, "{secs}");
        }
    }
}
