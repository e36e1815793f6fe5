//! Tokens: the two ways of reading one agree, and nothing that was altered passes.

use auth_core::{AuthError, ClientInfo, ErrorKind, Identity, RefreshToken};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::Value;

use super::world::{SECRET, World, text};

/// The header that we write, and one that means the same.
const OURS: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
const OTHER: &str = r#"{"typ":"JWT","alg":"HS256"}"#;

/// The same bytes as claims that are signed, as a token, and as what somebody changes in a good one.
pub fn access_token(data: &[u8]) {
    let world = World::shared();
    let verify = |token: &str| world.auth.verify(token);

    // The fast way, and the slow one: another header, and white space before the claims. A token that is longer by
    // one character must not be too long for that.
    if data.len() < 6000 {
        let fast = summary(verify(&sign(OURS, data)));
        let slow = summary(verify(&sign(OTHER, &[b" ", data].concat())));
        assert_eq!(fast, slow);
    }
    if let Some(token) = text(data)
        && verify(token).is_ok()
    {
        assert!(is_signed(token), "accepted: {token}");
    }
    if let Some(token) = edited(&world.token, data) {
        assert_eq!(verify(&token).map_err(|error| error.kind()).err(), Some(ErrorKind::InvalidToken), "{token}");
    }
}

/// The same bytes as a refresh token, and as what somebody changes in a good one: refused, and the session goes on.
pub fn refresh_token(data: &[u8]) {
    let world = World::shared();
    let good = world.refresh.expose_secret();
    let forged = [text(data).filter(|token| *token != good).map(str::to_owned), edited(good, data)];
    for token in forged.into_iter().flatten() {
        let result = world.wait(world.auth.refresh(&RefreshToken::new(token), &ClientInfo::default()));
        let kind = result.map(drop).map_err(|error| error.kind()).expect_err("a stranger's");
        assert!(matches!(kind, ErrorKind::InvalidCredentials | ErrorKind::SessionOver), "{kind:?}");
        let sessions = world.wait(world.auth.sessions(&world.identity)).expect("the store is in memory");
        assert_eq!(sessions.len(), 1, "revoked by {data:?}");
    }
}

/// `base` with bytes changed: two bytes say where, one what is there then. `None` when it is no other text.
fn edited(base: &str, edits: &[u8]) -> Option<String> {
    let mut bytes = base.as_bytes().to_vec();
    for edit in edits.chunks_exact(3) {
        let at = usize::from(u16::from_be_bytes([edit[0], edit[1]])) % bytes.len();
        bytes[at] = edit[2];
    }
    String::from_utf8(bytes).ok().filter(|text| text != base)
}

fn sign(header: &str, payload: &[u8]) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = hmac::sign(&key(), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Whether `token` has three parts in base64 without padding, the last of which is the HMAC of the others.
fn is_signed(token: &str) -> bool {
    let parts: Vec<_> = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part)).collect();
    let [Ok(_), Ok(_), Ok(signature)] = parts.as_slice() else { return false };
    let signed = token.rsplit_once('.').expect("two dots").0;
    hmac::verify(&key(), signed.as_bytes(), signature).is_ok()
}

fn key() -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes())
}

/// All that an identity says.
fn summary(verified: Result<Identity, AuthError>) -> Result<String, ErrorKind> {
    let identity = verified.map_err(|error| error.kind())?;
    Ok(format!(
        "{:?} {:?} {} {} {:?} {:?} {} {:?} {:?} {:?} {:?}",
        identity.user(),
        identity.role(),
        identity.has_app_access(),
        identity.is_admin(),
        identity.session(),
        identity.epoch(),
        identity.aal(),
        identity.auth_time(),
        identity.issued_at(),
        identity.expires_at(),
        identity.claims::<Value>(),
    ))
}
