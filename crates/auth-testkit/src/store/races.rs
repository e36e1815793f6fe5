//! What must hold however operations meet.

use std::future::Future;
use std::sync::Arc;

use auth_core::store::{
    Epoch, LastAdmin, NewSession, Opened, RevokeReason, Rotation, Swap, UpdateTerms, Updated, UserChange, UserStatus,
};
use auth_core::{PasswordHash, SessionId};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::given::{AnyStore, NOW, is_alive, loaded, new_session, opened, rotation, seconds, stored_user, user_id};

const ROUNDS: u64 = 40;

/// Of many that replace the same secret at once, one wins; its successor is stored, and no other.
pub async fn r3_of_64_concurrent_rotations_one_wins(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let id = opened(&store, 1, user).await;
    for generation in 0..5 {
        let attempts = (0..64_u8).map(|n| {
            let store = store.clone();
            async move {
                let attempt = Rotation { successor: successor(generation, n), ..rotation(1, 0) };
                let expected = if generation == 0 { attempt.expected } else { loaded(&store, id).await.current_hash };
                (expected, Rotation { expected, ..attempt })
            }
        });
        // All of them read first, so that all of them start from the same secret.
        let ready = together(attempts).await;
        assert!(ready.iter().all(|(expected, _)| *expected == ready[0].0));
        let swaps = together(ready.into_iter().map(|(_, attempt)| {
            let store = store.clone();
            async move { (store.rotate(&attempt).await.expect("rotate"), attempt.successor) }
        }))
        .await;
        let winners: Vec<_> = swaps.iter().filter(|(swap, _)| *swap == Swap::Won).collect();
        assert_eq!(winners.len(), 1, "generation {generation}");
        let session = loaded(&store, id).await;
        assert_eq!(session.current_hash, winners[0].1);
        assert_eq!(session.generation, u64::from(generation) + 1);
    }
}

fn successor(generation: u8, n: u8) -> [u8; 32] {
    let mut hash = [generation + 100; 32];
    hash[5] = n;
    hash
}

/// Sessions opened while all of the user's sessions are ended: either they were first and are ended too, or they are
/// refused.
pub async fn r9_open_beside_end_sessions_leaves_no_live_session_of_the_old_epoch(store: AnyStore) {
    for round in 0..ROUNDS {
        let user = user_id(&format!("user-{round}"));
        // A user of whom something is stored already, and one of whom nothing is.
        if round % 2 == 0 {
            store.end_sessions(&user, None, RevokeReason::Ended, NOW).await.expect("end_sessions");
        }
        let epoch = store.epoch(&user).await.expect("epoch");
        let opens = (0..6).map(|n| open_one(store.clone(), numbered(round, n, new_session(1, user, epoch))));
        let ender = store.clone();
        let end = async move {
            ender.end_sessions(&user, None, RevokeReason::CredentialsChanged, seconds(1)).await.expect("end_sessions");
            None
        };
        let outcomes = together_with(opens, end).await;
        assert_eq!(store.epoch(&user).await.expect("epoch"), Epoch(epoch.0 + 1), "round {round}");
        for id in outcomes.into_iter().flatten() {
            assert!(loaded(&store, id).await.revoked_at.is_some(), "round {round}: a session slipped through");
        }
        assert_eq!(store.list(&user, NOW).await.expect("list"), [], "round {round}");
    }
}

/// The same for a user who is suspended, and for one who is removed.
pub async fn r9_open_beside_a_suspension_leaves_no_live_session(store: AnyStore) {
    for round in 0..ROUNDS {
        let user = stored_user(&store, &format!("user-{round}")).await;
        store.end_sessions(&user, None, RevokeReason::Ended, NOW).await.expect("end_sessions");
        let opens = (0..6).map(|n| open_one(store.clone(), numbered(round, n, new_session(1, user, Epoch(1)))));
        let changer = store.clone();
        let change = async move {
            if round % 2 == 0 {
                let change = UserChange { status: Some(UserStatus::Suspended), ..UserChange::default() };
                assert_eq!(
                    changer.update(&user, &change, UpdateTerms::default(), seconds(1)).await.expect("update"),
                    Updated::Done
                );
            } else {
                assert_eq!(changer.delete(&user, LastAdmin::MayGo, seconds(1)).await.expect("delete"), Updated::Done);
            }
            None
        };
        for id in together_with(opens, change).await.into_iter().flatten() {
            assert!(!is_alive(&store, id).await, "round {round}");
            assert!(loaded(&store, id).await.revoked_at.is_some(), "round {round}: a session slipped through");
        }
    }
}

/// Of many changes that expect the same epoch, one is made: a link that is used 32 times at once works once.
pub async fn s2_of_32_updates_that_expect_one_epoch_one_is_done(store: AnyStore) {
    for round in 0..5 {
        let user = stored_user(&store, &format!("user-{round}")).await;
        for epoch in 0..2 {
            let terms = UpdateTerms { expected: Some(Epoch(epoch)), ..UpdateTerms::default() };
            let updates = (0..32).map(|n| {
                let store = store.clone();
                let hash = PasswordHash::from_phc(format!("$argon2id$of-{epoch}-{n}"));
                let change = UserChange { password: Some(hash), ..UserChange::default() };
                async move { (n, store.update(&user, &change, terms, NOW).await.expect("update")) }
            });
            let outcomes = together(updates).await;
            let done: Vec<_> = outcomes.iter().filter(|(_, updated)| *updated == Updated::Done).collect();
            assert_eq!(done.len(), 1, "round {round}, epoch {epoch}");
            assert!(outcomes.iter().all(|(_, updated)| *updated != Updated::NoSuchUser));
            let found = store.find_by_id(&user).await.expect("find_by_id").expect("a user");
            let expected = format!("$argon2id$of-{epoch}-{}", done[0].0);
            assert_eq!(found.password.as_ref().map(PasswordHash::as_phc), Some(expected.as_str()), "round {round}");
            assert_eq!(store.epoch(&user).await.expect("epoch"), Epoch(epoch + 1), "round {round}");
        }
    }
}

/// Whichever comes first, an ended session stays ended.
pub async fn r9_a_rotation_beside_revoke_ends_revoked(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    for n in 1..=30 {
        let id = opened(&store, n, user).await;
        let (rotator, revoker) = (store.clone(), store.clone());
        let rotate = async move { rotator.rotate(&rotation(n, 0)).await.expect("rotate") };
        let revoke = async move { revoker.revoke(id, RevokeReason::Logout, NOW).await.expect("revoke") };
        let swaps = together_with([rotate].into_iter(), revoke).await;
        assert!(swaps.contains(&Swap::Won));
        assert_eq!(loaded(&store, id).await.revoked_at, Some(NOW));
    }
}

/// Logins, refreshes, logouts and changes of credentials of many users at once: no error comes out of it.
pub async fn f4_concurrent_work_on_many_users_fails_nowhere(store: AnyStore) {
    let work = (0..16_u8).map(|n| {
        let store = store.clone();
        async move {
            let user = stored_user(&store, &format!("user-{n}")).await;
            for round in 0..5_u8 {
                let session = 1 + n * 10 + round;
                let id = opened(&store, session, user).await;
                assert_eq!(store.rotate(&rotation(session, 0)).await.expect("rotate"), Swap::Won);
                let keep = (round % 2 == 0).then_some(id);
                store.end_sessions(&user, keep, RevokeReason::Ended, NOW).await.expect("end_sessions");
                store.purge_expired(seconds(-1), 10).await.expect("purge");
                assert_eq!(is_alive(&store, id).await, keep.is_some());
                assert_eq!(
                    store.update(&user, &UserChange::default(), UpdateTerms::default(), NOW).await.expect("update"),
                    Updated::Done
                );
                assert!(!is_alive(&store, id).await);
            }
            assert_eq!(store.epoch(&user).await.expect("epoch"), Epoch(10));
        }
    });
    together(work).await;
    assert_eq!(store.count().await.expect("count"), 16);
}

/// An id for session `n` of `round`.
pub(super) fn numbered(round: u64, n: u8, session: NewSession) -> NewSession {
    let mut id = [n; 16];
    id[..8].copy_from_slice(&round.to_be_bytes());
    NewSession { id: SessionId::from_bytes(id), ..session }
}

pub(super) async fn open_one(store: AnyStore, session: NewSession) -> Option<SessionId> {
    match store.open(&session).await.expect("open") {
        Opened::Stored => Some(session.id),
        Opened::Stale => None,
    }
}

pub(super) async fn together_with<F, G, T>(many: impl Iterator<Item = F>, one: G) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    G: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let boxed = |work: F| -> std::pin::Pin<Box<dyn Future<Output = T> + Send>> { Box::pin(work) };
    let mut all: Vec<_> = many.map(boxed).collect();
    let middle = all.len() / 2;
    all.insert(middle, Box::pin(one));
    together(all).await
}

/// Runs everything as tasks that start at the same moment.
pub(super) async fn together<F, T>(work: impl IntoIterator<Item = F>) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let work: Vec<F> = work.into_iter().collect();
    let start = Arc::new(Barrier::new(work.len()));
    let mut tasks = JoinSet::new();
    for one in work {
        let start = start.clone();
        tasks.spawn(async move {
            start.wait().await;
            one.await
        });
    }
    tasks.join_all().await
}
