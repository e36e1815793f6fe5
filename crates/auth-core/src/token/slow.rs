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
const NOT_UNDERSTOOD: [&str; 5] = ["b64", "crit", "cty", "enc", "zip"];

/// A key as `jsonwebtoken` takes it: for one algorithm, whatever a token says (requirement J1).
pub(super) struct SlowKey {
    pub(super) algorithm: Algorithm,
    /// Its name. A token must say just this, or nothing when there is none (requirement J4).
    pub(super) kid: Option<String>,
    pub(super) key: DecodingKey,
}

impl SlowKey {
    /// The encoded payload, when the header names our algorithm and nothing we do not understand, and the signature is
    /// right.
    ///
    /// The token never chooses the key: `jwk`, `jku`, `x5u` and `x5c` are ignored.
    pub(super) fn verified<'a>(&self, token: &'a str, kind: TokenKind) -> Option<&'a str> {
        let parts = Parts::split(token)?;
        let json = URL_SAFE_NO_PAD.decode(parts.header).ok()?;
        let members: HashMap<String, IgnoredAny> = serde_json::from_slice(&json).ok()?;
        if members.keys().any(|member| NOT_UNDERSTOOD.contains(&member.as_str())) {
            return None;
        }
        // `decode_header` wants a whole token and looks at its first part alone.
        let header = jsonwebtoken::decode_header(format!("{}..", parts.header)).ok()?;
        // `null` is no name, and no header without one either.
        if header.kid != self.kid || members.contains_key("kid") != self.kid.is_some() {
            return None;
        }
        let typ = header.typ.as_deref();
        let fits = match kind {
            TokenKind::Access => {
                typ.is_none_or(|typ| typ.eq_ignore_ascii_case("JWT") || typ.eq_ignore_ascii_case("at+jwt"))
            }
            // Only we make these, with the one header that is compared before.
            TokenKind::Session | TokenKind::Enrol => false,
        };
        if !fits || header.alg != self.algorithm {
            return None;
        }
        let verifier = (RING.verifier_factory)(&self.algorithm, &self.key).ok()?;
        let signature = URL_SAFE_NO_PAD.decode(parts.signature).ok()?;
        verifier.verify(parts.signed.as_bytes(), &signature).ok()?;
        Some(parts.payload)
    }
}
