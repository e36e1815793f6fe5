//! Newtypes for what must not leak: redacted `Debug`, wiped on drop, no `Display`, no `PartialEq`, no `Serialize`.
//! `expose_secret()` is the one way to the text, and a word to grep for.

use ring::{hkdf, hmac};
use secrecy::{ExposeSecret as _, SecretSlice};
use zeroize::Zeroizing;

macro_rules! secret_text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(secrecy::SecretString);

        impl $name {
            /// Takes the text as it is.
            #[must_use]
            pub fn new(text: impl Into<String>) -> Self {
                Self(secrecy::SecretString::from(text.into()))
            }

            /// The text. Keep it out of logs, errors and anything that outlives the request.
            #[must_use]
            pub fn expose_secret(&self) -> &str {
                secrecy::ExposeSecret::expose_secret(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "([redacted])"))
            }
        }
    };
}
pub(crate) use secret_text;

secret_text! {
    /// A password exactly as it was received: not trimmed, not normalised, NUL kept.
    Password
}
secret_text! {
    /// A one-time password as it was received: the digits that an authenticator app shows, or a recovery code.
    OneTimePassword
}
secret_text! {
    /// A signed JWT that opens guarded routes until it expires.
    AccessToken
}
secret_text! {
    /// An access token that says nothing by itself, and has to be looked up.
    OpaqueToken
}
secret_text! {
    /// The opaque token that is exchanged for a new pair.
    RefreshToken
}
secret_text! {
    /// The JWT inside the session cookie; it carries the session's refresh token.
    SessionToken
}

secret_text! {
    /// What a known device is recognised by at its next login. It opens nothing: it gives the device a counter of failed
    /// logins of its own.
    DeviceToken
}

/// The secret that signs: at least 32 bytes, see [`AuthConfig::secret`](crate::AuthConfig).
#[derive(Clone)]
pub struct SecretKey(SecretSlice<u8>);

impl SecretKey {
    /// Takes the bytes as they are; [`AuthBuilder::build`](crate::AuthBuilder::build) checks them.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(SecretSlice::from(bytes.into()))
    }

    /// The bytes.
    #[must_use]
    pub fn expose_secret(&self) -> &[u8] {
        self.0.expose_secret()
    }

    /// 32 bytes for one purpose (HKDF-SHA256): whoever learns them learns neither this secret nor those of another
    /// purpose. `None` only if `ring` refuses.
    pub(crate) fn derive(&self, purpose: &str) -> Option<Zeroizing<[u8; 32]>> {
        let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, b"auth-core").extract(self.expose_secret());
        let mut bytes = Zeroizing::new([0; 32]);
        extracted.expand(&[purpose.as_bytes()], hkdf::HKDF_SHA256).ok()?.fill(&mut *bytes).ok()?;
        Some(bytes)
    }

    /// The same as a key for HMAC-SHA256.
    pub(crate) fn derive_hmac(&self, purpose: &str) -> Option<hmac::Key> {
        Some(hmac::Key::new(hmac::HMAC_SHA256, &*self.derive(purpose)?))
    }
}

impl From<&str> for SecretKey {
    fn from(text: &str) -> Self {
        Self::new(text.as_bytes())
    }
}

impl From<String> for SecretKey {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_bytes_depend_on_the_secret_and_the_purpose() {
        let derive = |secret: &str, purpose: &str| SecretKey::from(secret).derive(purpose).expect("derives");
        let base = derive("k1", "one purpose");
        assert_eq!(base, derive("k1", "one purpose"));
        assert_ne!(base, derive("k2", "one purpose"));
        assert_ne!(base, derive("k1", "another purpose"));
        assert_ne!(base, Zeroizing::new([0; 32]));
    }

    /// Rows and cookies outlive a program: the keys they were made with must not change.
    #[test]
    fn a_derived_hmac_key_is_the_one_that_ring_expands() {
        let secret = SecretKey::from("k1");
        let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, b"auth-core").extract(secret.expose_secret());
        let expanded = hmac::Key::from(extracted.expand(&[b"a purpose"], hmac::HMAC_SHA256).expect("expands"));
        let derived = secret.derive_hmac("a purpose").expect("derives");
        assert_eq!(hmac::sign(&derived, b"text").as_ref(), hmac::sign(&expanded, b"text").as_ref());
    }
}
