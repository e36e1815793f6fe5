//! Tokens whose header is not the one we write: read by `jsonwebtoken`, verified through our own provider, whatever
//! the process-wide default is.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::de::IgnoredAny;

use super::TokenKind;
use super::provider::RING;
use super::verify::Parts;

/// Header members that change what the rest means, whatever their value is, `null` included: we do none of it.
const NOT_UNDERSTOOD: [&str; 6] = ["b64", "crit", "cty", "enc", "kid", "zip"];

/// The encoded payload, when the header names our algorithm and nothing we do not understand, and the signature is right.
///
/// The key is never chosen by the token: `jwk`, `jku`, `x5u` and `x5c` are ignored, and there is no key with a `kid`.
pub(super) fn verified<'a>(key: &DecodingKey, token: &'a str, kind: TokenKind) -> Option<&'a str> {
    let parts = Parts::split(token)?;
    let json = URL_SAFE_NO_PAD.decode(parts.header).ok()?;
    let members: HashMap<String, IgnoredAny> = serde_json::from_slice(&json).ok()?;
    if members.keys().any(|member| NOT_UNDERSTOOD.contains(&member.as_str())) {
        return None;
    }
    // `decode_header` wants a whole token and looks at its first part alone.
    let header = jsonwebtoken::decode_header(format!("{}..", parts.header)).ok()?;
    let typ = header.typ.as_deref();
    let fits = match kind {
        TokenKind::Access => {
            typ.is_none_or(|typ| typ.eq_ignore_ascii_case("JWT") || typ.eq_ignore_ascii_case("at+jwt"))
        }
        // Only we make these, with the one header that is compared before.
        TokenKind::Session | TokenKind::Enrol => false,
    };
    if !fits || header.alg != Algorithm::HS256 {
        return None;
    }
    let verifier = (RING.verifier_factory)(&header.alg, key).ok()?;
    let signature = URL_SAFE_NO_PAD.decode(parts.signature).ok()?;
    verifier.verify(parts.signed.as_bytes(), &signature).ok()?;
    Some(parts.payload)
}
