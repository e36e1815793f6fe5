//! Names of users, roles, sessions and tokens.

use std::fmt;
use std::str::FromStr;

use crate::clock::Timestamp;
use crate::rng::{RandomError, SecureRandom};
use crate::text::short_text;

short_text! {
    /// Who a user is: opaque text of 1 to 64 bytes. Ours are UUIDv7; an app with a user table of its own may use
    /// integers or anything else that fits.
    UserId
}

short_text! {
    /// The name or id of a role: opaque text of 1 to 64 bytes.
    Role
}

impl UserId {
    /// A new id: a UUIDv7, so that rows made one after another lie beside each other in an index. [`Auth::create_user`]
    /// makes one by itself; this is for who takes over users from elsewhere.
    ///
    /// # Errors
    /// When there are no random bytes.
    ///
    /// [`Auth::create_user`]: crate::Auth::create_user
    pub fn generate(now: Timestamp, random: &dyn SecureRandom) -> Result<Self, RandomError> {
        let id = uuid_v7(now, random)?.hyphenated();
        let text = id.encode_lower(&mut uuid::Uuid::encode_buffer()).to_owned();
        Self::new(&text).map_err(|_| RandomError)
    }
}

/// A user id or role that is empty, longer than 64 bytes, or has control characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} of {bytes} bytes: it must have 1 to 64 bytes and no control characters")]
pub struct InvalidText {
    pub(crate) what: &'static str,
    pub(crate) bytes: usize,
}

/// A public id of 16 bytes, a UUIDv7, and the error for text that is none.
macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $(#[$error_doc:meta])* $error:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; 16]);

        impl $name {
            pub(crate) fn generate(now: Timestamp, random: &dyn SecureRandom) -> Result<Self, RandomError> {
                uuid_v7(now, random).map(|id| Self(id.into_bytes()))
            }

            /// The id from the 16 bytes that a store kept.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The 16 bytes that a store keeps.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                uuid::Uuid::from_bytes(self.0).hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                // Only the form that `Display` writes: one thing, one name.
                if text.len() != uuid::fmt::Hyphenated::LENGTH {
                    return Err($error);
                }
                uuid::Uuid::try_parse(text).map(|id| Self(id.into_bytes())).map_err(|_| $error)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        $(#[$error_doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
        #[error("not an id: expected a UUID with hyphens")]
        pub struct $error;
    };
}

uuid_id! {
    /// Which session: 16 bytes, a UUIDv7. Knowing one gives no access: every use needs the secrets of a refresh token.
    SessionId,
    /// Text that is not a session id.
    InvalidSessionId
}

uuid_id! {
    /// Which personal access token: 16 bytes, a UUIDv7. Knowing one gives no access: a use needs the token itself.
    TokenId,
    /// Text that is not the id of a token.
    InvalidTokenId
}

uuid_id! {
    /// Which event of the audit trail: 16 bytes, a UUIDv7. Later ones are greater.
    EventId,
    /// Text that is not the id of an event.
    InvalidEventId
}

impl EventId {
    /// The same as number `n` of its millisecond, of 4,096 (RFC 9562 6.2, method 1).
    pub(crate) fn numbered(self, n: u16) -> Self {
        const NUMBER: u128 = 0xfff << 64;
        let id = u128::from_be_bytes(self.0) & !NUMBER;
        Self((id | u128::from(n & 0xfff) << 64).to_be_bytes())
    }

    /// The lowest id that an event of this moment can have: for ranges of an index.
    #[must_use]
    pub fn lowest(at: Timestamp) -> Self {
        let millis = u64::try_from(at.as_millis()).unwrap_or_default().min((1 << 48) - 1);
        Self((u128::from(millis) << 80).to_be_bytes())
    }
}

fn uuid_v7(now: Timestamp, random: &dyn SecureRandom) -> Result<uuid::Uuid, RandomError> {
    let mut bytes = [0; 10];
    random.fill(&mut bytes)?;
    let millis = u64::try_from(now.as_millis()).unwrap_or_default();
    Ok(uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid())
}
