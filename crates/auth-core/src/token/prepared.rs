//! The keys of a [`KeyRing`], prepared: what each token of theirs begins with, and what signs or verifies it without
//! another look at the key. One generation of keys: it is swapped in whole, and what it remembers goes with it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA256, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey,
};
use ring::{digest, hmac};

use super::TokenKind;
use super::keyring::{InvalidKey, KeyAlgorithm, KeyRing, Material, TokenKey};
use super::slow::{Header, SlowKey};
use super::verified::VerifiedTokens;
use super::verify::{Parts, decode};

/// The keys of one generation.
pub(crate) struct PreparedRing {
    keys: Vec<PreparedKey>,
    /// Of the first key.
    signer: Option<Signer>,
    /// `None` when no key is worth it.
    pub(super) verified: Option<VerifiedTokens>,
    /// The public keys as a JWK set.
    pub(super) jwks: Vec<u8>,
}

pub(super) struct PreparedKey {
    access_start: String,
    enrol_start: String,
    verifier: Verifier,
    slow: SlowKey,
}

enum Verifier {
    Hmac(hmac::Key),
    Ed25519(UnparsedPublicKey<[u8; 32]>),
    P256(UnparsedPublicKey<[u8; 65]>),
    Rsa(&'static RsaParameters, RsaPublicKeyComponents<Vec<u8>>),
}

pub(super) enum Signer {
    Hmac(hmac::Key),
    Ed25519(Ed25519KeyPair),
    P256(Box<EcdsaKeyPair>),
}

/// No signature could be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SigningFailed {
    /// The ring has public keys alone.
    #[error("there is no key that signs")]
    NoKey,
    /// ECDSA needs random bytes, and there were none.
    #[error("the random source failed")]
    Random,
    /// A claim of the app's own cannot be written.
    #[error("the claims cannot be written as JSON")]
    Claims,
}

/// The bytes of the largest signature: RSA of 8192 bits.
const MAX_SIGNATURE: usize = 1024;

impl PreparedRing {
    /// `remembered` is how many verified tokens are kept.
    pub(crate) fn new(ring: &KeyRing, remembered: usize) -> Result<Self, InvalidKey> {
        let keys = ring.keys().iter().map(PreparedKey::new).collect::<Vec<_>>();
        let signer = ring.signing().map(Signer::new).transpose()?;
        let worth_it = remembered > 0 && keys.iter().any(|key| !key.is_secret());
        let verified = worth_it.then(|| VerifiedTokens::new(remembered));
        Ok(Self { keys, signer, verified, jwks: ring.published() })
    }

    /// The key by which a token says it is signed, as we write it, and the rest of the token.
    pub(super) fn find<'a>(&self, token: &'a str, kind: TokenKind) -> Option<(&PreparedKey, &'a str)> {
        self.keys.iter().find_map(|key| Some((key, token.strip_prefix(key.start(kind)?)?)))
    }

    /// The same, however its header is written.
    pub(super) fn find_slowly<'a>(&self, token: &'a str) -> Option<(&PreparedKey, Parts<'a>)> {
        let (header, parts) = Header::read(token)?;
        Some((self.keys.iter().find(|key| key.slow.is_named_by(&header))?, parts))
    }

    /// Whether a token's header names a key that is not here, in a way that one could come with the next set of keys.
    #[cfg(feature = "jwks-client")]
    pub(super) fn lacks_key_of(&self, token: &str) -> bool {
        Header::read(token).is_some_and(|(header, _)| {
            header.could_be_published() && !self.keys.iter().any(|key| key.slow.kid == header.kid)
        })
    }

    /// What tokens of `kind` begin with, and what signs them. Not those of the session cookie.
    pub(super) fn signing(&self, kind: TokenKind) -> Option<(&str, &Signer)> {
        Some((self.keys.first()?.start(kind)?, self.signer.as_ref()?))
    }
}

impl PreparedKey {
    fn new(key: &TokenKey) -> Self {
        let (verifier, decoding) = match key.material() {
            Material::Secret(secret) => {
                let secret = secret.expose_secret();
                (Verifier::Hmac(hmac::Key::new(hmac::HMAC_SHA256, secret)), DecodingKey::from_secret(secret))
            }
            Material::Ed25519 { public, .. } => {
                (Verifier::Ed25519(UnparsedPublicKey::new(&ED25519, *public)), DecodingKey::from_ed_der(public))
            }
            Material::P256 { public, .. } => {
                let verifier = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, *public);
                (Verifier::P256(verifier), DecodingKey::from_ec_der(public))
            }
            Material::Rsa { n, e } => {
                let parameters = match key.algorithm() {
                    KeyAlgorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
                    _ => &RSA_PKCS1_2048_8192_SHA256,
                };
                let components = RsaPublicKeyComponents { n: n.clone(), e: e.clone() };
                (Verifier::Rsa(parameters, components), DecodingKey::from_rsa_raw_components(n, e))
            }
        };
        let algorithm = match key.algorithm() {
            KeyAlgorithm::Hs256 => Algorithm::HS256,
            KeyAlgorithm::EdDsa => Algorithm::EdDSA,
            KeyAlgorithm::Es256 => Algorithm::ES256,
            KeyAlgorithm::Rs256 => Algorithm::RS256,
            KeyAlgorithm::Ps256 => Algorithm::PS256,
        };
        let start = |kind: TokenKind| kind.start(key.algorithm().name(), key.kid());
        Self {
            access_start: start(TokenKind::Access),
            enrol_start: start(TokenKind::Enrol),
            verifier,
            slow: SlowKey { algorithm, kid: key.kid().map(str::to_owned), key: decoding },
        }
    }

    /// What every token of `kind` that it signed begins with: the encoded header and its dot. `None` for the session
    /// cookie, which the secret signs.
    fn start(&self, kind: TokenKind) -> Option<&str> {
        match kind {
            TokenKind::Access => Some(&self.access_start),
            TokenKind::Enrol => Some(&self.enrol_start),
            TokenKind::Session => None,
        }
    }

    /// Whether whoever verifies can sign too: then a signature costs less than remembering it.
    pub(super) const fn is_secret(&self) -> bool {
        matches!(self.verifier, Verifier::Hmac(_))
    }

    /// The encoded payload of a token that begins with the header of this key and ends with `rest`, if the signature is
    /// right.
    pub(super) fn verified<'a>(&self, token: &'a str, rest: &'a str) -> Option<&'a str> {
        match &self.verifier {
            Verifier::Hmac(key) => verified_by_hmac(key, token, rest),
            Verifier::Ed25519(key) => {
                verified_by(token, rest, &mut [0; 64], |signed, signature| key.verify(signed, signature).is_ok())
            }
            Verifier::P256(key) => {
                verified_by(token, rest, &mut [0; 64], |signed, signature| key.verify(signed, signature).is_ok())
            }
            Verifier::Rsa(parameters, key) => {
                let mut buffer = [0; MAX_SIGNATURE];
                let buffer = buffer.get_mut(..key.n.len())?;
                verified_by(token, rest, buffer, |signed, signature| key.verify(parameters, signed, signature).is_ok())
            }
        }
    }

    /// The same of a token whose header is written in another way.
    pub(super) fn verified_slowly<'a>(&self, parts: &Parts<'a>) -> Option<&'a str> {
        self.slow.verifies(parts).then_some(parts.payload)
    }
}

/// The same for whoever holds a secret.
#[inline]
pub(super) fn verified_by_hmac<'a>(key: &hmac::Key, token: &'a str, rest: &'a str) -> Option<&'a str> {
    verified_by(token, rest, &mut [0; digest::SHA256_OUTPUT_LEN], |signed, tag| hmac::verify(key, signed, tag).is_ok())
}

/// A signature has one length, that of `buffer`, so no dot has to be looked for: one anywhere else is no base64.
#[inline]
fn verified_by<'a>(
    token: &'a str,
    rest: &'a str,
    buffer: &mut [u8],
    is_right: impl FnOnce(&[u8], &[u8]) -> bool,
) -> Option<&'a str> {
    // Four characters for three bytes, without padding.
    let characters = (buffer.len() * 4).div_ceil(3);
    let (payload, signature) = rest.split_at_checked(rest.len().checked_sub(characters + 1)?)?;
    let signed = token.get(..token.len() - signature.len())?;
    let signature = decode(signature.strip_prefix('.')?, buffer)?;
    is_right(signed.as_bytes(), signature).then_some(payload)
}

impl Signer {
    fn new(key: &TokenKey) -> Result<Self, InvalidKey> {
        match key.material() {
            Material::Secret(secret) => Ok(Self::Hmac(hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret()))),
            Material::Ed25519 { public, private: Some(private) } => {
                Ok(Self::Ed25519(private.ed25519(public).map_err(|_| InvalidKey::Numbers)?))
            }
            Material::P256 { public, private: Some(private) } => {
                Ok(Self::P256(Box::new(private.p256(public).map_err(|_| InvalidKey::Numbers)?)))
            }
            Material::Ed25519 { .. } | Material::P256 { .. } | Material::Rsa { .. } => Err(InvalidKey::CannotSign),
        }
    }

    /// Signs what is there so far.
    pub(super) fn complete(&self, token: String) -> Result<String, SigningFailed> {
        Ok(match self {
            Self::Hmac(key) => completed_by_hmac(key, token),
            Self::Ed25519(pair) => {
                let signature = pair.sign(token.as_bytes());
                completed(token, signature.as_ref())
            }
            Self::P256(pair) => {
                let signature = pair.sign(&SystemRandom::new(), token.as_bytes()).map_err(|_| SigningFailed::Random)?;
                completed(token, signature.as_ref())
            }
        })
    }
}

/// Signs what is there so far, with a secret.
pub(super) fn completed_by_hmac(key: &hmac::Key, token: String) -> String {
    let tag = hmac::sign(key, token.as_bytes());
    completed(token, tag.as_ref())
}

fn completed(mut token: String, signature: &[u8]) -> String {
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    token
}
