//! Changes to users, each of which ends their sessions.

use auth_core::store::{Epoch, LastAdmin, StoreErrorKind, UpdateTerms, Updated, UserChange, UserStatus};
use auth_core::{PasswordHash, Role};

use super::given::{AnyStore, HASH, NOW, email, is_alive, loaded, new_user, opened, seconds, stored_user, user_id};

/// Each field that is set changes, the others stay, sessions end, and the epoch goes up by one.
pub async fn r9_each_change_of_a_user_is_stored_and_ends_sessions(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let other = stored_user(&store, "u2").await;
    let theirs = opened(&store, 100, other).await;
    let role = Role::new("reader").expect("a role");
    let changes = [
        UserChange { email: Some(email("New@Example.com")), ..UserChange::default() },
        UserChange { password: Some(PasswordHash::from_phc("$argon2id$new")), ..UserChange::default() },
        UserChange { role: Some(Some(role)), ..UserChange::default() },
        UserChange { app_access: Some(false), ..UserChange::default() },
        UserChange { admin_access: Some(true), ..UserChange::default() },
        UserChange { role: Some(None), ..UserChange::default() },
        UserChange { status: Some(UserStatus::Suspended), ..UserChange::default() },
    ];
    for (n, change) in (1..).zip(changes) {
        let before = store.find_by_id(&user).await.expect("find_by_id").expect("a user");
        let session = opened(&store, n, user).await;
        assert_eq!(
            store.update(&user, &change, UpdateTerms::default(), seconds(i64::from(n))).await.expect("update"),
            Updated::Done
        );

        let found = store.find_by_id(&user).await.expect("find_by_id").expect("a user");
        assert_eq!(found.email, change.email.as_ref().map_or(before.email, |email| email.as_typed().to_owned()));
        let password = change.password.or(before.password);
        assert_eq!(
            found.password.as_ref().map(PasswordHash::as_phc),
            password.as_ref().map(PasswordHash::as_phc),
            "change {n}"
        );
        assert_eq!(found.status, change.status.unwrap_or(before.status));
        assert_eq!(found.role, change.role.unwrap_or(before.role));
        assert_eq!(found.app_access, change.app_access.unwrap_or(before.app_access));
        assert_eq!(found.admin_access, change.admin_access.unwrap_or(before.admin_access));

        assert_eq!(store.epoch(&user).await.expect("epoch"), Epoch(u64::from(n)));
        assert_eq!(loaded(&store, session).await.revoked_at, Some(seconds(i64::from(n))));
        assert!(is_alive(&store, theirs).await);
    }
    assert!(store.find_by_email(&email("new@example.com")).await.expect("find_by_email").is_some());
    assert!(store.find_by_email(&email("u1@example.com")).await.expect("find_by_email").is_none());
    let untouched = store.find_by_id(&other).await.expect("find_by_id").expect("a user");
    assert_eq!(untouched.password.as_ref().map(PasswordHash::as_phc), Some(HASH));
}

/// A change of nothing ends sessions all the same: it is for factors that are kept elsewhere.
pub async fn r9_an_empty_change_ends_sessions(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let session = opened(&store, 1, user).await;
    assert_eq!(
        store.update(&user, &UserChange::default(), UpdateTerms::default(), NOW).await.expect("update"),
        Updated::Done
    );
    assert!(!is_alive(&store, session).await);
    assert_eq!(store.epoch(&user).await.expect("epoch"), Epoch(1));
}

/// An address that belongs to somebody else is refused, and with it every other part of the change.
pub async fn e1_an_address_of_somebody_else_is_a_conflict_and_changes_nothing(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    stored_user(&store, "u2").await;
    let session = opened(&store, 1, user).await;
    let change = UserChange {
        email: Some(email("U2@Example.com")),
        status: Some(UserStatus::Suspended),
        ..UserChange::default()
    };
    let error = store.update(&user, &change, UpdateTerms::default(), NOW).await.expect_err("a conflict");
    assert_eq!(error.kind(), StoreErrorKind::Conflict);
    let found = store.find_by_id(&user).await.expect("find_by_id").expect("a user");
    assert_eq!((found.email.as_str(), found.status), ("u1@example.com", UserStatus::Active));
    assert_eq!(store.epoch(&user).await.expect("epoch"), Epoch(0));
    assert!(is_alive(&store, session).await);
}

/// The same address, typed otherwise, is no conflict with oneself.
pub async fn an_address_can_be_changed_to_itself(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let change = UserChange { email: Some(email("U1@Example.com")), ..UserChange::default() };
    for _ in 0..2 {
        assert_eq!(store.update(&user, &change, UpdateTerms::default(), NOW).await.expect("update"), Updated::Done);
    }
    let found = store.find_by_id(&user).await.expect("find_by_id").expect("a user");
    assert_eq!(found.email, "U1@Example.com");
}

/// Who expects another epoch than the user has changes nothing: not the user, not the epoch, no session.
pub async fn s2_an_update_that_expects_another_epoch_changes_nothing(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let at = |epoch: u64| UpdateTerms { expected: Some(Epoch(epoch)), ..UpdateTerms::default() };
    let change = UserChange { password: Some(PasswordHash::from_phc("$argon2id$new")), ..UserChange::default() };
    let update = |terms| store.update(&user, &change, terms, NOW);
    for wrong in [1, 2, u64::MAX] {
        assert_eq!(update(at(wrong)).await.expect("update"), Updated::Stale, "{wrong}");
    }
    assert_eq!(update(at(0)).await.expect("update"), Updated::Done);
    let session = opened(&store, 1, user).await;
    for wrong in [0, 2] {
        let empty = UserChange { status: Some(UserStatus::Suspended), ..UserChange::default() };
        let terms = UpdateTerms { keep: Some(session), ..at(wrong) };
        assert_eq!(store.update(&user, &empty, terms, NOW).await.expect("update"), Updated::Stale, "{wrong}");
        assert_eq!(update(at(wrong)).await.expect("update"), Updated::Stale, "{wrong}");
    }
    assert!(is_alive(&store, session).await);
    assert_eq!(store.epoch(&user).await.expect("epoch"), Epoch(1));
    let found = store.find_by_id(&user).await.expect("find_by_id").expect("a user");
    assert_eq!(found.status, UserStatus::Active);
    assert_eq!(store.update(&user_id("nobody"), &change, at(0), NOW).await.expect("update"), Updated::NoSuchUser);
}

/// The session that is kept goes on under the new epoch, and all others end.
pub async fn r9_an_update_keeps_one_session_and_moves_it_to_the_new_epoch(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let (kept, other) = (opened(&store, 1, user).await, opened(&store, 2, user).await);
    let change = UserChange { password: Some(PasswordHash::from_phc("$argon2id$new")), ..UserChange::default() };
    let terms = UpdateTerms { expected: Some(Epoch(0)), keep: Some(kept), ..UpdateTerms::default() };
    assert_eq!(store.update(&user, &change, terms, NOW).await.expect("update"), Updated::Done);
    assert!(is_alive(&store, kept).await && !is_alive(&store, other).await);
    assert_eq!(loaded(&store, kept).await.epoch, Epoch(1));
    assert_eq!(store.epoch(&user).await.expect("epoch"), Epoch(1));
}

/// Nobody is changed, and no epoch is raised, when there is no such user.
pub async fn update_of_an_unknown_user_changes_nothing(store: AnyStore) {
    let nobody = user_id("nobody");
    let session = opened(&store, 1, nobody).await;
    let change = UserChange { app_access: Some(true), ..UserChange::default() };
    assert_eq!(store.update(&nobody, &change, UpdateTerms::default(), NOW).await.expect("update"), Updated::NoSuchUser);
    assert_eq!(
        store.update(&nobody, &UserChange::default(), UpdateTerms::default(), NOW).await.expect("update"),
        Updated::NoSuchUser
    );
    assert_eq!(store.delete(&nobody, LastAdmin::MayGo, NOW).await.expect("delete"), Updated::NoSuchUser);
    assert_eq!(store.epoch(&nobody).await.expect("epoch"), Epoch(0));
    assert!(is_alive(&store, session).await);
    assert_eq!(store.count().await.expect("count"), 0);
}

/// A user who is removed is gone, and so are the sessions; the epoch stays.
pub async fn r8_delete_removes_the_user_and_ends_sessions(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let other = stored_user(&store, "u2").await;
    let session = opened(&store, 1, user).await;
    let theirs = opened(&store, 2, other).await;
    assert_eq!(store.delete(&user, LastAdmin::MayGo, seconds(1)).await.expect("delete"), Updated::Done);
    assert_eq!(store.delete(&user, LastAdmin::MayGo, seconds(2)).await.expect("delete"), Updated::NoSuchUser);

    assert!(store.find_by_id(&user).await.expect("find_by_id").is_none());
    assert!(store.find_by_email(&email("u1@example.com")).await.expect("find_by_email").is_none());
    let found = store.load(session).await.expect("load").expect("a stored session");
    assert!(found.user.is_none());
    assert_eq!(found.session.revoked_at, Some(seconds(1)));
    assert_ne!(found.epoch, found.session.epoch);
    assert_eq!(store.epoch(&user).await.expect("epoch"), Epoch(1));
    assert!(is_alive(&store, theirs).await);
}

/// A user who was suspended and comes back signs in again.
pub async fn r9_reactivation_revives_nothing(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let session = opened(&store, 1, user).await;
    for status in [UserStatus::Suspended, UserStatus::Active] {
        let change = UserChange { status: Some(status), ..UserChange::default() };
        assert_eq!(store.update(&user, &change, UpdateTerms::default(), NOW).await.expect("update"), Updated::Done);
        assert!(!is_alive(&store, session).await, "{status:?}");
    }
    let new = opened(&store, 2, user).await;
    assert!(is_alive(&store, new).await);
}

/// A user who is created again under the same id does not find old sessions alive.
pub async fn r9_a_user_created_again_does_not_revive_sessions(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let session = opened(&store, 1, user).await;
    assert_eq!(store.delete(&user, LastAdmin::MayGo, NOW).await.expect("delete"), Updated::Done);
    store.create(&new_user("u1", "u1@example.com")).await.expect("create");
    assert!(!is_alive(&store, session).await);
    let found = store.find_by_id(&user).await.expect("find_by_id").expect("a user");
    assert!(found.epoch.is_none_or(|epoch| epoch == Epoch(1)));
}

/// The number of users is that of those created and not removed.
pub async fn count_follows_create_and_delete(store: AnyStore) {
    assert_eq!(store.count().await.expect("count"), 0);
    let user = stored_user(&store, "u1").await;
    stored_user(&store, "u2").await;
    assert_eq!(store.count().await.expect("count"), 2);
    assert_eq!(store.delete(&user, LastAdmin::MayGo, NOW).await.expect("delete"), Updated::Done);
    assert_eq!(store.count().await.expect("count"), 1);
}
