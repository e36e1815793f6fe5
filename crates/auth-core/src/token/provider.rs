//! `ring` as the crypto provider of `jsonwebtoken`.
//!
//! `jsonwebtoken` chooses its backend by a process-wide default, and panics at first use when two Cargo features meet
//! or none is on. [`install`] sets a default that works before that can happen; when the app has set its own, that one
//! stays, and we use ours directly.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind, Result};
use jsonwebtoken::jwk::{EllipticCurve, ThumbprintHash};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, EncodingKey};
use ring::rand::SystemRandom;
use ring::signature::{
    self as ring_signature, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaEncoding, RsaKeyPair,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use ring::{digest, hmac};
use signature::{Signer, Verifier};

/// The provider. It signs RSA too, since it is the app's when the app chose none; we never do (requirement J13).
pub(super) static RING: CryptoProvider = CryptoProvider {
    signer_factory: new_signer,
    verifier_factory: new_verifier,
    key_utils: KeyUtils {
        rsa_pub_components_from_private_key: rsa_components_of_private,
        rsa_pub_components_from_public_key: |_| Err(unsupported()),
        ec_pub_components_from_private_key: ec_components_of_private,
        ed_pub_components_from_private_key: ed_component_of_private,
        compute_digest,
    },
};

/// Makes [`RING`] the default of the process, unless there is one already.
pub(super) fn install() {
    // `Err` says that somebody was first: then theirs is the default, and ours is still used by name.
    let _ = RING.install_default();
}

fn unsupported() -> Error {
    ErrorKind::UnsupportedAlgorithm.into()
}

fn wrong_key() -> Error {
    ErrorKind::InvalidKeyFormat.into()
}

enum RingSigner {
    Hmac(Algorithm, hmac::Key),
    Ed(Box<Ed25519KeyPair>),
    Ec(Algorithm, Box<EcdsaKeyPair>),
    Rsa(Algorithm, &'static dyn RsaEncoding, Box<RsaKeyPair>),
}

fn new_signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    if key.family() != algorithm.family() {
        return Err(wrong_key());
    }
    let bytes = key.as_bytes();
    Ok(Box::new(match algorithm {
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => {
            RingSigner::Hmac(*algorithm, hmac::Key::new(hmac_algorithm(*algorithm)?, bytes))
        }
        Algorithm::EdDSA => RingSigner::Ed(Box::new(ed_key_pair(bytes)?)),
        Algorithm::ES256 | Algorithm::ES384 => RingSigner::Ec(*algorithm, Box::new(ec_key_pair(bytes, *algorithm)?)),
        _ => RingSigner::Rsa(*algorithm, rsa_encoding(*algorithm)?, Box::new(rsa_key_pair(bytes)?)),
    }))
}

impl Signer<Vec<u8>> for RingSigner {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, signature::Error> {
        Ok(match self {
            Self::Hmac(_, key) => hmac::sign(key, message).as_ref().to_vec(),
            Self::Ed(pair) => pair.sign(message).as_ref().to_vec(),
            Self::Ec(_, pair) => {
                pair.sign(&SystemRandom::new(), message).map_err(|_| signature::Error::new())?.as_ref().to_vec()
            }
            Self::Rsa(_, encoding, pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(*encoding, &SystemRandom::new(), message, &mut signature)
                    .map_err(|_| signature::Error::new())?;
                signature
            }
        })
    }
}

impl JwtSigner for RingSigner {
    fn algorithm(&self) -> Algorithm {
        match self {
            Self::Hmac(algorithm, _) | Self::Ec(algorithm, _) | Self::Rsa(algorithm, ..) => *algorithm,
            Self::Ed(_) => Algorithm::EdDSA,
        }
    }
}

struct RingVerifier {
    algorithm: Algorithm,
    key: VerifyingKey,
}

enum VerifyingKey {
    Hmac(hmac::Key),
    Raw(UnparsedPublicKey<Vec<u8>>),
    Rsa(&'static ring_signature::RsaParameters, RsaPublicKeyComponents<Vec<u8>>),
}

fn new_verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    if key.family() != algorithm.family() {
        return Err(wrong_key());
    }
    let verifying_key = match (algorithm.family(), key.kind()) {
        (AlgorithmFamily::Hmac, DecodingKeyKind::SecretOrDer(secret)) => {
            VerifyingKey::Hmac(hmac::Key::new(hmac_algorithm(*algorithm)?, secret))
        }
        (AlgorithmFamily::Ec, DecodingKeyKind::SecretOrDer(point)) => {
            let parameters = match algorithm {
                Algorithm::ES256 => &ring_signature::ECDSA_P256_SHA256_FIXED,
                _ => &ring_signature::ECDSA_P384_SHA384_FIXED,
            };
            VerifyingKey::Raw(UnparsedPublicKey::new(parameters, point.clone()))
        }
        (AlgorithmFamily::Ed, DecodingKeyKind::SecretOrDer(point)) => {
            VerifyingKey::Raw(UnparsedPublicKey::new(&ring_signature::ED25519, point.clone()))
        }
        (AlgorithmFamily::Rsa, DecodingKeyKind::SecretOrDer(der)) => {
            VerifyingKey::Raw(UnparsedPublicKey::new(rsa_parameters(*algorithm)?, der.clone()))
        }
        (AlgorithmFamily::Rsa, DecodingKeyKind::RsaModulusExponent { n, e }) => {
            VerifyingKey::Rsa(rsa_parameters(*algorithm)?, RsaPublicKeyComponents { n: n.clone(), e: e.clone() })
        }
        _ => return Err(wrong_key()),
    };
    Ok(Box::new(RingVerifier { algorithm: *algorithm, key: verifying_key }))
}

impl Verifier<Vec<u8>> for RingVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), signature::Error> {
        match &self.key {
            VerifyingKey::Hmac(key) => hmac::verify(key, message, signature),
            VerifyingKey::Raw(key) => key.verify(message, signature),
            VerifyingKey::Rsa(parameters, key) => key.verify(parameters, message, signature),
        }
        .map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for RingVerifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

fn hmac_algorithm(algorithm: Algorithm) -> Result<hmac::Algorithm> {
    match algorithm {
        Algorithm::HS256 => Ok(hmac::HMAC_SHA256),
        Algorithm::HS384 => Ok(hmac::HMAC_SHA384),
        Algorithm::HS512 => Ok(hmac::HMAC_SHA512),
        _ => Err(unsupported()),
    }
}

fn rsa_parameters(algorithm: Algorithm) -> Result<&'static ring_signature::RsaParameters> {
    match algorithm {
        Algorithm::RS256 => Ok(&ring_signature::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::RS384 => Ok(&ring_signature::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::RS512 => Ok(&ring_signature::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::PS256 => Ok(&ring_signature::RSA_PSS_2048_8192_SHA256),
        Algorithm::PS384 => Ok(&ring_signature::RSA_PSS_2048_8192_SHA384),
        Algorithm::PS512 => Ok(&ring_signature::RSA_PSS_2048_8192_SHA512),
        _ => Err(unsupported()),
    }
}

fn rsa_encoding(algorithm: Algorithm) -> Result<&'static dyn RsaEncoding> {
    match algorithm {
        Algorithm::RS256 => Ok(&ring_signature::RSA_PKCS1_SHA256),
        Algorithm::RS384 => Ok(&ring_signature::RSA_PKCS1_SHA384),
        Algorithm::RS512 => Ok(&ring_signature::RSA_PKCS1_SHA512),
        Algorithm::PS256 => Ok(&ring_signature::RSA_PSS_SHA256),
        Algorithm::PS384 => Ok(&ring_signature::RSA_PSS_SHA384),
        Algorithm::PS512 => Ok(&ring_signature::RSA_PSS_SHA512),
        _ => Err(unsupported()),
    }
}

fn rsa_key_pair(der: &[u8]) -> Result<RsaKeyPair> {
    RsaKeyPair::from_der(der).map_err(|error| ErrorKind::InvalidRsaKey(error.to_string()).into())
}

fn ed_key_pair(pkcs8: &[u8]) -> Result<Ed25519KeyPair> {
    Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(|_| ErrorKind::InvalidEddsaKey.into())
}

fn ec_key_pair(pkcs8: &[u8], algorithm: Algorithm) -> Result<EcdsaKeyPair> {
    let parameters = match algorithm {
        Algorithm::ES256 => &ring_signature::ECDSA_P256_SHA256_FIXED_SIGNING,
        Algorithm::ES384 => &ring_signature::ECDSA_P384_SHA384_FIXED_SIGNING,
        _ => return Err(unsupported()),
    };
    EcdsaKeyPair::from_pkcs8(parameters, pkcs8, &SystemRandom::new()).map_err(|_| ErrorKind::InvalidEcdsaKey.into())
}

fn rsa_components_of_private(der: &[u8]) -> Result<(Vec<u8>, Vec<u8>)> {
    let components = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(rsa_key_pair(der)?.public());
    Ok((components.n, components.e))
}

fn ec_components_of_private(pkcs8: &[u8], algorithm: Algorithm) -> Result<(EllipticCurve, Vec<u8>, Vec<u8>)> {
    let pair = ec_key_pair(pkcs8, algorithm)?;
    let curve = if algorithm == Algorithm::ES256 { EllipticCurve::P256 } else { EllipticCurve::P384 };
    // An uncompressed point: 0x04, x, y.
    let coordinates = pair.public_key().as_ref().get(1..).ok_or(ErrorKind::InvalidEcdsaKey)?;
    let (x, y) = coordinates.split_at(coordinates.len() / 2);
    Ok((curve, x.to_vec(), y.to_vec()))
}

fn ed_component_of_private(pkcs8: &[u8], curve: &EllipticCurve) -> Result<Vec<u8>> {
    if *curve != EllipticCurve::Ed25519 {
        return Err(unsupported());
    }
    Ok(ed_key_pair(pkcs8)?.public_key().as_ref().to_vec())
}

#[expect(clippy::needless_pass_by_value, reason = "the signature is that of `KeyUtils::compute_digest`")]
fn compute_digest(data: &[u8], hash: ThumbprintHash) -> Result<Vec<u8>> {
    let algorithm = match hash {
        ThumbprintHash::SHA256 => &digest::SHA256,
        ThumbprintHash::SHA384 => &digest::SHA384,
        ThumbprintHash::SHA512 => &digest::SHA512,
        _ => return Err(unsupported()),
    };
    Ok(digest::digest(algorithm, data).as_ref().to_vec())
}
