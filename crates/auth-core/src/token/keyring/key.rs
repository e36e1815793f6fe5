//! One key: for one algorithm, whatever a token says (requirement J1).

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use ring::{digest, error::KeyRejected};
use zeroize::Zeroizing;

use super::{encoding, jwk};
use crate::secret::{SecretKey, secret_text};

/// What a key signs or verifies with (RFC 7518 3.1, RFC 8037 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyAlgorithm {
    /// HMAC with SHA-256: whoever verifies can sign too.
    Hs256,
    /// Ed25519.
    EdDsa,
    /// ECDSA on P-256.
    Es256,
    /// RSA with PKCS#1 v1.5, to verify alone (requirement J13).
    Rs256,
    /// RSA with PSS, to verify alone.
    Ps256,
}

impl KeyAlgorithm {
    /// As a token's header writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
        }
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

secret_text! {
    /// A private key in PEM (PKCS#8).
    KeyPem
}

/// A key of access tokens. Cheap to clone.
#[derive(Clone)]
pub struct TokenKey {
    kid: Option<String>,
    algorithm: KeyAlgorithm,
    material: Arc<Material>,
}

/// The numbers of a key.
pub(in crate::token) enum Material {
    Secret(SecretKey),
    Ed25519 {
        public: [u8; 32],
        private: Option<Private>,
    },
    /// The point uncompressed: 4, x, y.
    P256 {
        public: [u8; 65],
        private: Option<Private>,
    },
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
}

/// The private half, as it came.
#[derive(Clone)]
pub(in crate::token) enum Private {
    Pkcs8(Zeroizing<Vec<u8>>),
    /// The seed of Ed25519, or the scalar of P-256.
    Raw(Zeroizing<Vec<u8>>),
}

/// The smallest and largest modulus of RSA, in bits, that `ring` verifies with.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The longest name of a key, in bytes (requirement J4).
pub(in crate::token) const MAX_KID_BYTES: usize = 64;

impl TokenKey {
    /// A secret of at least 32 bytes that signs and verifies (HS256), without a name. It is never published.
    ///
    /// # Errors
    /// [`InvalidKey::ShortSecret`].
    pub fn hs256(secret: impl Into<SecretKey>) -> Result<Self, InvalidKey> {
        let secret = secret.into();
        if secret.expose_secret().len() < 32 {
            return Err(InvalidKey::ShortSecret);
        }
        Ok(Self { kid: None, algorithm: KeyAlgorithm::Hs256, material: Arc::new(Material::Secret(secret)) })
    }

    /// Reads one PEM block: `PRIVATE KEY` (PKCS#8: Ed25519, P-256) or `PUBLIC KEY` (those, and RSA of 2048 to 8192 bits,
    /// for RS256 unless [told](Self::with_algorithm) otherwise). Its name is its thumbprint (RFC 7638).
    ///
    /// # Errors
    /// [`InvalidKey`] says what is wrong, and nothing of the key.
    pub fn from_pem(text: &str) -> Result<Self, InvalidKey> {
        match <[Self; 1]>::try_from(encoding::read_all(text)?) {
            Ok([key]) => Ok(key),
            Err(keys) if keys.is_empty() => Err(InvalidKey::Empty),
            Err(_) => Err(InvalidKey::Several),
        }
    }

    /// Reads DER: PKCS#8, or `SubjectPublicKeyInfo`, as in PEM.
    ///
    /// # Errors
    /// [`InvalidKey`] says what is wrong, and nothing of the key.
    pub fn from_der(der: &[u8]) -> Result<Self, InvalidKey> {
        encoding::read_public(der).or_else(|error| match encoding::read_private(der) {
            Err(InvalidKey::Unreadable) => Err(error),
            key => key,
        })
    }

    /// Reads a JWK (RFC 7517), public or private. Its name is its `kid`, or else its thumbprint (RFC 7638).
    ///
    /// # Errors
    /// [`InvalidKey`] says what is wrong, and nothing of the key.
    pub fn from_jwk(text: &str) -> Result<Self, InvalidKey> {
        jwk::read(text)
    }

    /// Every key of a JWK set, or of PEM blocks: at least one.
    pub(crate) fn read_all(text: &str) -> Result<Vec<Self>, InvalidKey> {
        let keys: Vec<_> = if text.trim_start().starts_with('{') {
            jwk::read_set(text)?.into_iter().collect::<Result<_, _>>()?
        } else {
            encoding::read_all(text)?
        };
        if keys.is_empty() { Err(InvalidKey::Empty) } else { Ok(keys) }
    }

    /// Makes a private key, for a file that [`from_pem`](Self::from_pem) reads.
    ///
    /// # Errors
    /// [`InvalidKey::CannotSign`] for an algorithm that is not EdDSA or ES256; [`InvalidKey::NoRandom`] when the operating
    /// system has no random bytes.
    pub fn generate_pem(algorithm: KeyAlgorithm) -> Result<KeyPem, InvalidKey> {
        let random = SystemRandom::new();
        let document = match algorithm {
            KeyAlgorithm::EdDsa => Ed25519KeyPair::generate_pkcs8(&random),
            KeyAlgorithm::Es256 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random),
            KeyAlgorithm::Hs256 | KeyAlgorithm::Rs256 | KeyAlgorithm::Ps256 => return Err(InvalidKey::CannotSign),
        };
        let document = document.map_err(|_| InvalidKey::NoRandom)?;
        Ok(KeyPem::new(encoding::pem("PRIVATE KEY", document.as_ref())))
    }

    /// Under another name: 1 to 64 printable characters of ASCII without spaces, quotes and backslashes. A token must say
    /// just this, and a token that says nothing means the key without a name.
    ///
    /// # Errors
    /// [`InvalidKey::Id`] for anything else.
    pub fn with_kid(mut self, kid: impl Into<String>) -> Result<Self, InvalidKey> {
        let kid = kid.into();
        let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        if kid.is_empty() || kid.len() > MAX_KID_BYTES || !kid.bytes().all(is_plain) {
            return Err(InvalidKey::Id);
        }
        self.kid = Some(kid);
        Ok(self)
    }

    /// For another algorithm: of use for RSA, where RS256 and PS256 take the same keys, and one key is for one of them.
    ///
    /// # Errors
    /// [`InvalidKey::Algorithm`] when it is none for this kind of key.
    pub fn with_algorithm(mut self, algorithm: KeyAlgorithm) -> Result<Self, InvalidKey> {
        let fits = match &*self.material {
            Material::Secret(_) => algorithm == KeyAlgorithm::Hs256,
            Material::Ed25519 { .. } => algorithm == KeyAlgorithm::EdDsa,
            Material::P256 { .. } => algorithm == KeyAlgorithm::Es256,
            Material::Rsa { .. } => matches!(algorithm, KeyAlgorithm::Rs256 | KeyAlgorithm::Ps256),
        };
        if !fits {
            return Err(InvalidKey::Algorithm);
        }
        self.algorithm = algorithm;
        Ok(self)
    }

    /// Its name, which tokens carry as `kid`.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// What it signs or verifies with.
    #[must_use]
    pub const fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// Whether it has a private half.
    #[must_use]
    pub fn can_sign(&self) -> bool {
        match &*self.material {
            Material::Secret(_) => true,
            Material::Ed25519 { private, .. } | Material::P256 { private, .. } => private.is_some(),
            Material::Rsa { .. } => false,
        }
    }

    /// The public half in PEM (`SubjectPublicKeyInfo`); of a secret there is none.
    #[must_use]
    pub fn public_pem(&self) -> Option<String> {
        Some(encoding::pem("PUBLIC KEY", &encoding::write_public(&self.material)?))
    }

    pub(crate) fn secret(&self) -> Option<&SecretKey> {
        match &*self.material {
            Material::Secret(secret) => Some(secret),
            _ => None,
        }
    }

    pub(in crate::token) fn material(&self) -> &Material {
        &self.material
    }

    pub(super) fn ed25519(public: [u8; 32], private: Option<Private>) -> Self {
        Self::named_by_thumbprint(KeyAlgorithm::EdDsa, Material::Ed25519 { public, private })
    }

    pub(super) fn p256(public: [u8; 65], private: Option<Private>) -> Self {
        Self::named_by_thumbprint(KeyAlgorithm::Es256, Material::P256 { public, private })
    }

    /// Numbers big-endian, with or without zeros before them.
    pub(super) fn rsa(n: &[u8], e: &[u8]) -> Result<Self, InvalidKey> {
        let trimmed = |number: &[u8]| number.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<_>>();
        let (n, e) = (trimmed(n), trimmed(e));
        let bits = n.len() * 8 - n.first().map_or(0, |first| first.leading_zeros() as usize);
        // What `ring` takes: an odd exponent of 2 to 33 bits. 1 would sign anything.
        let is_exponent = (1..=5).contains(&e.len()) && e != [1] && e.last().is_some_and(|last| last % 2 == 1);
        if !RSA_BITS.contains(&bits) || !is_exponent {
            return Err(InvalidKey::Rsa);
        }
        Ok(Self::named_by_thumbprint(KeyAlgorithm::Rs256, Material::Rsa { n, e }))
    }

    fn named_by_thumbprint(algorithm: KeyAlgorithm, material: Material) -> Self {
        let kid = jwk::thumbprint_input(&material)
            .map(|json| URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, json.as_bytes())));
        Self { kid, algorithm, material: Arc::new(material) }
    }

    /// Without the private half.
    pub(super) fn into_verifying(mut self) -> Self {
        let public = match &*self.material {
            Material::Ed25519 { public, private: Some(_) } => Material::Ed25519 { public: *public, private: None },
            Material::P256 { public, private: Some(_) } => Material::P256 { public: *public, private: None },
            _ => return self,
        };
        self.material = Arc::new(public);
        self
    }
}

impl Private {
    pub(in crate::token) fn ed25519(&self, public: &[u8; 32]) -> Result<Ed25519KeyPair, KeyRejected> {
        match self {
            // OpenSSL writes the seed alone, which is enough: the public half is made of it.
            Self::Pkcs8(der) => Ed25519KeyPair::from_pkcs8_maybe_unchecked(der),
            Self::Raw(seed) => Ed25519KeyPair::from_seed_and_public_key(seed, public),
        }
    }

    pub(in crate::token) fn p256(&self, public: &[u8; 65]) -> Result<EcdsaKeyPair, KeyRejected> {
        let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        match self {
            Self::Pkcs8(der) => EcdsaKeyPair::from_pkcs8(algorithm, der, &random),
            Self::Raw(scalar) => EcdsaKeyPair::from_private_key_and_public_key(algorithm, scalar, public, &random),
        }
    }

    /// A key pair of PKCS#8, of whichever kind it is.
    pub(super) fn read_pkcs8(der: &[u8]) -> Option<TokenKey> {
        let private = Self::Pkcs8(Zeroizing::new(der.to_vec()));
        if let Ok(pair) = private.ed25519(&[0; 32]) {
            return Some(TokenKey::ed25519(pair.public_key().as_ref().try_into().ok()?, Some(private)));
        }
        let pair = private.p256(&[0; 65]).ok()?;
        Some(TokenKey::p256(pair.public_key().as_ref().try_into().ok()?, Some(private)))
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenKey")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .field("can_sign", &self.can_sign())
            .finish_non_exhaustive()
    }
}

/// Why something is no key for access tokens. Nothing of the key is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidKey {
    /// There is no key at all.
    #[error("there is no key in it")]
    Empty,
    /// One was asked for.
    #[error("there is more than one key in it")]
    Several,
    /// Damaged, or in another format.
    #[error(
        "it cannot be read: give PEM (PRIVATE KEY or PUBLIC KEY), DER or JWK; `openssl pkcs8 -topk8 -nocrypt` converts others"
    )]
    Unreadable,
    /// A curve or kind that is not supported.
    #[error("it is of another kind than Ed25519, P-256 or RSA")]
    Kind,
    /// An algorithm that does not go with the key.
    #[error("its algorithm is not one for this kind of key: EdDSA, ES256, RS256, PS256 and HS256 are there")]
    Algorithm,
    /// A JWK for encryption, or for other operations.
    #[error("it is not meant for signatures")]
    Use,
    /// RSA verifies only, and signs nowhere here.
    #[error("it is a private RSA key, and RSA only verifies here: give its public half, or sign with Ed25519 or P-256")]
    PrivateRsa,
    /// Too short, too long, or an exponent nobody should use.
    #[error("an RSA key must have 2048 to 8192 bits and an odd exponent from 3")]
    Rsa,
    /// The numbers contradict each other, or are no point of the curve.
    #[error("its numbers do not fit together")]
    Numbers,
    /// HS256 with less than the bits it has.
    #[error("a secret must have at least 32 bytes: make one with `openssl rand -base64 48`")]
    ShortSecret,
    /// A name that does not go into a header.
    #[error("its name (kid) must have 1 to 64 printable characters without spaces, quotes and backslashes")]
    Id,
    /// Two keys of one name.
    #[error("two keys have the same name (kid)")]
    DuplicateId,
    /// A public key where a private one is needed.
    #[error("it cannot sign: give a private key of Ed25519 or P-256 first")]
    CannotSign,
    /// More than a ring holds.
    #[error("there are more than 64 keys")]
    TooMany,
    /// The operating system has no random bytes.
    #[error("the random source failed")]
    NoRandom,
}
