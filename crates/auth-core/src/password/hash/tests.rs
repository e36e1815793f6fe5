//! Hashes: parameters, peppers, damage.

use super::*;

const CHEAP: HashParams = HashParams { memory_kib: 64, passes: 1, lanes: 1 };

fn hash_with(password: &str, peppers: &Peppers) -> PasswordHash {
    hash(&Password::new(password), [7; SALT_BYTES], CHEAP, peppers, &mut HashMemory::default()).expect("hashes")
}

fn hash_cheaply(password: &str) -> PasswordHash {
    hash_with(password, &Peppers::default())
}

fn verify_with(password: &str, stored: &PasswordHash, peppers: &Peppers) -> Result<Verification, HashError> {
    let mut memory = HashMemory::default();
    verify(&Password::new(password), stored, CHEAP, CHEAP, peppers, &mut memory).map(|(verdict, _)| verdict)
}

fn verify_cheaply(password: &str, stored: &PasswordHash) -> Result<Verification, HashError> {
    verify_with(password, stored, &Peppers::default())
}

fn peppers(keys: &[&str]) -> Peppers {
    Peppers::new(&keys.iter().map(|key| crate::SecretKey::from(*key)).collect::<Vec<_>>())
}

#[test]
fn p1_hashes_of_the_reference_implementation_verify() {
    let file = crate::vectors::read("argon2/argon2id.json");
    let tests = file["tests"].as_array().expect("a list");
    let mut memory = HashMemory::default();
    for test in tests {
        let stored = PasswordHash::from_phc(test["phc"].as_str().expect("a hash"));
        for (password, expected) in [
            (test["password"].as_str().expect("a password"), Verification::Match { outdated: false }),
            ("passwore", Verification::Mismatch),
        ] {
            let ceiling = HashParams { memory_kib: 1 << 18, passes: 4, lanes: 2 };
            let verified = verify(&Password::new(password), &stored, CHEAP, ceiling, &Peppers::default(), &mut memory);
            assert_eq!(verified.expect("verifies").0, expected, "{password} {}", stored.as_phc());
        }
    }
    assert_eq!(tests.len(), 8);
}

#[test]
fn p1_a_peppered_hash_needs_its_pepper() {
    let with = peppers(&["one"]);
    let stored = hash_with("correct horse", &with);
    let current = Verification::Match { outdated: false };
    assert!(stored.as_phc().starts_with("$argon2id$v=19$m=64,t=1,p=1,keyid="), "{}", stored.as_phc());
    assert_eq!(verify_with("correct horse", &stored, &with).expect("verifies"), current);
    assert_eq!(verify_with("wrong horse", &stored, &with).expect("verifies"), Verification::Mismatch);
    let (head, tail) = stored.as_phc().split_once(",keyid=").expect("an id");
    let tail = tail.split_once('$').expect("a salt").1;
    let without_name = PasswordHash::from_phc(format!("{head}${tail}"));
    assert!(without_name.as_phc().starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{}", without_name.as_phc());
    assert_eq!(verify_cheaply("correct horse", &without_name).expect("verifies"), Verification::Mismatch);
    for others in [peppers(&[]), peppers(&["two"])] {
        let error = verify_with("correct horse", &stored, &others).expect_err("the pepper is not there");
        assert!(matches!(error, HashError::UnknownPepper), "{error}");
    }
}

#[test]
fn p1_hashes_without_or_with_an_older_pepper_verify_and_are_outdated() {
    let (bare, one) = (hash_cheaply("correct horse"), hash_with("correct horse", &peppers(&["one"])));
    let rotated = peppers(&["two", "one"]);
    for stored in [&bare, &one] {
        let verdict = verify_with("correct horse", stored, &rotated).expect("verifies");
        assert_eq!(verdict, Verification::Match { outdated: true }, "{}", stored.as_phc());
        assert_eq!(verify_with("wrong", stored, &rotated).expect("verifies"), Verification::Mismatch);
    }
    let verdict = verify_with("correct horse", &hash_with("correct horse", &rotated), &rotated);
    assert_eq!(verdict.expect("verifies"), Verification::Match { outdated: false });
}

#[test]
fn p1_the_pepper_is_the_secret_input_of_argon2() {
    // Of the reference implementation, through argon2-cffi: `core` with these inputs and this `secret`.
    let with = peppers(&["a pepper of an outside vector"]);
    let peppered = hash_with("x", &with);
    let id = peppered.as_phc().split_once("keyid=").and_then(|(_, rest)| rest.split('$').next()).expect("an id");
    let vector = "$dmVjdG9yLXNhbHQtMTYhIQ$6Xb214G60rMacK2ad6cgv9oL83LzNF0FwaGEUDpWCxU";
    let stored = PasswordHash::from_phc(format!("$argon2id$v=19$m=64,t=1,p=1,keyid={id}{vector}"));
    let verdict = verify_with("correct horse", &stored, &with).expect("verifies");
    assert_eq!(verdict, Verification::Match { outdated: false });
}

#[test]
fn g5_what_a_cheaper_hash_lacks_is_known_in_passes() {
    let cost = |memory_kib, passes| HashParams { memory_kib, passes, lanes: 1 };
    for (from, to, missing) in [
        (cost(19_456, 2), cost(19_456, 2), None),
        (cost(19_456, 2), cost(19_456, 3), Some(cost(19_456, 1))),
        (cost(19_456, 2), cost(65_536, 3), Some(cost(65_536, 2))),
        (cost(65_536, 3), cost(19_456, 2), None),
        (cost(12_288, 3), cost(19_456, 2), None),
    ] {
        assert_eq!(from.missing_to(to), missing, "{from:?} to {to:?}");
    }
}

#[test]
fn p1_the_default_is_at_least_what_owasp_asks_for() {
    assert_eq!(HashParams::RECOMMENDED, HashParams::new(19_456, 2, 1).expect("valid"));
    for weak in [(19_455, 2, 1), (19_456, 1, 1), (47_103, 1, 1), (7_167, 5, 1), (0, 0, 0)] {
        assert!(HashParams::new(weak.0, weak.1, weak.2).is_err(), "{weak:?}");
    }
    for wild in [(1 << 21, 2, 1), (19_456, 65, 1), (19_456, 2, 17), (19_456, 2, 0)] {
        assert!(HashParams::new(wild.0, wild.1, wild.2).is_err(), "{wild:?}");
    }
}

#[test]
fn p1_a_weaker_stored_hash_is_reported_as_outdated() {
    let stored = hash_cheaply("correct horse");
    let stronger = HashParams { passes: 2, ..CHEAP };
    let (password, mut memory) = (Password::new("correct horse"), HashMemory::default());
    let verdict = verify(&password, &stored, stronger, CHEAP, &Peppers::default(), &mut memory);
    assert_eq!(verdict.expect("verifies").0, Verification::Match { outdated: true });
    assert_eq!(verify_cheaply("correct horse", &stored).expect("verifies"), Verification::Match { outdated: false });
}

#[test]
fn p1_hashes_of_a_running_directus_verify() {
    let stored = PasswordHash::from_phc(
        "$argon2id$v=19$m=65536,t=3,p=4$aiXxbSV/NFBvY3wpx2xwxQ$WLSjL2v7t8u5spJEJ62s4FyADr5lrs9+5rBFM/Qvy+U",
    );
    let try_password = |password| {
        let mut memory = HashMemory::default();
        let (wanted, ceiling) = (HashParams::RECOMMENDED, HashParams::DIRECTUS);
        verify(&Password::new(password), &stored, wanted, ceiling, &Peppers::default(), &mut memory)
            .map(|(verdict, _)| verdict)
    };
    assert_eq!(try_password("Passw0rd-user").expect("verifies"), Verification::Match { outdated: false });
    assert_eq!(try_password("Passw0rd-user ").expect("verifies"), Verification::Mismatch);
}

#[test]
fn p3_every_byte_of_a_password_counts() {
    let long = "x".repeat(MAX_PASSWORD_BYTES);
    let stored = hash_cheaply(&long);
    assert_eq!(verify_cheaply(&long, &stored).expect("verifies"), Verification::Match { outdated: false });
    assert_eq!(verify_cheaply(&long[1..], &stored).expect("verifies"), Verification::Mismatch);

    let stored = hash_cheaply("pass\0word");
    for other in ["pass", "pass\0", "pass\0worD", " pass\0word", "pass\0word ", "pass\0word\n"] {
        assert_eq!(verify_cheaply(other, &stored).expect("verifies"), Verification::Mismatch, "{other:?}");
    }
}

#[test]
fn p4_passwords_are_not_normalised() {
    let stored = hash_cheaply("caf\u{e9}");
    assert_eq!(verify_cheaply("cafe\u{301}", &stored).expect("verifies"), Verification::Mismatch);
}

#[test]
fn p7_a_hostile_row_cannot_ask_for_more_than_the_ceiling() {
    let tail = "$aiXxbSV/NFBvY3wpx2xwxQ$WLSjL2v7t8u5spJEJ62s4FyADr5lrs9+5rBFM/Qvy+U";
    for cost in ["m=4194304,t=1,p=1", "m=64,t=4294967295,p=1", "m=64,t=1,p=16777215", "m=65,t=1,p=1"] {
        let mut memory = HashMemory::default();
        let stored = PasswordHash::from_phc(format!("$argon2id$v=19${cost}{tail}"));
        let verified = verify(&Password::new("x"), &stored, CHEAP, CHEAP, &Peppers::default(), &mut memory);
        assert!(verified.is_err(), "{cost}");
        assert_eq!(memory.0.len(), 0, "nothing was allocated for {cost}");
    }
}

#[test]
fn a_damaged_or_foreign_hash_is_an_error_not_a_match() {
    for stored in [
        "",
        "$",
        "plain",
        "$2b$12$abcdefghijklmnopqrstuv",
        "$argon2id$v=19$m=64,t=1,p=1",
        "$argon2id$v=19$m=64,t=1,p=1$aiXxbSV/NFBvY3wpx2xwxQ",
        "$argon2i$v=19$m=64,t=1,p=1$aiXxbSV/NFBvY3wpx2xwxQ$WLSjL2v7t8u5spJEJ62s4FyADr5lrs9+5rBFM/Qvy+U",
        "$argon2id$v=16$m=64,t=1,p=1$aiXxbSV/NFBvY3wpx2xwxQ$WLSjL2v7t8u5spJEJ62s4FyADr5lrs9+5rBFM/Qvy+U",
    ] {
        assert!(verify_cheaply("x", &PasswordHash::from_phc(stored)).is_err(), "{stored}");
    }
}
