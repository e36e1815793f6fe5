//! Peppers: secrets that go into every password hash and are not in the database, so that whoever reads the database
//! cannot guess passwords from it (OWASP Password Storage Cheat Sheet, "Peppering").
//!
//! The PHC string names the pepper in its parameter `keyid`, so that one can follow another: new hashes use the first of
//! the list, older ones go on to verify and are made again at the next login.

use std::fmt;

use argon2::Params;
use ring::hmac;

use crate::secret::SecretKey;

/// The peppers, current one first; none at all is fine.
#[derive(Debug, Default)]
pub(crate) struct Peppers(Vec<Pepper>);

/// One pepper.
pub(crate) struct Pepper {
    id: PepperId,
    key: SecretKey,
}

/// The public name of a pepper, as it stands in a PHC string. It tells nothing about the pepper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PepperId([u8; PepperId::BYTES]);

impl Peppers {
    /// From the keys of the configuration.
    pub(crate) fn new(keys: &[SecretKey]) -> Self {
        Self(keys.iter().map(Pepper::new).collect())
    }

    /// The one that new hashes are made with.
    pub(crate) fn current(&self) -> Option<&Pepper> {
        self.0.first()
    }

    /// The one that a stored hash names: `Ok(None)` when it names none, an error when it names one that is not here.
    pub(super) fn named(&self, keyid: &[u8]) -> Result<Option<&Pepper>, UnknownPepper> {
        if keyid.is_empty() {
            return Ok(None);
        }
        self.0.iter().find(|pepper| pepper.id.0 == keyid).map(Some).ok_or(UnknownPepper)
    }
}

/// A stored hash was made with a pepper that is not in the list.
#[derive(Debug)]
pub(super) struct UnknownPepper;

impl Pepper {
    fn new(key: &SecretKey) -> Self {
        let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.expose_secret()), b"auth password pepper id v1");
        let mut id = [0; PepperId::BYTES];
        id.iter_mut().zip(mac.as_ref()).for_each(|(to, from)| *to = *from);
        Self { id: PepperId(id), key: key.clone() }
    }

    pub(super) const fn id(&self) -> PepperId {
        self.id
    }

    pub(super) fn expose_secret(&self) -> &[u8] {
        self.key.expose_secret()
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pepper").field(&self.id).finish()
    }
}

impl PepperId {
    /// Below the eight that `keyid` may have, and without padding in base64.
    const BYTES: usize = 6;

    pub(super) const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

const _: () = assert!(PepperId::BYTES <= Params::MAX_KEYID_LEN);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p1_a_pepper_is_found_by_its_name_and_does_not_show() {
        let (old, new) = (SecretKey::from("the-first-pepper-of-32-bytes-or-more"), SecretKey::from("another-one"));
        let peppers = Peppers::new(&[new, old.clone()]);
        let name = Pepper::new(&old).id();
        let found = peppers.named(name.as_bytes()).expect("is there").expect("is named");
        assert_eq!(found.expose_secret(), old.expose_secret());
        assert!(peppers.named(&[]).expect("none is named").is_none());
        assert!(peppers.named(&[1, 2, 3, 4, 5, 6]).is_err());
        assert!(!format!("{peppers:?}").contains("pepper-of"));
    }
}
