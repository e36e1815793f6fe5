//! The door over a store in memory, without the work behind it.

use super::*;
use crate::error::ErrorKind;
use crate::rng::SystemRandom;
use crate::store::memory::MemoryStore;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

fn door(store: &MemoryStore) -> Throttle {
    let config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
    Throttle::new(&config, Arc::new(store.clone())).expect("derives its keys")
}

fn email(text: &str) -> Email {
    Email::parse(text).expect("an address")
}

fn from(ip: &str) -> ClientInfo {
    ClientInfo::new(Some(ip.parse().expect("an address")), None)
}

/// How many attempts the account has left, from nowhere in particular.
async fn room(door: &Throttle, account: &Email) -> usize {
    let mut admissions = Vec::new();
    while let Ok(admission) = door.admit(account, None, &ClientInfo::default(), NOW).await {
        admissions.push(admission);
    }
    let room = admissions.len();
    for admission in admissions {
        door.refund(admission).await;
    }
    room
}

#[tokio::test]
async fn g6_the_second_factor_has_a_counter_that_the_password_does_not_clear() {
    let door = door(&MemoryStore::new());
    let (ada, user) = (email("ada@example.com"), UserId::new("u1").expect("an id"));
    // Somebody who knows the password tries codes, and signs in with the password in between.
    for _ in 0..5 {
        let password = door.admit(&ada, None, &from("192.0.2.1"), NOW).await.expect("the password is right each time");
        let _wrong = door.admit_code(&user, NOW).await.expect("free");
        door.refund(password).await;
    }
    for _ in 0..3 {
        let password = door.admit(&ada, None, &from("192.0.2.1"), NOW).await.expect("right again");
        assert_eq!(door.admit_code(&user, NOW).await.expect_err("a wait").kind(), ErrorKind::TooManyRequests);
        door.succeed(password).await;
    }
    door.forgive(&ada).await;
    assert!(door.admit_code(&user, NOW).await.is_err(), "a new password does not clear it either");
    assert_eq!(room(&door, &ada).await, 5, "and the codes cost the password nothing");
    assert!(door.admit_code(&UserId::new("u2").expect("an id"), NOW).await.is_ok());
    // The right code does.
    let code = door.admit_code(&user, NOW.after(FIRST_DELAY)).await.expect("the wait is over");
    door.succeed(code).await;
    assert!(door.admit_code(&user, NOW.after(FIRST_DELAY)).await.is_ok());
}

#[tokio::test]
async fn g2_what_is_dropped_stays_counted_and_a_success_does_not_wash_the_address() {
    let door = door(&MemoryStore::new());
    let ada = email("ada@example.com");
    for _ in 0..4 {
        drop(door.admit(&ada, None, &from("192.0.2.1"), NOW).await.expect("free"));
    }
    assert_eq!(room(&door, &ada).await, 1);
    for n in 0..46 {
        let somebody = email(&format!("u{n}@example.com"));
        drop(door.admit(&somebody, None, &from("192.0.2.1"), NOW).await.expect("free"));
        if n < 45 {
            let success = door.admit(&ada, None, &from("192.0.2.1"), NOW).await.expect("right");
            door.succeed(success).await;
        }
    }
    assert_eq!(room(&door, &ada).await, 5, "forgotten");
    let error = door.admit(&ada, None, &from("192.0.2.1"), NOW).await.expect_err("fifty failures from there");
    assert_eq!(error.throttled().expect("says when").limit, 50);
    assert!(door.admit(&ada, None, &from("192.0.2.2"), NOW).await.is_ok());
}

#[tokio::test]
async fn g3_a_known_device_waits_for_nobody_at_its_address() {
    let door = door(&MemoryStore::new());
    let (ada, user) = (email("ada@example.com"), UserId::new("u1").expect("an id"));
    let owner = (&user, Epoch(0));
    let client = from("192.0.2.1");
    let first = door.admit(&ada, None, &client, NOW).await.expect("free");
    let token = door.device_token(&first, &ada, owner, NOW, &SystemRandom::new()).expect("it is on");
    door.succeed(first).await;
    for n in 0..60 {
        let somebody = email(&format!("u{n}@example.com"));
        let _ = door.admit(&somebody, None, &client, NOW).await;
        let _ = door.admit(&ada, None, &from("192.0.2.2"), NOW).await;
    }
    assert!(door.admit(&ada, None, &client, NOW).await.is_err());
    let mut known = door.admit(&ada, Some(&token), &client, NOW).await.expect("known");
    door.confirm(&mut known, Some(owner), &ada, &client, NOW).await.expect("it is the owner");
    door.succeed(known).await;

    // Not confirmed: it counts at the account and the address, where there is no room, and not at the device.
    for owner in [Some((&user, Epoch(1))), None] {
        for _ in 0..10 {
            let mut unknown = door.admit(&ada, Some(&token), &client, NOW).await.expect("known by its address");
            let refused = door.confirm(&mut unknown, owner, &ada, &client, NOW).await;
            assert_eq!(refused.expect_err("unknown after all").kind(), ErrorKind::TooManyRequests);
        }
    }
}

/// Made-up addresses cannot flush the counter of a victim, nor move it but by a rare chance.
#[tokio::test]
async fn g11_100_000_made_up_addresses_leave_the_counter_of_a_victim_alone() {
    let store = MemoryStore::new();
    let door = door(&store);
    let victims: Vec<Email> = (0..500).map(|n| email(&format!("victim{n}@example.org"))).collect();
    for victim in &victims {
        for _ in 0..5 {
            drop(door.admit(victim, None, &ClientInfo::default(), NOW).await.expect("free"));
        }
    }
    let bystanders: Vec<Email> = (0..500).map(|n| email(&format!("bystander{n}@example.org"))).collect();
    for n in 0..100_000_u32 {
        let [_, a, b, c] = n.to_be_bytes();
        let client = from(&format!("10.{a}.{b}.{c}"));
        let _ = door.admit(&email(&format!("{n}@example.com")), None, &client, NOW).await;
    }
    for victim in &victims {
        assert_eq!(room(&door, victim).await, 0, "a live counter was lost");
    }
    let mut touched = 0;
    for bystander in &bystanders {
        let room = room(&door, bystander).await;
        assert!(room >= 4, "{bystander:?}: more than one collision in two percent");
        touched += 5 - room;
    }
    assert!(touched < 30, "{touched} of 500 were touched, two percent are to be expected");
}

/// However many addresses are made up, the table ends at the number of buckets.
#[tokio::test]
async fn g11_the_table_is_bounded() {
    let store = MemoryStore::new();
    let mut door = door(&store);
    door.buckets = door.buckets.only(1000);
    for n in 0..100_000_u32 {
        let [_, a, b, c] = n.to_be_bytes();
        let client = from(&format!("10.{a}.{b}.{c}"));
        let _ = door.admit(&email(&format!("{n}@example.com")), None, &client, NOW.after(n * FIRST_DELAY)).await;
    }
    let rows = store.prune(Timestamp::from_millis(i64::MAX), u64::MAX).await.expect("prunes");
    assert!((1900..=2000).contains(&rows), "{rows} rows for 1000 accounts and 1000 addresses");
}

#[tokio::test]
async fn off_counts_nothing() {
    let store = MemoryStore::new();
    let config =
        AuthConfig { login_throttle: LoginThrottle::Off, ..AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7") };
    let door = Throttle::new(&config, Arc::new(store.clone())).expect("derives its keys");
    let (ada, user) = (email("ada@example.com"), UserId::new("u1").expect("an id"));
    for _ in 0..100 {
        let admission = door.admit(&ada, None, &from("192.0.2.1"), NOW).await.expect("never waits");
        let token = door.device_token(&admission, &ada, (&user, Epoch(0)), NOW, &SystemRandom::new());
        assert!(token.is_none());
        drop(door.admit_code(&user, NOW).await.expect("never waits"));
    }
    assert_eq!(store.prune(Timestamp::from_millis(i64::MAX), 1).await.expect("prunes"), 0);
}
