//! Newtypes for what must not leak: redacted `Debug`, wiped on drop, no `Display`, no `PartialEq`, no `Serialize`.
//! `expose_secret()` is the one way to the text, and a word to grep for.

use secrecy::{ExposeSecret as _, SecretSlice};

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
    /// A signed JWT that opens guarded routes until it expires.
    AccessToken
}
secret_text! {
    /// The opaque token that is exchanged for a new pair.
    RefreshToken
}
secret_text! {
    /// The JWT inside the session cookie; it carries the session's refresh token.
    SessionToken
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
