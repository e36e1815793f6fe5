//! Tokens that no server issued: our own signer, and refresh tokens with parts exchanged.

use auth_core::SessionId;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::{Map, Value};

/// The header of an ordinary access token.
pub const ACCESS_HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// base64url without padding.
#[must_use]
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A compact JWS over exactly these texts, signed with HMAC-SHA256.
#[must_use]
pub fn hs256(secret: &[u8], header: &str, payload: &str) -> String {
    sign_parts(hmac::HMAC_SHA256, secret, &encode(header), &encode(payload))
}

/// A compact JWS over parts that are encoded already, in whatever way.
#[must_use]
pub fn sign_parts(algorithm: hmac::Algorithm, secret: &[u8], header: &str, payload: &str) -> String {
    let signed = format!("{header}.{payload}");
    let signature = hmac::sign(&hmac::Key::new(algorithm, secret), signed.as_bytes());
    format!("{signed}.{}", encode(signature))
}

/// Header and claims of a compact JWS.
///
/// # Panics
/// When it is none.
#[must_use]
#[track_caller]
pub fn decode(token: &str) -> (Value, Map<String, Value>) {
    let parts: Vec<&str> = token.split('.').collect();
    assert_eq!(parts.len(), 3, "no compact JWS: {token}");
    let part = |part: &str| -> Value {
        let bytes = URL_SAFE_NO_PAD.decode(part).unwrap_or_else(|error| panic!("{error}: {token}"));
        serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{error}: {token}"))
    };
    let Value::Object(claims) = part(parts[1]) else { panic!("the claims are no object: {token}") };
    (part(parts[0]), claims)
}

/// Whether the signature of a compact JWS is HMAC-SHA256 with `secret`.
#[must_use]
pub fn is_signed(secret: &[u8], token: &str) -> bool {
    let Some((signed, signature)) = token.rsplit_once('.') else { return false };
    let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else { return false };
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes(), &signature).is_ok()
}

/// The same base64url text with one of its unused last bits set: it decodes to the same bytes in a careless decoder.
///
/// # Panics
/// When `text` has no unused bits.
#[must_use]
#[track_caller]
pub fn with_trailing_bit(text: &str) -> String {
    assert!(text.len() % 4 >= 2, "no unused bits in {text}");
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (start, last) = text.split_at(text.len() - 1);
    let value = ALPHABET.iter().position(|c| *c == last.as_bytes()[0]).expect("is base64url");
    format!("{start}{}", char::from(ALPHABET[value | 1]))
}

/// A part of a refresh token: `0x01 | session 16 | generation 8 | family 16 | secret 32 | crc32 4`.
#[derive(Debug, Clone, Copy)]
pub enum RefreshPart {
    /// Which session.
    Session,
    /// Which generation.
    Generation,
    /// The secret of the family.
    Family,
    /// The secret of the generation.
    Secret,
}

/// A refresh token with one bit of a part changed and the checksum made right again, as only an attacker does.
///
/// # Panics
/// When `token` is no refresh token.
#[must_use]
#[track_caller]
pub fn with_other(token: &str, part: RefreshPart) -> String {
    let mut bytes = refresh_bytes(token);
    let at = match part {
        RefreshPart::Session => 16,
        // High enough that it is ahead of every generation there is.
        RefreshPart::Generation => 22,
        RefreshPart::Family => 25,
        RefreshPart::Secret => 41,
    };
    bytes[at] ^= 1;
    with_checksum(bytes)
}

/// The session that a refresh token is of.
///
/// # Panics
/// When `token` is no refresh token.
#[must_use]
#[track_caller]
pub fn session(token: &str) -> SessionId {
    SessionId::from_bytes(refresh_bytes(token)[1..17].try_into().expect("16 bytes"))
}

/// What makes a refresh token secret: the part of the family and the part of the generation.
///
/// # Panics
/// When `token` is no refresh token.
#[must_use]
#[track_caller]
pub fn secrets(token: &str) -> [Vec<u8>; 2] {
    let bytes = refresh_bytes(token);
    [bytes[25..41].to_vec(), bytes[41..73].to_vec()]
}

/// A refresh token with the secrets of `token` for another session, whose row must be a copy: for tables that are filled
/// without logins.
///
/// # Panics
/// When `token` is no refresh token.
#[must_use]
#[track_caller]
pub fn of_session(token: &str, session: SessionId) -> String {
    let mut bytes = refresh_bytes(token);
    bytes[1..17].copy_from_slice(session.as_bytes());
    with_checksum(bytes)
}

fn with_checksum(mut bytes: Vec<u8>) -> String {
    let checksum = crc32fast::hash(&bytes[..73]).to_be_bytes();
    bytes[73..].copy_from_slice(&checksum);
    encode(bytes)
}

#[track_caller]
fn refresh_bytes(token: &str) -> Vec<u8> {
    let bytes = URL_SAFE_NO_PAD.decode(token).unwrap_or_else(|error| panic!("{error}: {token}"));
    assert_eq!(bytes.len(), 77, "a refresh token has 77 bytes: {token}");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forged_token_reads_back() {
        let token = hs256(b"k", ACCESS_HEADER, r#"{"id":"a"}"#);
        assert!(is_signed(b"k", &token) && !is_signed(b"l", &token));
        assert_eq!(decode(&token).1["id"], "a");
    }

    #[test]
    fn trailing_bits_change_the_text_alone() {
        let text = encode([0; 32]);
        let other = with_trailing_bit(&text);
        assert_ne!(text, other);
        assert!(URL_SAFE_NO_PAD.decode(&other).is_err(), "a strict decoder refuses it");
    }

    #[test]
    fn the_parts_of_a_refresh_token_are_where_they_should_be() {
        let bytes: Vec<u8> = [vec![1], vec![2; 16], vec![0; 8], vec![3; 16], vec![4; 32], vec![0; 4]].concat();
        let token = encode(bytes);
        for (part, at) in [
            (RefreshPart::Session, 1..17),
            (RefreshPart::Generation, 17..25),
            (RefreshPart::Family, 25..41),
            (RefreshPart::Secret, 41..73),
        ] {
            let before = URL_SAFE_NO_PAD.decode(&token).expect("decodes");
            let after = URL_SAFE_NO_PAD.decode(with_other(&token, part)).expect("decodes");
            let changed: Vec<usize> = (0..73).filter(|at| before[*at] != after[*at]).collect();
            assert!(changed.len() == 1 && at.contains(&changed[0]), "{part:?}: {changed:?}");
        }
    }
}
