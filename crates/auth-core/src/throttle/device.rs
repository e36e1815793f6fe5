//! The device cookie: by it a browser is known that signed in to this account before (OWASP's "device cookies").
//!
//! `base64url( 0x01 | device 16 | made_at u64 | owner 16 | mac 32 )`. `mac` covers the rest and the e-mail address, which
//! a login brings along; `owner` is a MAC of user and epoch, which are known only once the user has been read. Whoever
//! holds it gets a counter of his own, and nothing else.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use subtle::ConstantTimeEq as _;

use super::DEVICE_TTL;
use crate::clock::Timestamp;
use crate::email::Email;
use crate::id::UserId;
use crate::rng::{self, RandomError, SecureRandom};
use crate::secret::{DeviceToken, SecretKey};
use crate::store::Epoch;

const VERSION: u8 = 1;
const BODY: usize = 1 + 16 + 8 + 16;

pub(super) type DeviceId = [u8; 16];
type Owner = [u8; 16];

/// Makes device tokens and knows them again.
#[derive(Debug)]
pub(super) struct DeviceKey(hmac::Key);

/// A token of ours, of this account by its address, and not too old. Whether the account is still what it was shows
/// when the user has been read: [`DeviceKey::is_owner`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Device {
    pub(super) id: DeviceId,
    owner: Owner,
}

impl DeviceKey {
    pub(super) fn derive(secret: &SecretKey) -> Option<Self> {
        secret.derive_hmac("device cookie").map(Self)
    }

    /// `None` for anything but a token of this account: it is no error, the login goes on as from an unknown device.
    pub(super) fn read(&self, token: &DeviceToken, email: &Email, now: Timestamp) -> Option<Device> {
        let bytes = URL_SAFE_NO_PAD.decode(token.expose_secret()).ok()?;
        let (body, mac) = bytes.split_at_checked(BODY)?;
        hmac::verify(&self.0, &signed(body, email), mac).ok()?;
        let (version, body) = body.split_first()?;
        let (id, body) = body.split_first_chunk::<16>()?;
        let (made_at, owner) = body.split_first_chunk::<8>()?;
        let made_at = Timestamp::from_secs(i64::from_be_bytes(*made_at));
        if *version != VERSION || made_at.after(DEVICE_TTL) <= now {
            return None;
        }
        Some(Device { id: *id, owner: owner.try_into().ok()? })
    }

    /// Whether it was made for this user, and no credential has changed since.
    pub(super) fn is_owner(&self, device: &Device, user: &UserId, epoch: Epoch) -> bool {
        device.owner.ct_eq(&self.owner(user, epoch)).into()
    }

    /// A token for a device that is known already, or for a new one.
    pub(super) fn make(
        &self,
        known: Option<DeviceId>,
        email: &Email,
        (user, epoch): (&UserId, Epoch),
        now: Timestamp,
        random: &dyn SecureRandom,
    ) -> Result<DeviceToken, RandomError> {
        let id = match known {
            Some(id) => id,
            None => rng::bytes(random)?,
        };
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&id);
        bytes.extend_from_slice(&now.as_secs().to_be_bytes());
        bytes.extend_from_slice(&self.owner(user, epoch));
        let mac = hmac::sign(&self.0, &signed(&bytes, email));
        bytes.extend_from_slice(mac.as_ref());
        Ok(DeviceToken::new(URL_SAFE_NO_PAD.encode(bytes)))
    }

    fn owner(&self, user: &UserId, epoch: Epoch) -> Owner {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"owner-v1");
        context.update(&epoch.0.to_be_bytes());
        context.update(user.as_str().as_bytes());
        let mut owner = [0; 16];
        owner.copy_from_slice(context.sign().as_ref().split_at(16).0);
        owner
    }
}

/// The body has a fixed length, so the two cannot be mistaken for each other.
fn signed(body: &[u8], email: &Email) -> Vec<u8> {
    [b"device-v1".as_slice(), body, email.canonical().as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::rng::SystemRandom;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn email(text: &str) -> Email {
        Email::parse(text).expect("an address")
    }

    fn user(id: &str) -> UserId {
        UserId::new(id).expect("an id")
    }

    #[test]
    fn g3_a_device_is_known_by_its_token_and_only_at_its_account() {
        let key = DeviceKey::derive(&SecretKey::from("k1")).expect("derives");
        let (ada, owner) = (email("ada@example.com"), (&user("u1"), Epoch(3)));
        let make = |known| key.make(known, &ada, owner, NOW, &SystemRandom::new()).expect("random bytes");
        let token = make(None);
        let device = key.read(&token, &email("ADA@example.com"), NOW).expect("known");
        assert!(key.is_owner(&device, owner.0, owner.1));
        assert_ne!(key.read(&make(None), &ada, NOW).expect("known").id, device.id, "each has an id of its own");
        assert_eq!(key.read(&make(Some(device.id)), &ada, NOW).expect("known").id, device.id, "and keeps it");

        assert!(!key.is_owner(&device, owner.0, Epoch(4)), "a credential changed");
        assert!(!key.is_owner(&device, &user("u2"), owner.1), "the address has another owner");
        assert!(key.read(&token, &email("bob@example.com"), NOW).is_none(), "another account");
        let other = DeviceKey::derive(&SecretKey::from("k2")).expect("derives");
        assert!(other.read(&token, &ada, NOW).is_none(), "another server");
        assert!(key.read(&token, &ada, NOW.after(DEVICE_TTL - Duration::from_secs(1))).is_some());
        assert!(key.read(&token, &ada, NOW.after(DEVICE_TTL)).is_none(), "too old");
    }

    #[test]
    fn g3_a_damaged_device_token_is_ignored() {
        let key = DeviceKey::derive(&SecretKey::from("k1")).expect("derives");
        let (ada, random) = (email("ada@example.com"), SystemRandom::new());
        let token = key.make(None, &ada, (&user("u1"), Epoch(0)), NOW, &random).expect("random bytes");
        let text = token.expose_secret();
        for at in 0..text.len() {
            let mut altered: Vec<char> = text.chars().collect();
            altered[at] = if altered[at] == 'A' { 'B' } else { 'A' };
            let altered = DeviceToken::new(altered.into_iter().collect::<String>());
            assert!(key.read(&altered, &ada, NOW).is_none(), "character {at}");
        }
        for text in ["", "AQ", "\u{fffd}", &format!("{text}A"), &text[..text.len() - 4], "=".repeat(98).as_str()] {
            assert!(key.read(&DeviceToken::new(text), &ada, NOW).is_none(), "{text:?}");
        }
    }
}
