//! E-mail addresses: checked, and brought to one canonical form in which they are compared (requirement E1).

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;

/// An e-mail address, as typed and in canonical form.
///
/// Two addresses are the same user exactly when their canonical forms have the same bytes: NFC, lower case, and the
/// domain in ASCII (IDNA). The choice is not left to the collation of a database (CVE-2026-59335), and an `@` hidden in
/// a compatibility character is refused (CVE-2026-73420).
#[derive(Clone, PartialEq, Eq)]
pub struct Email {
    typed: String,
    canonical: String,
}

impl Email {
    /// The longest address accepted, in bytes (RFC 5321 4.5.3.1.3 less the brackets).
    pub const MAX_BYTES: usize = 254;

    /// # Errors
    /// [`InvalidEmail`] when `typed` is no address that mail could be sent to over the internet: one local part, one `@`,
    /// one domain with a dot.
    pub fn parse(typed: &str) -> Result<Self, InvalidEmail> {
        if typed.len() > Self::MAX_BYTES {
            return Err(InvalidEmail);
        }
        let local_and_domain: String = typed.nfc().collect();
        let (local, domain) = local_and_domain.rsplit_once('@').ok_or(InvalidEmail)?;

        let domain = idna::domain_to_ascii_strict(domain).map_err(|_| InvalidEmail)?;
        let labels = domain.split('.').count();
        if labels < 2 || domain.split('.').any(str::is_empty) {
            return Err(InvalidEmail);
        }

        // What a mail system could fold into another address must not pass as an own one.
        let folded: String = local.nfkc().collect();
        let dotted_wrongly = folded.starts_with('.') || folded.ends_with('.') || folded.contains("..");
        if folded.is_empty() || local.len() > 64 || dotted_wrongly || folded.chars().any(is_forbidden) {
            return Err(InvalidEmail);
        }

        let local: String = local.to_lowercase().nfc().collect();
        let canonical = format!("{local}@{domain}");
        if canonical.len() > Self::MAX_BYTES {
            return Err(InvalidEmail);
        }
        Ok(Self { typed: typed.to_owned(), canonical })
    }

    /// The address as it was given: where mail is sent, and what people are shown.
    #[must_use]
    pub fn as_typed(&self) -> &str {
        &self.typed
    }

    /// The address as mail servers want it: the local part as typed, the domain in ASCII.
    pub(crate) fn for_delivery(&self) -> (&str, &str) {
        let local = self.typed.rsplit_once('@').map_or("", |(local, _)| local);
        let domain = self.canonical.rsplit_once('@').map_or("", |(_, domain)| domain);
        (local, domain)
    }

    /// The form that is unique, compared bytewise.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.canonical
    }
}

/// Specials of RFC 5322 that would need quoting, white space and controls.
fn is_forbidden(c: char) -> bool {
    c.is_control() || c.is_whitespace() || "@,;:<>()[]\\\"".contains(c) || is_invisible(c)
}

/// Characters without a glyph, which make two addresses look the same.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Email({:?})", self.canonical)
    }
}

/// What the canonical form of an address begins with.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailPrefix(String);

impl EmailPrefix {
    /// What people type of an address: its case does not matter. A domain that is not ASCII is found by its ASCII form
    /// alone.
    ///
    /// # Errors
    /// [`InvalidEmail`] when it is empty, longer than an address, or has control characters.
    pub fn new(typed: &str) -> Result<Self, InvalidEmail> {
        let folded: String = typed.trim().nfc().flat_map(char::to_lowercase).collect();
        let folded: String = folded.nfc().collect();
        let fits = (1..=Email::MAX_BYTES).contains(&folded.len()) && !folded.chars().any(char::is_control);
        if fits { Ok(Self(folded)) } else { Err(InvalidEmail) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The lowest bytes that are above all addresses which begin like this: for a range of an index, where nothing in the
    /// text is a wildcard.
    #[must_use]
    pub fn above(&self) -> Vec<u8> {
        let mut bytes = self.0.clone().into_bytes();
        // No byte of UTF-8 is above 0xf4.
        if let Some(last) = bytes.last_mut() {
            *last += 1;
        }
        bytes
    }
}

impl fmt::Debug for EmailPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EmailPrefix({:?})", self.0)
    }
}

/// Text that is not an e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an e-mail address")]
pub struct InvalidEmail;

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(typed: &str) -> Option<String> {
        Email::parse(typed).ok().map(|email| email.canonical)
    }

    #[test]
    fn e1_one_address_has_one_canonical_form() {
        for (typed, expected) in [
            ("admin@example.com", "admin@example.com"),
            ("Admin@EXAMPLE.com", "admin@example.com"),
            ("o'brien+tag@example.co.uk", "o'brien+tag@example.co.uk"),
            ("jose\u{301}@example.com", "jos\u{e9}@example.com"),
            ("a@b\u{fc}cher.example", "a@xn--bcher-kva.example"),
            ("a@B\u{dc}CHER.example", "a@xn--bcher-kva.example"),
        ] {
            assert_eq!(canonical(typed).as_deref(), Some(expected), "{typed}");
        }
    }

    #[test]
    fn s4_mail_goes_to_the_local_part_as_typed_and_the_domain_in_ascii() {
        for (typed, expected) in [
            ("Ada@Example.com", ("Ada", "example.com")),
            ("jos\u{e9}@B\u{dc}CHER.example", ("jos\u{e9}", "xn--bcher-kva.example")),
        ] {
            assert_eq!(Email::parse(typed).expect("an address").for_delivery(), expected, "{typed}");
        }
    }

    #[test]
    fn e1_accents_and_case_folding_do_not_merge_accounts() {
        assert_ne!(canonical("mike@example.com"), canonical("m\u{131}ke@example.com"));
        assert_ne!(canonical("jose@example.com"), canonical("jos\u{e9}@example.com"));
    }

    #[test]
    fn e1_what_could_become_another_address_is_refused() {
        for typed in [
            "", "@", "a@", "@example.com", "admin", "a@b@example.com", "a@example.com,b@example.com",
            "a@example.com\u{ff20}evil.example", "victim\u{ff20}example.com@evil.example", "a b@example.com",
            "a@example.com ", " a@example.com", "a\u{0}@example.com", "a@exam\nple.com", "a\r\nb@example.com",
            "a@localhost", "a@.example.com", "a@example..com", "a@example.com.", ".a@example.com", "a..b@example.com",
            "a@-example.com", "ad\u{200b}min@example.com", "a@exa mple.com", "\"a b\"@example.com", "a@[127.0.0.1]",
        ] {
            assert_eq!(canonical(typed), None, "{typed:?}");
        }
        assert_eq!(canonical(&format!("a@{}.com", "x".repeat(300))), None);
    }
}
