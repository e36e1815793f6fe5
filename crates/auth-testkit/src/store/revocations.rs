//! What the store tells guards of revoked access tokens.

use std::collections::HashSet;

use auth_core::store::{Epoch, LastAdmin, RevokeReason, Revoked, UpdateTerms, Updated, UserChange};
use auth_core::{Timestamp, UserId};

use super::given::{AnyStore, NOW, new_user, opened, seconds, session_id, stored_user, user_id};

async fn revoked(store: &AnyStore, since: Timestamp) -> HashSet<Revoked> {
    store.revoked_since(since).await.expect("revoked_since").into_iter().collect()
}

const fn all_of(user: UserId, lowest_epoch: u64) -> Revoked {
    Revoked::User { user, lowest_epoch: Epoch(lowest_epoch) }
}

fn sessions(numbers: impl IntoIterator<Item = u8>) -> HashSet<Revoked> {
    numbers.into_iter().map(|n| Revoked::Session(session_id(n))).collect()
}

/// Nothing was revoked, so there is nothing to tell.
pub async fn r8_a_store_without_revocations_tells_none(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    opened(&store, 1, user).await;
    assert!(revoked(&store, Timestamp::default()).await.is_empty());
}

/// A session that was ended at the very moment, or later, is told; one that was ended before is not.
pub async fn r8_ended_sessions_are_told_from_a_moment_on(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    for n in 1..=4 {
        opened(&store, n, user).await;
    }
    for n in 1..=3 {
        let at = seconds(10 * i64::from(n));
        let _ = store.revoke(session_id(n), RevokeReason::Logout, at).await.expect("revoke");
    }
    assert_eq!(revoked(&store, seconds(20)).await, sessions([2, 3]));
    assert_eq!(revoked(&store, Timestamp::from_millis(seconds(20).as_millis() + 1)).await, sessions([3]));
    assert!(revoked(&store, seconds(31)).await.is_empty());
}

/// The end of all sessions is told of the user too, with the epoch that a later login has.
pub async fn r8_the_end_of_all_sessions_is_told_with_the_lowest_epoch_that_counts(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let other = stored_user(&store, "u2").await;
    opened(&store, 1, user).await;
    opened(&store, 2, other).await;
    store.end_sessions(&user, None, RevokeReason::Ended, seconds(10)).await.expect("end_sessions");
    opened(&store, 3, user).await;
    let expected: HashSet<_> = sessions([1]).into_iter().chain([all_of(user, 1)]).collect();
    assert_eq!(revoked(&store, seconds(10)).await, expected);

    assert_eq!(
        store.update(&user, &UserChange::default(), UpdateTerms::default(), seconds(20)).await.expect("update"),
        Updated::Done
    );
    let expected: HashSet<_> = sessions([3]).into_iter().chain([all_of(user, 2)]).collect();
    assert_eq!(revoked(&store, seconds(20)).await, expected);
}

/// A session that is kept keeps its access token, which has the epoch of before.
pub async fn r9_a_session_that_is_kept_is_not_told(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    store.end_sessions(&user, None, RevokeReason::Ended, seconds(1)).await.expect("end_sessions");
    let kept = opened(&store, 1, user).await;
    opened(&store, 2, user).await;
    store.end_sessions(&user, Some(kept), RevokeReason::Ended, seconds(10)).await.expect("end_sessions");
    assert_eq!(revoked(&store, seconds(2)).await, sessions([2]));
    assert!(revoked(&store, NOW).await.contains(&all_of(user, 1)), "what was told before still holds");
}

/// A user who was removed is remembered, also one who lives elsewhere.
pub async fn r8_removed_users_are_told(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    opened(&store, 1, user).await;
    assert_eq!(store.delete(&user, LastAdmin::MayGo, seconds(10)).await.expect("delete"), Updated::Done);
    let elsewhere = user_id("elsewhere");
    store.end_sessions(&elsewhere, None, RevokeReason::Ended, seconds(10)).await.expect("end_sessions");
    let told = revoked(&store, seconds(10)).await;
    assert!(told.is_superset(&[all_of(user, 1), all_of(elsewhere, 1)].into()), "{told:?}");

    store.create(&new_user("u1", "u1@example.com")).await.expect("create");
    assert!(revoked(&store, seconds(10)).await.contains(&all_of(user, 1)), "created again");
}
