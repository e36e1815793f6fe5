//! Which counter an attempt belongs to.
//!
//! Accounts, addresses and devices are spread over a fixed number of buckets, so that the table is bounded however many
//! addresses somebody makes up, and no live counter is ever evicted (requirement G11). The hash is keyed: whose counter
//! is shared with whose cannot be computed, and the store learns no address.

use std::net::IpAddr;

use ring::hmac;

use super::device::DeviceId;
use crate::email::Email;
use crate::id::UserId;
use crate::secret::SecretKey;
use crate::store::BucketKey;
use crate::token::Purpose;

/// Buckets of one kind. That 100,000 made-up addresses touch the one of a given account has a chance of 2 %, and then
/// it counts one failure.
const BUCKETS: u32 = 1 << 22;

/// Makes the names of buckets.
#[derive(Debug)]
pub(super) struct Buckets {
    key: hmac::Key,
    count: u32,
}

impl Buckets {
    pub(super) fn derive(secret: &SecretKey) -> Option<Self> {
        Some(Self { key: secret.derive_hmac("throttle buckets")?, count: BUCKETS })
    }

    /// With fewer buckets, so that a test can fill them.
    #[cfg(test)]
    pub(super) fn only(self, count: u32) -> Self {
        Self { count, ..self }
    }

    pub(super) fn account(&self, email: &Email) -> BucketKey {
        self.shared(Kind::Account, email.canonical().as_bytes())
    }

    pub(super) fn address(&self, address: IpAddr) -> BucketKey {
        self.shared(Kind::Address, &network(address))
    }

    pub(super) fn device(&self, device: &DeviceId) -> BucketKey {
        self.shared(Kind::Device, device)
    }

    pub(super) fn registrations(&self, address: IpAddr) -> BucketKey {
        self.shared(Kind::Registrations, &network(address))
    }

    pub(super) fn step_up(&self, subject: &[u8]) -> BucketKey {
        self.shared(Kind::StepUp, subject)
    }

    /// One for each user: there are no more of them than users with a second factor.
    pub(super) fn factor(&self, user: &UserId) -> BucketKey {
        self.own(Kind::Factor, user.as_str().as_bytes())
    }

    /// One for each user and purpose: only users get mails.
    pub(super) fn mail(&self, purpose: Purpose, user: &UserId) -> BucketKey {
        let purpose = [match purpose {
            Purpose::Reset => 1,
            Purpose::Verify => 2,
            Purpose::Invite => 3,
        }];
        self.own(Kind::Mail, &[&purpose, user.as_str().as_bytes()].concat())
    }

    fn own(&self, kind: Kind, subject: &[u8]) -> BucketKey {
        let mut bytes = self.hash(kind, subject);
        bytes[0] = kind as u8;
        BucketKey::from_bytes(bytes)
    }

    /// The kind, and the number of the bucket.
    fn shared(&self, kind: Kind, subject: &[u8]) -> BucketKey {
        let [a, b, c, d, ..] = self.hash(kind, subject);
        let number = u32::from_be_bytes([a, b, c, d]) % self.count;
        BucketKey::from_bytes((u128::from(kind as u8) << 120 | u128::from(number)).to_be_bytes())
    }

    fn hash(&self, kind: Kind, subject: &[u8]) -> [u8; 16] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&[kind as u8]);
        context.update(subject);
        let tag = context.sign();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(tag.as_ref().split_at(16).0);
        bytes
    }
}

#[derive(Debug, Clone, Copy)]
#[repr(u8)]
enum Kind {
    Account = 1,
    Address = 2,
    Device = 3,
    Factor = 4,
    Mail = 5,
    Registrations = 6,
    StepUp = 7,
}

/// Whose address it is. A network of IPv6 has 2^64 addresses, and they are one client's.
fn network(address: IpAddr) -> Vec<u8> {
    match address.to_canonical() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => (address.to_bits() >> 64).to_be_bytes().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn buckets(secret: &str) -> Buckets {
        Buckets::derive(&SecretKey::from(secret)).expect("derives")
    }

    #[test]
    fn g7_an_ipv6_network_is_one_client_and_a_mapped_address_is_ipv4() {
        let buckets = buckets("k1");
        let of = |address: &str| buckets.address(address.parse().expect("an address"));
        assert_eq!(of("2001:db8:0:1::1"), of("2001:db8:0:1:ffff:ffff:ffff:ffff"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8:0:2::1"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }

    #[test]
    fn g11_buckets_are_bounded_keyed_and_apart_by_kind() {
        let email = |n: u32| Email::parse(&format!("u{n}@example.com")).expect("an address");
        let few = buckets("k1").only(64);
        let used: HashSet<_> = (0..2000).map(|n| few.account(&email(n))).collect();
        assert_eq!(used.len(), 64, "every one of them is used, and no other");
        assert_ne!(buckets("k1").account(&email(1)), buckets("k2").account(&email(1)));
        let user = UserId::new("u1@example.com").expect("an id");
        assert_ne!(buckets("k1").account(&email(1)), buckets("k1").factor(&user));
        assert_eq!(
            buckets("k1").account(&email(1)),
            buckets("k1").account(&Email::parse("U1@Example.com").expect("one"))
        );
    }
}
