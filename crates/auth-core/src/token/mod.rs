//! Access tokens and session cookies: compact JWS. [`claims`] says what is in them, [`sign`] makes them, [`verify`]
//! is the hot path of every guarded request, and [`provider`] puts `ring` under `jsonwebtoken`. [`personal`] is about
//! access tokens that are no JWTs.

pub(crate) mod claims;
pub(crate) mod identity;
mod keyring;
mod keys;
pub(crate) mod personal;
mod plain;
mod prepared;
mod provider;
mod scopes;
mod sign;
mod slow;
#[cfg(test)]
mod tests;
mod ticket;
mod verified;
mod verify;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

pub use identity::Identity;
pub(crate) use identity::Scope;
pub use keyring::{InvalidKey, KeyAlgorithm, KeyPem, KeyRing, TokenKey};
pub(crate) use keys::TokenKeys;
pub use personal::{InvalidTokenName, TokenName};
pub use scopes::{InvalidScopes, TokenScopes};
pub(crate) use sign::{NewToken, Rights, is_reserved};
pub(crate) use ticket::{Purpose, Ticket};
pub(crate) use verify::TokenProblem;

/// The kinds of JWT. The `typ` header tells them apart, so that none is taken for another
/// (requirement J8, RFC 8725 3.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// Opens guarded routes from header or query.
    Access,
    /// The value of the session cookie, accepted from there alone.
    Session,
    /// Opens nothing but the routes by which a user sets up the second factor that is demanded.
    Enrol,
}

impl TokenKind {
    const fn typ(self) -> &'static str {
        match self {
            Self::Access => "JWT",
            Self::Session => "session+jwt",
            Self::Enrol => "enrol+jwt",
        }
    }

    /// What tokens of this kind begin with when we write them: the encoded header and its dot. The members are in the
    /// order of Directus, so that its tokens take the fast path too.
    fn start(self, algorithm: &str, kid: Option<&str>) -> String {
        let typ = self.typ();
        // A name of a key has no character that JSON escapes.
        let kid = kid.map(|kid| format!(r#","kid":"{kid}""#)).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{algorithm}","typ":"{typ}"{kid}}}"#)) + "."
    }

    /// Claim `kind`, for verifiers that do not look at `typ`: an access token has none.
    const fn claim(self) -> Option<&'static str> {
        match self {
            Self::Access | Self::Session => None,
            Self::Enrol => Some("enrol"),
        }
    }
}

/// The longest token that is looked at, in bytes (requirement J12).
pub(crate) const MAX_TOKEN_BYTES: usize = 8 * 1024;
