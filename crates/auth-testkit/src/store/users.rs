//! Users with all their fields, and the end of all sessions. What any user store must do is in [`users`](crate::users).

use auth_core::store::{Epoch, NewUserRecord, RevokeReason, StoreErrorKind, UserStatus};
use auth_core::{PasswordHash, Role, UserId};

use super::given::{AnyStore, HASH, NOW, email, is_alive, loaded, new_user, opened, seconds, stored_user, user_id};

/// What was created is what is found, by id and by address, with its epoch.
pub async fn create_then_find_returns_every_field(store: AnyStore) {
    let longest = "x".repeat(64);
    let full = NewUserRecord {
        id: user_id(&longest),
        role: Some(Role::new(&longest).expect("a role")),
        admin_access: true,
        ..new_user("-", "Ada.Lovelace+\u{e9}@B\u{fc}cher.example")
    };
    let bare = NewUserRecord {
        password: None,
        status: UserStatus::Invited,
        role: None,
        app_access: false,
        ..new_user("bare", "bare@example.com")
    };
    for new in [full, bare] {
        store.create(&new).await.expect("create");
        let by_id = store.find_by_id(&new.id).await.expect("find_by_id").expect("a user");
        let by_email = store.find_by_email(&new.email).await.expect("find_by_email").expect("a user");
        for found in [by_id, by_email] {
            assert_eq!(found.id, new.id);
            assert_eq!(found.email, new.email.as_typed());
            assert_eq!(
                found.password.as_ref().map(PasswordHash::as_phc),
                new.password.as_ref().map(PasswordHash::as_phc)
            );
            assert_eq!((found.status, found.role), (new.status, new.role));
            assert_eq!((found.app_access, found.admin_access), (new.app_access, new.admin_access));
            assert!(found.epoch.is_none_or(|epoch| epoch == Epoch(0)));
        }
    }
    assert!(store.find_by_id(&user_id("nobody")).await.expect("find_by_id").is_none());
    assert!(store.find_by_email(&email("nobody@example.com")).await.expect("find_by_email").is_none());
}

/// Ids and canonical addresses are unique, however they were typed.
pub async fn create_of_an_id_or_address_that_exists_is_a_conflict(store: AnyStore) {
    stored_user(&store, "u1").await;
    for (id, address) in [("u1", "other@example.com"), ("u2", "u1@example.com"), ("u2", "U1@EXAMPLE.COM")] {
        let error = store.create(&new_user(id, address)).await.expect_err("a conflict");
        assert_eq!(error.kind(), StoreErrorKind::Conflict, "{id} {address}");
    }
    assert_eq!(store.count().await.expect("count"), 1);
    assert!(store.find_by_id(&user_id("u2")).await.expect("find_by_id").is_none());
}

/// Ids that differ by case, an accent or a trailing space are different users on every database.
pub async fn e1_user_ids_are_compared_by_their_bytes(store: AnyStore) {
    let ids = ["id", "ID", "\u{ed}d", "id ", " id"];
    let open: Vec<UserId> = ids.iter().map(|id| user_id(id)).collect();
    for (n, id) in open.iter().enumerate() {
        let user = NewUserRecord { id: *id, ..new_user("-", &format!("u{n}@example.com")) };
        store.create(&user).await.expect("create");
    }
    let mut sessions = Vec::new();
    for (n, id) in (1..).zip(&open) {
        sessions.push(opened(&store, n, *id).await);
    }
    assert_eq!(store.end_sessions(&open[0], None, RevokeReason::Ended, NOW).await.expect("end_sessions"), 1);
    for (id, session) in open.iter().zip(&sessions) {
        let found = store.find_by_id(id).await.expect("find_by_id").expect("a user");
        assert_eq!(found.id, *id);
        let is_first = *id == open[0];
        assert_eq!(store.epoch(id).await.expect("epoch"), Epoch(u64::from(is_first)), "{id:?}");
        assert_eq!(is_alive(&store, *session).await, !is_first, "{id:?}");
        assert_eq!(store.list(id, NOW).await.expect("list").len(), usize::from(!is_first), "{id:?}");
    }
}

/// There is nothing to replace where there is no password.
pub async fn rehash_of_a_user_without_a_password_does_nothing(store: AnyStore) {
    let without = NewUserRecord { password: None, ..new_user("u1", "u1@example.com") };
    let id = store.create(&without).await.expect("create");
    let hash = PasswordHash::from_phc(HASH);
    assert!(!store.rehash(&id, &hash, &hash).await.expect("rehash"));
}

/// The same password with stronger parameters ends nothing.
pub async fn rehash_ends_no_session(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let id = opened(&store, 1, user).await;
    let (first, second) = (PasswordHash::from_phc(HASH), PasswordHash::from_phc("$argon2id$other"));
    assert!(store.rehash(&user, &first, &second).await.expect("rehash"));
    assert!(is_alive(&store, id).await);
    assert_eq!(store.epoch(&user).await.expect("epoch"), Epoch(0));
}

/// All sessions of the user end, and nobody else's; those ended before are not counted.
pub async fn r8_end_sessions_ends_all_of_one_user(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let other = stored_user(&store, "u2").await;
    let ids = [opened(&store, 1, user).await, opened(&store, 2, user).await, opened(&store, 3, user).await];
    let theirs = opened(&store, 4, other).await;
    let _ = store.revoke(ids[2], RevokeReason::Logout, NOW).await.expect("revoke");

    let ended = store.end_sessions(&user, None, RevokeReason::CredentialsChanged, seconds(3)).await;
    assert_eq!(ended.expect("end_sessions"), 2);
    assert_eq!(store.epoch(&user).await.expect("epoch"), Epoch(1));
    for id in ids {
        assert!(!is_alive(&store, id).await);
        assert!(loaded(&store, id).await.revoked_at.is_some());
    }
    assert!(is_alive(&store, theirs).await);
    assert_eq!(store.epoch(&other).await.expect("epoch"), Epoch(0));

    let ended = store.end_sessions(&user, None, RevokeReason::CredentialsChanged, seconds(4)).await;
    assert_eq!(ended.expect("end_sessions"), 0);
    assert_eq!(store.epoch(&user).await.expect("epoch"), Epoch(2));
    assert_eq!(loaded(&store, ids[0]).await.revoked_at, Some(seconds(3)));
}

/// The session in which a password is changed goes on, under the new epoch; the others end.
pub async fn r9_end_sessions_keeps_one_and_moves_it_to_the_new_epoch(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let kept = opened(&store, 1, user).await;
    let other = opened(&store, 2, user).await;
    for round in 1..=3 {
        let ended = store.end_sessions(&user, Some(kept), RevokeReason::CredentialsChanged, NOW).await;
        assert_eq!(ended.expect("end_sessions"), u64::from(round == 1));
        assert!(is_alive(&store, kept).await, "round {round}");
        assert_eq!(loaded(&store, kept).await.epoch, Epoch(round));
        assert!(!is_alive(&store, other).await);
    }
}

/// A session that was ended stays ended when it is named as the one to keep.
pub async fn r9_end_sessions_does_not_revive_what_it_keeps(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let id = opened(&store, 1, user).await;
    let _ = store.revoke(id, RevokeReason::Logout, seconds(1)).await.expect("revoke");
    let ended = store.end_sessions(&user, Some(id), RevokeReason::Ended, seconds(2)).await;
    assert_eq!(ended.expect("end_sessions"), 0);
    assert_eq!(loaded(&store, id).await.revoked_at, Some(seconds(1)));
    assert!(!is_alive(&store, id).await);
}
