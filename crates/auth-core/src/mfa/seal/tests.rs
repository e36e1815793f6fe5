use proptest::prelude::*;

use super::*;
use crate::rng::{RandomError, SystemRandom};

const SECRET: &str = "k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7";

fn key(seed: u8) -> MfaKey {
    MfaKey::new(std::array::from_fn(|i| seed.wrapping_mul(31).wrapping_add(i as u8 * 7)))
}

fn keys(configured: &[MfaKey]) -> MfaKeys {
    MfaKeys::new(configured, &SecretKey::from(SECRET)).expect("keys")
}

fn user(id: &str) -> UserId {
    UserId::new(id).expect("short")
}

fn secret() -> TotpSecret {
    TotpSecret::parse("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").expect("a secret")
}

fn seal(keys: &MfaKeys, purpose: Purpose<'_>) -> Sealed {
    keys.seal(&secret(), purpose, &SystemRandom::new()).expect("seals")
}

#[test]
fn m3_a_sealed_secret_opens_and_its_bytes_do_not_show_it() {
    let (keys, ada) = (keys(&[key(1)]), user("ada"));
    for purpose in [Purpose::Factor(&ada), Purpose::Pending(&ada, SessionId::from_bytes([1; 16]))] {
        let sealed = seal(&keys, purpose);
        let opened = keys.open(&sealed, purpose).expect("opens");
        assert!(opened.secret.same_as(&secret()));
        assert!(!opened.is_outdated());
        assert!(
            !sealed.as_bytes().windows(4).any(|part| secret().expose_bytes().windows(4).any(|plain| plain == part))
        );
        assert_eq!(sealed.as_bytes().len(), 1 + 4 + 12 + 20 + 16);
    }
}

#[test]
fn m3_any_flipped_bit_is_refused() {
    let (keys, ada) = (keys(&[key(1)]), user("ada"));
    let sealed = seal(&keys, Purpose::Factor(&ada));
    for bit in 0..sealed.as_bytes().len() * 8 {
        let mut bytes = sealed.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let error = keys.open(&Sealed::from_bytes(bytes), Purpose::Factor(&ada)).map(|_| ()).expect_err("altered");
        // Bits 8 to 39 say which key.
        let expected = if (8..40).contains(&bit) { OpenError::UnknownKey } else { OpenError::Damaged };
        assert_eq!(error, expected, "bit {bit}");
    }
}

#[test]
fn m3_anything_cut_or_longer_is_refused() {
    let (keys, ada) = (keys(&[key(1)]), user("ada"));
    let bytes = seal(&keys, Purpose::Factor(&ada)).as_bytes().to_vec();
    for len in 0..bytes.len() {
        assert!(keys.open(&Sealed::from_bytes(&bytes[..len]), Purpose::Factor(&ada)).is_err(), "{len}");
    }
    for more in [1, 100, 1_000_000] {
        let longer = [&*bytes, &vec![0; more]].concat();
        assert!(keys.open(&Sealed::from_bytes(longer), Purpose::Factor(&ada)).is_err(), "{more} more");
    }
}

#[test]
fn m3_m4_it_opens_for_its_owner_and_purpose_alone() {
    let keys = keys(&[key(1)]);
    let (ada, bob) = (user("ada"), user("bob"));
    let (one, two) = (SessionId::from_bytes([1; 16]), SessionId::from_bytes([2; 16]));
    // A user id that looks like another one followed by a session id must not pass for them.
    let long = user(&format!("ada{}", "1".repeat(16)));
    let ones = SessionId::from_bytes([b'1'; 16]);
    let purposes = [
        Purpose::Factor(&ada),
        Purpose::Factor(&bob),
        Purpose::Factor(&long),
        Purpose::Pending(&ada, one),
        Purpose::Pending(&ada, two),
        Purpose::Pending(&bob, one),
        Purpose::Pending(&ada, ones),
    ];
    for (i, sealed_for) in purposes.iter().enumerate() {
        let sealed = seal(&keys, *sealed_for);
        for (j, opened_for) in purposes.iter().enumerate() {
            let opened = keys.open(&sealed, *opened_for).map(|_| ());
            assert_eq!(opened, if i == j { Ok(()) } else { Err(OpenError::Damaged) }, "{sealed_for:?}, {opened_for:?}");
        }
    }
}

#[test]
fn m3_keys_rotate() {
    let ada = user("ada");
    let purpose = Purpose::Factor(&ada);
    let old = seal(&keys(&[key(1)]), purpose);

    let both = keys(&[key(2), key(1)]);
    let opened = both.open(&old, purpose).expect("the old key still opens");
    assert!(opened.is_outdated());
    let resealed = both.seal(&opened.secret, purpose, &SystemRandom::new()).expect("seals");
    assert!(!both.open(&resealed, purpose).expect("opens").is_outdated());

    let new_alone = keys(&[key(2)]);
    assert!(new_alone.open(&resealed, purpose).expect("opens").secret.same_as(&secret()));
    assert_eq!(new_alone.open(&old, purpose).map(|_| ()), Err(OpenError::UnknownKey), "the old key was removed");
    assert_eq!(keys(&[key(1)]).open(&resealed, purpose).map(|_| ()), Err(OpenError::UnknownKey));
}

#[test]
fn m3_without_keys_the_secret_seals_and_goes_on_opening_when_keys_come() {
    let ada = user("ada");
    let purpose = Purpose::Factor(&ada);
    let before = keys(&[]);
    let sealed = seal(&before, purpose);
    assert!(!before.open(&sealed, purpose).expect("opens").is_outdated());
    assert!(keys(&[key(1)]).open(&sealed, purpose).expect("opens").is_outdated(), "MFA_KEYS was set later");

    let other = MfaKeys::new(&[], &SecretKey::from("another secret")).expect("keys");
    assert_eq!(other.open(&sealed, purpose).map(|_| ()), Err(OpenError::UnknownKey), "SECRET was changed");
}

#[test]
fn m3_the_nonce_differs_each_time() {
    let (keys, ada) = (keys(&[key(1)]), user("ada"));
    let nonces: std::collections::HashSet<_> =
        (0..1000).map(|_| seal(&keys, Purpose::Factor(&ada)).as_bytes()[5..17].to_vec()).collect();
    assert_eq!(nonces.len(), 1000);
}

#[test]
fn m3_nothing_is_sealed_without_randomness() {
    #[derive(Debug)]
    struct Dry;
    impl SecureRandom for Dry {
        fn fill(&self, _: &mut [u8]) -> Result<(), RandomError> {
            Err(RandomError)
        }
    }
    let error = keys(&[key(1)]).seal(&secret(), Purpose::Factor(&user("ada")), &Dry).map(|_| ()).expect_err("dry");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[test]
fn debug_and_errors_show_no_key_and_no_secret() {
    let (keys, ada) = (keys(&[MfaKey::new([b'k'; 32])]), user("ada"));
    let sealed = seal(&keys, Purpose::Factor(&ada));
    let opened = keys.open(&sealed, Purpose::Factor(&ada)).expect("opens");
    let shown = format!("{keys:?} {sealed:?} {opened:?}");
    assert!(!shown.contains("kkkk") && !shown.contains("107, 107") && !shown.contains("GEZD"), "{shown}");
    assert!(shown.contains("Sealed(53 bytes)") && shown.contains("TotpSecret([redacted])"), "{shown}");
    let error = AuthError::from(OpenError::UnknownKey);
    assert_eq!(error.kind(), ErrorKind::Internal);
}

proptest! {
    #[test]
    fn m3_every_secret_of_every_user_opens_again(
        bytes in proptest::collection::vec(any::<u8>(), 10..=64), id in "[^\\p{C}]{1,16}", session: Option<[u8; 16]>,
    ) {
        let (keys, user) = (keys(&[key(1)]), user(&id));
        let purpose = match session {
            None => Purpose::Factor(&user),
            Some(session) => Purpose::Pending(&user, SessionId::from_bytes(session)),
        };
        let secret = TotpSecret::from_bytes(&bytes).expect("80 to 512 bits");
        let sealed = keys.seal(&secret, purpose, &SystemRandom::new()).expect("seals");
        prop_assert!(sealed.as_bytes().len() <= Sealed::MAX_BYTES);
        prop_assert!(keys.open(&sealed, purpose).expect("opens").secret.same_as(&secret));
    }

    #[test]
    fn m3_no_bytes_make_opening_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        prop_assert!(keys(&[key(1)]).open(&Sealed::from_bytes(bytes), Purpose::Factor(&user("ada"))).is_err());
    }
}
