//! What a token is limited to.

use std::fmt;
use std::sync::Arc;

/// The scopes of a token (RFC 6749 3.3): names that an app gives to parts of what it does, `notes:read`. Cheap to clone.
///
/// ```
/// # use auth_core::TokenScopes;
/// let scopes = TokenScopes::new(["notes:read", "notes:write"])?;
/// assert!(scopes.contains("notes:read") && !scopes.contains("notes"));
/// assert_eq!(scopes.to_string(), "notes:read notes:write");
/// # Ok::<(), auth_core::InvalidScopes>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenScopes(Arc<str>);

impl TokenScopes {
    /// The longest list, in bytes, with a space between two scopes.
    pub const MAX_BYTES: usize = 1000;

    /// These scopes, each once.
    ///
    /// # Errors
    /// [`InvalidScopes`] without any, beyond [`MAX_BYTES`](Self::MAX_BYTES), and for what is no scope: it has one or more
    /// printable ASCII characters other than the space, `"` and `\`.
    pub fn new(scopes: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self, InvalidScopes> {
        let mut text = String::new();
        for scope in scopes {
            let scope = scope.as_ref();
            if scope.is_empty() || !scope.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\') {
                return Err(InvalidScopes);
            }
            if text.split(' ').any(|other| other == scope) {
                continue;
            }
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(scope);
            if text.len() > Self::MAX_BYTES {
                return Err(InvalidScopes);
            }
        }
        if text.is_empty() { Err(InvalidScopes) } else { Ok(Self(text.into())) }
    }

    /// The scopes of a text in which a space stands between two, as [`Display`](fmt::Display) writes it.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn parse(text: &str) -> Result<Self, InvalidScopes> {
        Self::new(text.split(' '))
    }

    /// Whether this scope is one of them: the whole name, in its case.
    #[must_use]
    pub fn contains(&self, scope: &str) -> bool {
        self.iter().any(|own| own == scope)
    }

    /// The scopes, as they were given.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ')
    }
}

impl fmt::Display for TokenScopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A list of scopes that is empty or too long, or has something in it that is no scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a list of scopes: it must have one or more, of printable ASCII without spaces, quotes and backslashes, in {} \
     bytes at most",
    TokenScopes::MAX_BYTES
)]
pub struct InvalidScopes;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_has_the_characters_of_rfc_6749() {
        for bad in ["", " ", "a b", "\"", "\\", "\u{e9}", "\n", "\u{7f}"] {
            assert_eq!(TokenScopes::new([bad]), Err(InvalidScopes), "{bad:?}");
        }
        assert_eq!(TokenScopes::new([""; 0]), Err(InvalidScopes));
        assert!(TokenScopes::new(["!#[]~", "a".repeat(994).as_str()]).is_ok(), "1000 bytes");
        assert_eq!(TokenScopes::new(["!#[]~", "a".repeat(995).as_str()]), Err(InvalidScopes));
    }

    #[test]
    fn scopes_are_compared_whole_and_read_back() {
        let scopes = TokenScopes::new(["notes:read", "x", "notes:read"]).expect("good");
        assert_eq!(scopes.iter().collect::<Vec<_>>(), ["notes:read", "x"]);
        for no in ["", "notes", "NOTES:READ", "notes:read x", "read"] {
            assert!(!scopes.contains(no), "{no}");
        }
        assert_eq!(TokenScopes::parse(&scopes.to_string()), Ok(scopes));
        for bad in ["", " x", "x  y", "x "] {
            assert_eq!(TokenScopes::parse(bad), Err(InvalidScopes), "{bad:?}");
        }
    }
}
