//! Short text kept inside its owner, so that an [`Identity`](crate::Identity) needs no heap.

use std::fmt;

/// UTF-8 text of at most `N` bytes, stored inline.
#[derive(Clone, Copy)]
pub(crate) struct InlineText<const N: usize> {
    len: u8,
    bytes: [u8; N],
}

impl<const N: usize> InlineText<N> {
    /// `None` when `text` is empty, longer than `N` bytes, or has control characters: not every database keeps NUL.
    pub(crate) fn new(text: &str) -> Option<Self> {
        // Most text is printable ASCII, which needs no decoding and, without an early exit, no branches either.
        let is_plain = text.bytes().fold(true, |all, byte| all & matches!(byte, b' '..=b'~'));
        if !is_plain && text.chars().any(char::is_control) {
            return None;
        }
        let len = u8::try_from(text.len()).ok().filter(|len| *len > 0)?;
        let mut bytes = [0; N];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Self { len, bytes })
    }

    pub(crate) fn as_str(&self) -> &str {
        self.bytes.get(..usize::from(self.len)).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl<const N: usize> fmt::Debug for InlineText<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// A public newtype over [`InlineText`]: opaque text of 1 to 64 bytes without control characters.
macro_rules! short_text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $name(crate::text::InlineText<64>);

        impl $name {
            /// The longest text accepted, in bytes.
            pub const MAX_BYTES: usize = 64;

            /// # Errors
            /// [`InvalidText`](crate::id::InvalidText) unless `text` has 1 to 64 bytes and no control characters.
            pub fn new(text: &str) -> Result<Self, crate::id::InvalidText> {
                crate::text::InlineText::new(text)
                    .map(Self)
                    .ok_or(crate::id::InvalidText { what: stringify!($name), bytes: text.len() })
            }

            /// The text as given.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.as_str() == other.as_str()
            }
        }
        impl Eq for $name {}
        impl std::hash::Hash for $name {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                self.as_str().hash(state);
            }
        }
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), self.as_str())
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl std::str::FromStr for $name {
            type Err = crate::id::InvalidText;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::new(text)
            }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}
pub(crate) use short_text;
