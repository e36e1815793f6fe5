//! PEM and DER: PKCS#8 for private keys, `SubjectPublicKeyInfo` (RFC 5280 4.1.2.7) for public ones.

use pem::Pem;
use spki::der::asn1::{AnyRef, BitStringRef, UintRef};
use spki::der::{Decode as _, Encode as _, Reader as _, SliceReader};
use spki::{AlgorithmIdentifierRef, ObjectIdentifier, SubjectPublicKeyInfoRef};
use zeroize::Zeroizing;

use super::key::{InvalidKey, Material, Private, TokenKey};

/// RFC 8410.
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
/// RFC 5480.
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
/// RFC 8017.
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// Every block of a text in PEM.
pub(super) fn read_all(text: &str) -> Result<Vec<TokenKey>, InvalidKey> {
    let blocks = pem::parse_many(text).map_err(|_| InvalidKey::Unreadable)?;
    // It passes over a block without an end, as a file that was half written has it.
    if blocks.len() != text.matches("-----BEGIN ").count() {
        return Err(InvalidKey::Unreadable);
    }
    blocks.into_iter().map(read_block).collect()
}

fn read_block(block: Pem) -> Result<TokenKey, InvalidKey> {
    let tag = block.tag().to_owned();
    let der = Zeroizing::new(block.into_contents());
    match tag.as_str() {
        "PRIVATE KEY" => read_private(&der),
        "PUBLIC KEY" => read_public(&der),
        "RSA PRIVATE KEY" => Err(InvalidKey::PrivateRsa),
        _ => Err(InvalidKey::Unreadable),
    }
}

pub(super) fn read_private(der: &[u8]) -> Result<TokenKey, InvalidKey> {
    Private::read_pkcs8(der).ok_or_else(|| match algorithm_of_private(der) {
        Some(RSA) => InvalidKey::PrivateRsa,
        Some(ED25519 | EC) => InvalidKey::Numbers,
        Some(_) => InvalidKey::Kind,
        None => InvalidKey::Unreadable,
    })
}

/// The algorithm that PKCS#8 says, to tell what is wrong with it.
fn algorithm_of_private(der: &[u8]) -> Option<ObjectIdentifier> {
    let outer = AnyRef::from_der(der).ok()?;
    let mut fields = SliceReader::new(outer.value()).ok()?;
    UintRef::decode(&mut fields).ok()?;
    Some(AlgorithmIdentifierRef::decode(&mut fields).ok()?.oid)
}

pub(super) fn read_public(der: &[u8]) -> Result<TokenKey, InvalidKey> {
    let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| InvalidKey::Unreadable)?;
    let bytes = info.subject_public_key.as_bytes().ok_or(InvalidKey::Unreadable)?;
    match info.algorithm.oid {
        ED25519 => Ok(TokenKey::ed25519(bytes.try_into().map_err(|_| InvalidKey::Numbers)?, None)),
        EC if info.algorithm.parameters_oid() == Ok(P256) => {
            let point: [u8; 65] = bytes.try_into().map_err(|_| InvalidKey::Numbers)?;
            if point.first() == Some(&4) { Ok(TokenKey::p256(point, None)) } else { Err(InvalidKey::Numbers) }
        }
        RSA => {
            let (n, e) = rsa_numbers(bytes).ok_or(InvalidKey::Unreadable)?;
            TokenKey::rsa(n, e)
        }
        _ => Err(InvalidKey::Kind),
    }
}

/// `RSAPublicKey` of RFC 8017 A.1.1.
fn rsa_numbers(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let outer = AnyRef::from_der(der).ok()?;
    let mut fields = SliceReader::new(outer.value()).ok()?;
    let n = UintRef::decode(&mut fields).ok()?;
    let e = UintRef::decode(&mut fields).ok()?;
    fields.is_finished().then_some((n.as_bytes(), e.as_bytes()))
}

/// `None` for a secret, which has no public half.
pub(super) fn write_public(material: &Material) -> Option<Vec<u8>> {
    let rsa;
    let (algorithm, key) = match material {
        Material::Secret(_) => return None,
        Material::Ed25519 { public, .. } => {
            (AlgorithmIdentifierRef { oid: ED25519, parameters: None }, public.as_slice())
        }
        Material::P256 { public, .. } => {
            (AlgorithmIdentifierRef { oid: EC, parameters: Some((&P256).into()) }, public.as_slice())
        }
        Material::Rsa { n, e } => {
            let numbers = [UintRef::new(n).ok()?.to_der().ok()?, UintRef::new(e).ok()?.to_der().ok()?].concat();
            rsa = AnyRef::new(spki::der::Tag::Sequence, &numbers).ok()?.to_der().ok()?;
            (AlgorithmIdentifierRef { oid: RSA, parameters: Some(AnyRef::NULL) }, rsa.as_slice())
        }
    };
    let info = SubjectPublicKeyInfoRef { algorithm, subject_public_key: BitStringRef::from_bytes(key).ok()? };
    info.to_der().ok()
}

pub(super) fn pem(tag: &str, der: &[u8]) -> String {
    pem::encode_config(&Pem::new(tag, der), pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF))
}
