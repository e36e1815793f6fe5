//! Tokens whose header is not the one we write: read by `jsonwebtoken`, verified through our own provider, whatever
//! the process-wide default is.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::de::IgnoredAny;

use super::provider::RING;
use super::verify::Parts;
#[cfg(feature = "jwks-client")]
use super::{TokenKind, keyring::MAX_KID_BYTES};

/// Header members that change what the rest means, whatever their value is, `null` included: we do none of it.
const NOT_UNDERSTOOD: [&str; 5] = ["b64", "crit", "cty", "enc", "zip"];

/// A key as `jsonwebtoken` takes it: for one algorithm, whatever a token says (requirement J1).
pub(super) struct SlowKey {
    pub(super) algorithm: Algorithm,
    /// Its name. A token must say just this, or nothing when there is none (requirement J4).
    pub(super) kid: Option<String>,
    pub(super) key: DecodingKey,
}

/// What the header of a token says, once it says nothing that we do not understand.
pub(super) struct Header {
    algorithm: Algorithm,
    pub(super) kid: Option<String>,
    typ: Option<String>,
}

impl Header {
    pub(super) fn read(token: &str) -> Option<(Self, Parts<'_>)> {
        let parts = Parts::split(token)?;
        let json = URL_SAFE_NO_PAD.decode(parts.header).ok()?;
        let members: HashMap<String, IgnoredAny> = serde_json::from_slice(&json).ok()?;
        if members.keys().any(|member| NOT_UNDERSTOOD.contains(&member.as_str())) {
            return None;
        }
        // `decode_header` wants a whole token and looks at its first part alone.
        let header = jsonwebtoken::decode_header(format!("{}..", parts.header)).ok()?;
        // `null` is no name, and no header without one either.
        let fits = members.contains_key("kid") == header.kid.is_some();
        fits.then_some((Self { algorithm: header.alg, kid: header.kid, typ: header.typ }, parts))
    }

    /// Session and enrolment tokens only we make, with the one header that is compared before.
    pub(super) fn is_of_access_token(&self) -> bool {
        let is_jwt = |typ: &str| typ.eq_ignore_ascii_case("JWT") || typ.eq_ignore_ascii_case("at+jwt");
        self.typ.as_deref().is_none_or(is_jwt)
    }

    /// Whether somebody may have published a key for it: with a name as people give them, for a public key. What looks
    /// like a path or a query asks nobody.
    #[cfg(feature = "jwks-client")]
    pub(super) fn could_be_published(&self) -> bool {
        use jsonwebtoken::AlgorithmFamily;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.=+:".contains(&byte);
        let is_name = |kid: &String| (1..=MAX_KID_BYTES).contains(&kid.len()) && kid.bytes().all(is_plain);
        let is_bearer = self.is_of_access_token() || self.typ.as_deref() == Some(TokenKind::Enrol.typ());
        is_bearer && self.algorithm.family() != AlgorithmFamily::Hmac && self.kid.as_ref().is_some_and(is_name)
    }
}

impl SlowKey {
    /// Whether a token with this header is to be verified by this key. The token never chooses the key otherwise: `jwk`,
    /// `jku`, `x5u` and `x5c` are ignored.
    pub(super) fn is_named_by(&self, header: &Header) -> bool {
        header.is_of_access_token() && header.kid == self.kid && header.algorithm == self.algorithm
    }

    /// Whether the signature is right.
    pub(super) fn verifies(&self, parts: &Parts<'_>) -> bool {
        let verify = || {
            let verifier = (RING.verifier_factory)(&self.algorithm, &self.key).ok()?;
            let signature = URL_SAFE_NO_PAD.decode(parts.signature).ok()?;
            verifier.verify(parts.signed.as_bytes(), &signature).ok()
        };
        verify().is_some()
    }
}
