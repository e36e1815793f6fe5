//! Sessions: open, load, rotate, revoke, list, purge.

use auth_core::store::{
    Epoch, LastAdmin, NewSession, Opened, RevokeReason, Revoked, Rotation, SessionMode, SessionRecord, StoreErrorKind,
    Swap, UpdateTerms, Updated, UserChange, UserStatus,
};
use auth_core::{ClientInfo, SessionId, Timestamp};

use super::given::{
    AnyStore, NOW, loaded, new_session, new_user, opened, rotation, seconds, secret_hash, session_id, stored_user,
    user_id,
};

/// What was opened is what is loaded, beside the user and the epoch.
pub async fn open_then_load_returns_every_field(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let ip = "2001:db8:1234:5678:9abc:def0:1234:5678".parse().ok();
    let agent = "\u{1f980}".repeat(64);
    for (n, mode) in [(1, SessionMode::Json), (2, SessionMode::Cookie), (3, SessionMode::Session)] {
        let new = NewSession {
            aal: 2,
            mode,
            client: ClientInfo::new(ip, Some(&agent)),
            created_at: Timestamp::from_millis(NOW.as_millis() + 1),
            ..new_session(n, user, Epoch(0))
        };
        assert_eq!(store.open(&new).await.expect("open"), Opened::Stored);
        let found = store.load(new.id).await.expect("load").expect("a stored session");
        let expected = SessionRecord {
            id: new.id,
            user,
            epoch: Epoch(0),
            aal: 2,
            family_hash: new.family_hash,
            generation: 0,
            current_hash: new.current_hash,
            previous_hash: None,
            salt: [0; 16],
            key_id: 0,
            mode,
            auth_time: new.created_at,
            created_at: new.created_at,
            rotated_at: None,
            idle_expires_at: new.idle_expires_at,
            absolute_expires_at: new.absolute_expires_at,
            revoked_at: None,
            client: new.client,
        };
        assert_eq!(found.session, expected);
        assert_eq!(found.epoch, Epoch(0));
        let owner = found.user.expect("the user, in the same statement");
        assert_eq!((owner.id, owner.status, owner.epoch), (user, UserStatus::Active, Some(Epoch(0))));
        assert_eq!(owner.email, "u1@example.com");
    }
}

/// An address and a user agent may be unknown.
pub async fn open_without_client_details_stores_none(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let id = opened(&store, 1, user).await;
    assert_eq!(loaded(&store, id).await.client, ClientInfo::default());
}

/// Nothing is found under an id that was never stored.
pub async fn an_unknown_session_is_none(store: AnyStore) {
    assert!(store.load(session_id(9)).await.expect("load").is_none());
}

/// A second session of the same id is a conflict, and leaves the first as it was.
pub async fn a_session_id_is_stored_once(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let id = opened(&store, 1, user).await;
    let again = NewSession { family_hash: [99; 32], ..new_session(1, user, Epoch(0)) };
    assert_eq!(store.open(&again).await.expect_err("a conflict").kind(), StoreErrorKind::Conflict);
    assert_eq!(loaded(&store, id).await.family_hash, [1; 32]);
}

/// Credentials that changed after they were checked open nothing.
pub async fn r9_open_under_another_epoch_is_stale(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    store.end_sessions(&user, None, RevokeReason::CredentialsChanged, NOW).await.expect("end_sessions");
    for epoch in [0, 2, u64::MAX] {
        let new = new_session(1, user, Epoch(epoch));
        assert_eq!(store.open(&new).await.expect("open"), Opened::Stale, "epoch {epoch}");
        assert!(store.load(new.id).await.expect("load").is_none(), "epoch {epoch}");
    }
    assert_eq!(store.open(&new_session(1, user, Epoch(1))).await.expect("open"), Opened::Stored);
}

/// Only active users get sessions.
pub async fn r9_open_for_a_user_who_is_not_active_is_stale(store: AnyStore) {
    for status in UserStatus::ALL.iter().copied() {
        let mut new = new_user(status.as_str(), &format!("{}@example.com", status.as_str()));
        new.status = status;
        store.create(&new).await.expect("create");
        let session = new_session(status as u8, new.id, Epoch(0));
        let expected = if status == UserStatus::Active { Opened::Stored } else { Opened::Stale };
        assert_eq!(store.open(&session).await.expect("open"), expected, "{status:?}");
        assert_eq!(store.load(session.id).await.expect("load").is_some(), expected == Opened::Stored, "{status:?}");
    }
}

/// A user who was removed after the password was checked gets no session.
pub async fn r9_open_for_a_removed_user_is_stale(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    assert_eq!(store.delete(&user, LastAdmin::MayGo, NOW).await.expect("delete"), Updated::Done);
    assert_eq!(store.open(&new_session(1, user, Epoch(0))).await.expect("open"), Opened::Stale);
}

/// Users may live in a table of the app: their sessions are kept, and ended, here.
pub async fn users_unknown_to_the_store_have_sessions(store: AnyStore) {
    let user = user_id("4711");
    let id = opened(&store, 1, user).await;
    let found = store.load(id).await.expect("load").expect("a stored session");
    assert!(found.user.is_none());
    assert_eq!(found.epoch, Epoch(0));
    assert_eq!(store.rotate(&rotation(1, 0)).await.expect("rotate"), Swap::Won);
    assert_eq!(store.end_sessions(&user, None, RevokeReason::Ended, NOW).await.expect("end_sessions"), 1);
    assert_eq!(store.epoch(&user).await.expect("epoch"), Epoch(1));
    assert_eq!(store.open(&new_session(2, user, Epoch(0))).await.expect("open"), Opened::Stale);
    assert_eq!(store.open(&new_session(2, user, Epoch(1))).await.expect("open"), Opened::Stored);
}

/// A user of whom nothing is stored has epoch 0.
pub async fn an_unknown_user_has_epoch_zero(store: AnyStore) {
    assert_eq!(store.epoch(&user_id("nobody")).await.expect("epoch"), Epoch(0));
}

/// A rotation changes what it says, and no other field.
pub async fn rotate_replaces_the_secret_and_nothing_else(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let other = opened(&store, 2, user).await;
    let id = opened(&store, 1, user).await;
    let before = loaded(&store, id).await;
    let untouched = loaded(&store, other).await;
    let rotation = rotation(1, 0);
    assert_eq!(store.rotate(&rotation).await.expect("rotate"), Swap::Won);
    let expected = SessionRecord {
        generation: 1,
        current_hash: rotation.successor,
        previous_hash: Some(rotation.expected),
        salt: rotation.salt,
        key_id: rotation.key_id,
        rotated_at: Some(rotation.now),
        idle_expires_at: rotation.idle_expires_at,
        ..before
    };
    assert_eq!(loaded(&store, id).await, expected);
    assert_eq!(loaded(&store, other).await, untouched);
}

/// One secret is replaced once.
pub async fn r3_rotate_wins_once(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    opened(&store, 1, user).await;
    assert_eq!(store.rotate(&rotation(1, 0)).await.expect("rotate"), Swap::Won);
    assert_eq!(store.rotate(&rotation(1, 0)).await.expect("rotate"), Swap::Lost);
}

/// A rotation from what is not the current secret changes nothing.
pub async fn rotate_from_another_hash_loses_and_writes_nothing(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let id = opened(&store, 1, user).await;
    assert_eq!(store.rotate(&rotation(1, 0)).await.expect("rotate"), Swap::Won);
    let before = loaded(&store, id).await;
    for expected in [secret_hash(1, 0), secret_hash(1, 2), [0; 32]] {
        let wrong = Rotation { expected, successor: [7; 32], ..rotation(1, 1) };
        assert_eq!(store.rotate(&wrong).await.expect("rotate"), Swap::Lost);
    }
    assert_eq!(loaded(&store, id).await, before);
}

/// Revocation wins: an ended session never moves again.
pub async fn rotate_of_an_ended_session_loses_and_writes_nothing(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let id = opened(&store, 1, user).await;
    assert_eq!(store.revoke(id, RevokeReason::Logout, NOW).await.expect("revoke"), Swap::Won);
    let before = loaded(&store, id).await;
    assert_eq!(store.rotate(&rotation(1, 0)).await.expect("rotate"), Swap::Lost);
    assert_eq!(loaded(&store, id).await, before);
}

/// There is nothing to rotate under an unknown id.
pub async fn rotate_of_an_unknown_session_loses(store: AnyStore) {
    assert_eq!(store.rotate(&rotation(1, 0)).await.expect("rotate"), Swap::Lost);
    assert!(store.load(session_id(1)).await.expect("load").is_none());
}

/// The generation is the number of rotations.
pub async fn rotations_are_counted_one_by_one(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let id = opened(&store, 1, user).await;
    for generation in 0..20 {
        assert_eq!(store.rotate(&rotation(1, generation)).await.expect("rotate"), Swap::Won);
        let session = loaded(&store, id).await;
        assert_eq!(session.generation, u64::from(generation) + 1);
        assert_eq!(session.previous_hash, Some(secret_hash(1, generation)));
        assert_eq!(session.current_hash, secret_hash(1, generation + 1));
    }
}

/// Ending a session twice keeps the first time.
pub async fn revoke_keeps_the_first_time(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let id = opened(&store, 1, user).await;
    let other = opened(&store, 2, user).await;
    assert_eq!(store.revoke(id, RevokeReason::Reuse, seconds(5)).await.expect("revoke"), Swap::Won);
    assert_eq!(store.revoke(id, RevokeReason::Logout, seconds(9)).await.expect("revoke"), Swap::Lost);
    store.end_sessions(&user, None, RevokeReason::Ended, seconds(10)).await.expect("end_sessions");
    assert_eq!(loaded(&store, id).await.revoked_at, Some(seconds(5)));
    assert_eq!(loaded(&store, other).await.revoked_at, Some(seconds(10)));
}

/// There is nothing to end under an unknown id.
pub async fn revoke_of_an_unknown_session_loses(store: AnyStore) {
    assert_eq!(store.revoke(session_id(1), RevokeReason::Logout, NOW).await.expect("revoke"), Swap::Lost);
}

/// Those that are over count for nothing, nor do those of others.
pub async fn end_beyond_ends_the_oldest_of_the_living(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let somebody_else = stored_user(&store, "u2").await;
    let created = |n: u8, at: i64| NewSession { created_at: seconds(at), ..new_session(n, user, Epoch(0)) };
    let all = [
        created(1, 5),
        created(2, 4),
        created(3, 3),
        created(4, 3),
        created(5, 1),
        NewSession { idle_expires_at: seconds(100), ..created(6, 9) },
        created(7, 8),
        new_session(8, somebody_else, Epoch(0)),
    ];
    for new in &all {
        assert_eq!(store.open(new).await.expect("open"), Opened::Stored);
    }
    assert_eq!(store.revoke(session_id(7), RevokeReason::Logout, NOW).await.expect("revoke"), Swap::Won);
    let beyond = async |keep| store.end_beyond(&user, keep, seconds(100)).await.expect("ends");
    assert_eq!(beyond(5).await, []);
    let mut ended = beyond(3).await;
    ended.sort_unstable();
    assert_eq!(ended, [session_id(3), session_id(5)], "of one moment the lower id is the older");
    assert_eq!(beyond(3).await, []);
    let left = store.list(&user, seconds(100)).await.expect("list");
    assert_eq!(left.iter().map(|session| session.id).collect::<Vec<_>>(), [1, 2, 4].map(session_id));
    assert_eq!(loaded(&store, session_id(3)).await.revoked_at, Some(seconds(100)));
    assert!(store.revoked_since(seconds(100)).await.expect("reads").contains(&Revoked::Session(session_id(5))));
    assert_eq!(store.list(&somebody_else, seconds(100)).await.expect("list").len(), 1);
}

/// The list has the user's own sessions that are neither ended nor expired, newest first.
pub async fn list_has_the_living_newest_first(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let somebody_else = stored_user(&store, "u2").await;
    let session = |n: u8| new_session(n, user, Epoch(0));
    let created = |n: u8, at: i64| NewSession { created_at: seconds(at), ..session(n) };
    let all = [
        created(1, 1),
        created(2, 3),
        created(3, 2),
        // Of the same moment: by id, so that the order is the same on every database.
        created(4, 2),
        NewSession { idle_expires_at: seconds(100), ..session(5) },
        NewSession { absolute_expires_at: seconds(100), ..session(6) },
        session(7),
        new_session(8, somebody_else, Epoch(0)),
    ];
    for new in &all {
        assert_eq!(store.open(new).await.expect("open"), Opened::Stored);
    }
    assert_eq!(store.revoke(session_id(7), RevokeReason::Logout, NOW).await.expect("revoke"), Swap::Won);

    let ids = async |now| -> Vec<SessionId> {
        store.list(&user, now).await.expect("list").into_iter().map(|session| session.id).collect()
    };
    let expected = |numbers: &[u8]| numbers.iter().map(|n| session_id(*n)).collect::<Vec<_>>();
    assert_eq!(ids(seconds(99)).await, expected(&[2, 4, 3, 1, 6, 5]));
    assert_eq!(ids(seconds(100)).await, expected(&[2, 4, 3, 1]), "expired at its very expiry");
    assert_eq!(ids(seconds(6000)).await, expected(&[]));
    assert_eq!(store.list(&user_id("nobody"), NOW).await.expect("list"), []);
    let listed = store.list(&user, seconds(99)).await.expect("list");
    assert_eq!(listed[0], loaded(&store, session_id(2)).await);
}

/// A purge removes sessions past either expiry, at most `limit` of them, and says how many.
pub async fn f6_purge_removes_what_expired_and_no_more_than_asked_for(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    for n in 1..=6 {
        let mut new = new_session(n, user, Epoch(0));
        match n {
            1 | 2 => new.idle_expires_at = seconds(10),
            3 => new.absolute_expires_at = seconds(10),
            4 => new.idle_expires_at = seconds(20),
            _ => {}
        }
        assert_eq!(store.open(&new).await.expect("open"), Opened::Stored);
    }
    // One that was ended is kept until it expires: the revocation feed reads it.
    assert_eq!(store.revoke(session_id(5), RevokeReason::Logout, NOW).await.expect("revoke"), Swap::Won);

    assert_eq!(store.purge_expired(seconds(10), 100).await.expect("purge"), 0, "expiry is not before itself");
    assert_eq!(store.purge_expired(seconds(20), 0).await.expect("purge"), 0);
    assert_eq!(store.purge_expired(seconds(20), 2).await.expect("purge"), 2);
    assert_eq!(store.purge_expired(seconds(20), 2).await.expect("purge"), 1);
    for (n, is_there) in [(1, false), (2, false), (3, false), (4, true), (5, true), (6, true)] {
        assert_eq!(store.load(session_id(n)).await.expect("load").is_some(), is_there, "session {n}");
    }
    assert_eq!(store.purge_expired(seconds(7000), u64::MAX).await.expect("purge"), 3);
}

/// However a store divides the work, all that expired is removed.
pub async fn f6_purge_removes_more_than_one_batch(store: AnyStore) {
    const SESSIONS: u16 = 1100;
    let user = user_id("app-user");
    for n in 0..SESSIONS {
        let mut id = [0; 16];
        id[..2].copy_from_slice(&n.to_be_bytes());
        let new = NewSession { id: SessionId::from_bytes(id), ..new_session(1, user, Epoch(0)) };
        assert_eq!(store.open(&new).await.expect("open"), Opened::Stored);
    }
    assert_eq!(store.purge_expired(seconds(7000), 1050).await.expect("purge"), 1050);
    assert_eq!(store.purge_expired(seconds(7000), 1050).await.expect("purge"), 50);
    assert_eq!(store.purge_expired(seconds(7000), 1050).await.expect("purge"), 0);
}

/// A kept session under a change that a user record went through is not confused with another user's.
pub async fn end_sessions_keeps_no_session_of_somebody_else(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let other = stored_user(&store, "u2").await;
    let mine = opened(&store, 1, user).await;
    let theirs = opened(&store, 2, other).await;
    let before = loaded(&store, theirs).await;
    assert_eq!(store.end_sessions(&user, Some(theirs), RevokeReason::Ended, NOW).await.expect("end_sessions"), 1);
    assert!(loaded(&store, mine).await.revoked_at.is_some());
    assert_eq!(loaded(&store, theirs).await, before);
    assert_eq!(
        store.update(&other, &UserChange::default(), UpdateTerms::default(), NOW).await.expect("update"),
        Updated::Done
    );
    assert!(loaded(&store, theirs).await.revoked_at.is_some());
}
