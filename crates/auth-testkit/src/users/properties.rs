//! Users as any table has them: found, made once, rehashed once.

use std::sync::Arc;

use auth_core::store::{NewUserRecord, StoreErrorKind, UserRecord, UserStatus, UserStore};
use auth_core::{Email, PasswordHash, UserId};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::store::given::{HASH, email, new_user, user_id};

type Users = Arc<dyn UserStore>;

/// Who was created is found under the id that `create` gave and under the address, with the password.
pub async fn create_then_find_returns_the_user(users: Users) {
    let mut ids = Vec::new();
    for (id, address) in [("u1", "Ada.Lovelace+\u{e9}@B\u{fc}cher.example"), ("u2", "u2@example.com")] {
        let new = new_user(id, address);
        let id = users.create(&new).await.expect("create");
        for found in [by_id(&users, &id).await, by_email(&users, &new.email).await] {
            let found = found.expect("a user");
            assert_eq!(found.id, id);
            assert_eq!(email(&found.email).canonical(), new.email.canonical());
            assert_eq!(found.password.as_ref().map(PasswordHash::as_phc), Some(HASH));
            assert_eq!(found.status, UserStatus::Active);
        }
        ids.push(id);
    }
    assert_ne!(ids[0], ids[1]);
}

/// Not there at all, or not active: a table need not know why somebody may not sign in.
pub async fn a_user_who_may_not_sign_in_is_never_active(users: Users) {
    for status in UserStatus::ALL.iter().copied().filter(|status| *status != UserStatus::Active) {
        let id = format!("u-{}", status.as_str());
        let new = NewUserRecord { status, ..new_user(&id, &format!("{id}@example.com")) };
        let id = users.create(&new).await.expect("create");
        for found in [by_id(&users, &id).await, by_email(&users, &new.email).await] {
            assert!(found.is_none_or(|user| user.status != UserStatus::Active), "{status:?}");
        }
    }
}

/// Ids that no table of this kind can have are nobody's, and no error.
pub async fn an_unknown_user_is_none(users: Users) {
    stored(&users, "u1").await;
    let longest = "9".repeat(64);
    for id in ["nobody", "0", "-1", "9223372036854775808", "1e0", "0x1", "\u{661}", "'", longest.as_str()] {
        assert!(by_id(&users, &user_id(id)).await.is_none(), "{id}");
        let hash = PasswordHash::from_phc(HASH);
        assert!(!users.rehash(&user_id(id), &hash, &hash).await.expect("rehash"), "{id}");
    }
    assert!(by_email(&users, &email("nobody@example.com")).await.is_none());
}

/// Sessions are kept under the id's text: a second text for one user would have sessions and an epoch of its own.
pub async fn e1_an_id_in_another_spelling_is_nobody(users: Users) {
    let id = stored(&users, "u1").await;
    let text = id.as_str();
    for other in [
        format!("0{text}"),
        format!("+{text}"),
        format!(" {text}"),
        format!("{text} "),
        format!("{text}.0"),
        text.to_uppercase(),
        text.to_lowercase(),
    ] {
        if other == text {
            continue;
        }
        let other = user_id(&other);
        assert!(by_id(&users, &other).await.is_none(), "{other:?}");
        let hash = PasswordHash::from_phc(HASH);
        assert!(!users.rehash(&other, &hash, &hash).await.expect("rehash"), "{other:?}");
    }
}

/// An address is taken however it is typed, and the user who has it stays as it was.
pub async fn create_of_an_address_that_exists_is_a_conflict(users: Users) {
    let id = stored(&users, "u1").await;
    for (n, typed) in ["u1@example.com", "U1@EXAMPLE.COM"].iter().enumerate() {
        let again = NewUserRecord {
            password: Some(PasswordHash::from_phc("$argon2id$other")),
            ..new_user(&format!("again-{n}"), typed)
        };
        let error = users.create(&again).await.expect_err("a conflict");
        assert_eq!(error.kind(), StoreErrorKind::Conflict, "{typed}");
    }
    let found = by_email(&users, &email("u1@example.com")).await.expect("a user");
    assert_eq!(found.id, id);
    assert_eq!(found.password.as_ref().map(PasswordHash::as_phc), Some(HASH));
}

/// Addresses that differ by an accent, a dotless i or a trailing sign are different users on every database.
pub async fn e1_addresses_are_compared_by_their_bytes(users: Users) {
    let addresses = [
        "jose@example.com", "jos\u{e9}@example.com", "mike@example.com", "m\u{131}ke@example.com",
        "strasse@example.com", "stra\u{df}e@example.com", "\u{f8}re@example.com", "ore@example.com",
    ];
    let mut ids = Vec::new();
    for (n, address) in addresses.iter().enumerate() {
        ids.push(users.create(&new_user(&format!("u{n}"), address)).await.expect(address));
    }
    for (id, address) in ids.iter().zip(addresses) {
        assert_eq!(by_email(&users, &email(address)).await.expect(address).id, *id, "{address}");
    }
    // One address, however it is typed.
    let found = by_email(&users, &email("JOSE\u{301}@Example.COM")).await.expect("a user");
    assert_eq!(found.id, ids[1]);
}

/// A hash is replaced if it is still the expected one, bit for bit.
pub async fn rehash_replaces_only_the_expected_hash(users: Users) {
    let id = stored(&users, "u1").await;
    let other = stored(&users, "u2").await;
    let hash_of = async |id: &UserId| {
        let user = by_id(&users, id).await.expect("a user");
        user.password.map(|hash| hash.as_phc().to_owned()).expect("a hash")
    };
    let (first, second) = (PasswordHash::from_phc(HASH), PasswordHash::from_phc(format!("{HASH}2")));
    for wrong in [second.clone(), PasswordHash::from_phc(HASH.to_uppercase()), PasswordHash::from_phc("")] {
        assert!(!users.rehash(&id, &wrong, &second).await.expect("rehash"));
    }
    assert_eq!(hash_of(&id).await, HASH);
    assert!(users.rehash(&id, &first, &second).await.expect("rehash"));
    assert_eq!(hash_of(&id).await, second.as_phc());
    assert!(!users.rehash(&id, &first, &first).await.expect("rehash"));
    assert_eq!(hash_of(&other).await, HASH, "nobody else's");
}

/// Two sign-ups with one address at once: one user, and the others are told.
pub async fn of_16_concurrent_creates_of_one_address_one_wins(users: Users) {
    let outcomes = together(&users, |users, n| async move {
        let outcome = users.create(&new_user(&format!("u{n}"), "one@example.com")).await;
        outcome.map_err(|error| error.kind())
    })
    .await;
    let winners: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
    let losers = outcomes.iter().filter(|outcome| **outcome == Err(StoreErrorKind::Conflict)).count();
    assert_eq!((winners.len(), losers), (1, 15), "{outcomes:?}");
    assert_eq!(by_email(&users, &email("one@example.com")).await.expect("a user").id, *winners[0]);
}

/// Two logins that both strengthen a hash: one does.
pub async fn of_16_concurrent_rehashes_one_wins(users: Users) {
    let id = stored(&users, "u1").await;
    let replaced = together(&users, move |users, n| async move {
        let (old, new) = (PasswordHash::from_phc(HASH), PasswordHash::from_phc(format!("{HASH}{n}")));
        users.rehash(&id, &old, &new).await.expect("rehash").then_some(new)
    })
    .await;
    let winners: Vec<_> = replaced.into_iter().flatten().collect();
    assert_eq!(winners.len(), 1);
    let stored = by_id(&users, &id).await.expect("a user").password.expect("a hash");
    assert_eq!(stored.as_phc(), winners[0].as_phc());
}

async fn stored(users: &Users, id: &str) -> UserId {
    users.create(&new_user(id, &format!("{id}@example.com"))).await.expect("create")
}

async fn by_id(users: &Users, id: &UserId) -> Option<UserRecord> {
    users.find_by_id(id).await.expect("find_by_id")
}

async fn by_email(users: &Users, email: &Email) -> Option<UserRecord> {
    users.find_by_email(email).await.expect("find_by_email")
}

/// 16 tasks that start at the same moment.
async fn together<F, T>(users: &Users, work: impl Fn(Users, usize) -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let start = Arc::new(Barrier::new(16));
    let mut tasks = JoinSet::new();
    for n in 0..16 {
        let (start, work) = (start.clone(), work(users.clone(), n));
        tasks.spawn(async move {
            start.wait().await;
            work.await
        });
    }
    tasks.join_all().await
}
