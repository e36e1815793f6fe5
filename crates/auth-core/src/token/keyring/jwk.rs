//! JWK and JWK sets (RFC 7517, RFC 7518 6, RFC 8037 2), in and out.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::KeyPair as _;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::key::{InvalidKey, KeyAlgorithm, Material, Private, TokenKey};
use crate::secret::SecretKey;

/// The members that we look at; a member twice is an error.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default, rename = "use")]
    purpose: Option<String>,
    #[serde(default)]
    key_ops: Option<Vec<String>>,
    #[serde(default)]
    crv: Option<String>,
    #[serde(default)]
    x: Option<String>,
    #[serde(default)]
    y: Option<String>,
    #[serde(default)]
    n: Option<String>,
    #[serde(default)]
    e: Option<String>,
    #[serde(default)]
    d: Option<Zeroizing<String>>,
    #[serde(default)]
    k: Option<Zeroizing<String>>,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

pub(super) fn read(text: &str) -> Result<TokenKey, InvalidKey> {
    serde_json::from_str::<Jwk>(text).map_err(|_| InvalidKey::Unreadable)?.into_key()
}

/// Each member of a set, or what is wrong with it.
pub(super) fn read_set(text: &str) -> Result<Vec<Result<TokenKey, InvalidKey>>, InvalidKey> {
    let set: Set = serde_json::from_str(text).map_err(|_| InvalidKey::Unreadable)?;
    let read = |jwk| serde_json::from_value::<Jwk>(jwk).map_err(|_| InvalidKey::Unreadable)?.into_key();
    Ok(set.keys.into_iter().map(read).collect())
}

impl Jwk {
    fn into_key(self) -> Result<TokenKey, InvalidKey> {
        let signs = |operation: &String| operation == "sign" || operation == "verify";
        let other_use = self.purpose.as_deref().is_some_and(|purpose| purpose != "sig");
        if other_use || self.key_ops.as_ref().is_some_and(|operations| !operations.iter().any(signs)) {
            return Err(InvalidKey::Use);
        }
        let key = match self.kty.as_str() {
            "oct" => TokenKey::hs256(SecretKey::new(bytes(self.k.as_deref())?.to_vec())),
            "OKP" if self.crv.as_deref() == Some("Ed25519") => self.ed25519(),
            "EC" if self.crv.as_deref() == Some("P-256") => self.p256(),
            "RSA" if self.d.is_some() => Err(InvalidKey::PrivateRsa),
            "RSA" => TokenKey::rsa(&bytes(self.n.as_ref())?, &bytes(self.e.as_ref())?),
            _ => Err(InvalidKey::Kind),
        }?;
        let key = match self.alg.as_deref() {
            None => key,
            // The name of RFC 9864 for the same.
            Some("Ed25519") => key.with_algorithm(KeyAlgorithm::EdDsa)?,
            Some(name) => {
                const ALL: [KeyAlgorithm; 5] = [
                    KeyAlgorithm::Hs256,
                    KeyAlgorithm::EdDsa,
                    KeyAlgorithm::Es256,
                    KeyAlgorithm::Rs256,
                    KeyAlgorithm::Ps256,
                ];
                let algorithm = ALL.into_iter().find(|algorithm| algorithm.name() == name);
                key.with_algorithm(algorithm.ok_or(InvalidKey::Algorithm)?)?
            }
        };
        self.kid.map_or(Ok(key.clone()), |kid| key.with_kid(kid))
    }

    fn ed25519(&self) -> Result<TokenKey, InvalidKey> {
        let public: [u8; 32] = array(self.x.as_ref())?;
        let Some(seed) = &self.d else { return Ok(TokenKey::ed25519(public, None)) };
        let private = Private::Raw(bytes(Some(seed))?);
        private.ed25519(&public).map_err(|_| InvalidKey::Numbers)?;
        Ok(TokenKey::ed25519(public, Some(private)))
    }

    fn p256(&self) -> Result<TokenKey, InvalidKey> {
        let [x, y]: [[u8; 32]; 2] = [array(self.x.as_ref())?, array(self.y.as_ref())?];
        let mut public = [4; 65];
        for (place, byte) in public.iter_mut().skip(1).zip(x.into_iter().chain(y)) {
            *place = byte;
        }
        let Some(scalar) = &self.d else { return Ok(TokenKey::p256(public, None)) };
        let private = Private::Raw(bytes(Some(scalar))?);
        let pair = private.p256(&public).map_err(|_| InvalidKey::Numbers)?;
        if pair.public_key().as_ref() != public {
            return Err(InvalidKey::Numbers);
        }
        Ok(TokenKey::p256(public, Some(private)))
    }
}

fn bytes(member: Option<&String>) -> Result<Zeroizing<Vec<u8>>, InvalidKey> {
    let text = member.ok_or(InvalidKey::Unreadable)?;
    URL_SAFE_NO_PAD.decode(text).map(Zeroizing::new).map_err(|_| InvalidKey::Unreadable)
}

fn array<const N: usize>(member: Option<&String>) -> Result<[u8; N], InvalidKey> {
    bytes(member)?.as_slice().try_into().map_err(|_| InvalidKey::Numbers)
}

/// A public key as it is published.
#[derive(Serialize)]
struct Published {
    #[serde(flatten)]
    numbers: Numbers,
    #[serde(rename = "use")]
    purpose: &'static str,
    alg: &'static str,
    kid: Option<String>,
}

#[derive(Serialize)]
struct PublishedSet {
    keys: Vec<Published>,
}

/// The members that make a key, in the order of RFC 7638 3.2.
#[derive(Serialize)]
struct Numbers {
    #[serde(skip_serializing_if = "Option::is_none")]
    crv: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<String>,
    kty: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
}

impl Numbers {
    /// `None` for a secret.
    fn of(material: &Material) -> Option<Self> {
        let text = |bytes: &[u8]| Some(URL_SAFE_NO_PAD.encode(bytes));
        Some(match material {
            Material::Secret(_) => return None,
            Material::Ed25519 { public, .. } => {
                Self { crv: Some("Ed25519"), e: None, kty: "OKP", n: None, x: text(public), y: None }
            }
            Material::P256 { public: [_, point @ ..], .. } => {
                let (x, y) = point.split_at(32);
                Self { crv: Some("P-256"), e: None, kty: "EC", n: None, x: text(x), y: text(y) }
            }
            Material::Rsa { n, e } => Self { crv: None, e: text(e), kty: "RSA", n: text(n), x: None, y: None },
        })
    }
}

/// What RFC 7638 hashes.
pub(super) fn thumbprint_input(material: &Material) -> Option<String> {
    serde_json::to_string(&Numbers::of(material)?).ok()
}

/// A JWK set of the public halves; secrets are left out.
pub(super) fn published(keys: &[TokenKey]) -> Vec<u8> {
    let publish = |key: &'_ TokenKey| {
        let numbers = Numbers::of(key.material())?;
        let kid = key.kid().map(str::to_owned);
        Some(Published { numbers, purpose: "sig", alg: key.algorithm().name(), kid })
    };
    let set = PublishedSet { keys: keys.iter().filter_map(publish).collect() };
    // Our own types: writing them to memory cannot fail.
    serde_json::to_vec(&set).unwrap_or_default()
}
