//! Tokens whose header is not the one we write: read by `jsonwebtoken`, verified through our own provider, whatever
//! the process-wide default is.

use jsonwebtoken::{Algorithm, DecodingKey};

use super::TokenKind;
use super::provider::RING;
use super::verify::Parts;

/// `Some` when the header names our algorithm and nothing we do not understand, and the signature is right.
///
/// The key is never chosen by the token: `jwk`, `jku`, `x5u` and `x5c` are ignored, and there is no key with a `kid`.
pub(super) fn verify_signature(key: &DecodingKey, parts: &Parts<'_>, kind: TokenKind) -> Option<()> {
    // `decode_header` wants a whole token and looks at its first part alone.
    let header = jsonwebtoken::decode_header(format!("{}..", parts.header)).ok()?;
    let plain = header.crit.is_none()
        && header.enc.is_none()
        && header.zip.is_none()
        && header.kid.is_none()
        && header.cty.is_none()
        && !header.extras.inner().contains_key("b64");
    let typ = header.typ.as_deref();
    let fits = match kind {
        TokenKind::Access => {
            typ.is_none_or(|typ| typ.eq_ignore_ascii_case("JWT") || typ.eq_ignore_ascii_case("at+jwt"))
        }
        // Only we make these, with the one header that is compared before.
        TokenKind::Session => false,
    };
    if !plain || !fits || header.alg != Algorithm::HS256 {
        return None;
    }
    let verifier = (RING.verifier_factory)(&header.alg, key).ok()?;
    let signature = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, parts.signature).ok()?;
    verifier.verify(parts.signed.as_bytes(), &signature).ok()
}
