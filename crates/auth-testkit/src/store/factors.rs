//! Second factors: pending, enabled, used, removed.

use auth_core::store::{
    ActiveFactor, Enabling, Epoch, LastAdmin, PendingFactor, RecoveryHash, RevokeReason, Revoked, Sealed, SecondFactor,
    Step, Swap, UpdateTerms, Updated, UserChange,
};
use auth_core::{SessionId, UserId};

use super::given::{AnyStore, NOW, is_alive, loaded, opened, seconds, session_id, stored_user, user_id};

pub(super) fn secret(n: u8) -> Sealed {
    // As long as a store must take, with bytes that no text has.
    let mut bytes = vec![n; Sealed::MAX_BYTES];
    bytes[..4].copy_from_slice(&[0, 0xff, b'\'', b'\\']);
    Sealed::from_bytes(bytes)
}

pub(super) fn pending(n: u8) -> PendingFactor {
    PendingFactor { secret: secret(n), session: session_id(n), created_at: seconds(i64::from(n)) }
}

/// Makes pending factor `n` the active one, at step 100.
pub(super) fn enabling(n: u8, expected: Epoch, keep: Option<SessionId>) -> Enabling {
    Enabling {
        expected,
        pending: secret(n),
        secret: secret(n + 100),
        step: Step(100),
        recovery_codes: (0..10).map(|code| recovery_code(n, code)).collect(),
        keep,
    }
}

pub(super) fn recovery_code(n: u8, code: u8) -> RecoveryHash {
    let mut hash = [n; 32];
    hash[0] = code;
    hash[31] = 0;
    RecoveryHash::from_bytes(hash)
}

pub(super) async fn factor_of(store: &AnyStore, user: &UserId) -> SecondFactor {
    store.second_factor(user).await.expect("second_factor")
}

/// Gives the user factor `n`, at step 100, with ten recovery codes.
pub(super) async fn enabled(store: &AnyStore, n: u8, user: &UserId, keep: Option<SessionId>) {
    assert_eq!(store.keep_pending(user, &pending(n)).await.expect("keep_pending"), Swap::Won);
    let epoch = store.epoch(user).await.expect("epoch");
    let swap = store.enable_factor(user, &enabling(n, epoch, keep), seconds(1)).await.expect("enable_factor");
    assert_eq!(swap, Swap::Won);
}

/// Nothing is known of a user without one, whether the store holds the user or not; and nothing can be done with it.
pub async fn a_user_without_a_factor_has_none(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    for user in [user, user_id("elsewhere")] {
        let id = opened(&store, if user == user_id("u1") { 1 } else { 2 }, user).await;
        assert_eq!(factor_of(&store, &user).await, SecondFactor::default());
        assert!(!store.load(id).await.expect("load").expect("a session").has_factor);
        assert_eq!(store.accept_step(&user, Step(1)).await.expect("accept_step"), Swap::Lost);
        assert_eq!(store.use_recovery_code(&user, &recovery_code(1, 1), NOW).await.expect("use"), Swap::Lost);
        assert_eq!(store.disable_factor(&user, Epoch(0), None, NOW).await.expect("disable"), Swap::Lost);
        let codes = store.replace_recovery_codes(&user, Epoch(0), &[recovery_code(1, 1)]).await;
        assert_eq!(codes.expect("replace_recovery_codes"), Swap::Lost);
        assert_eq!(store.reseal(&user, &secret(1), &secret(2)).await.expect("reseal"), Swap::Lost);
        let without_pending = enabling(1, Epoch(0), None);
        assert_eq!(store.enable_factor(&user, &without_pending, NOW).await.expect("enable"), Swap::Lost);
        assert_eq!(factor_of(&store, &user).await, SecondFactor::default());
        assert_eq!(store.epoch(&user).await.expect("epoch"), Epoch(0));
        assert!(is_alive(&store, id).await);
    }
}

/// A pending factor is kept as it is, in place of an earlier one; it is asked for by nobody, and ends no session.
pub async fn m4_the_last_pending_factor_is_kept(store: AnyStore) {
    let user = user_id("elsewhere");
    let id = opened(&store, 1, user).await;
    for n in [1, 2] {
        assert_eq!(store.keep_pending(&user, &pending(n)).await.expect("keep_pending"), Swap::Won);
        let expected = SecondFactor { pending: Some(pending(n)), ..SecondFactor::default() };
        assert_eq!(factor_of(&store, &user).await, expected);
    }
    assert!(is_alive(&store, id).await);
    assert!(!store.load(id).await.expect("load").expect("a session").has_factor);
    assert_eq!(store.accept_step(&user, Step(u64::from(u32::MAX))).await.expect("accept_step"), Swap::Lost);
    assert_eq!(factor_of(&store, &user_id("somebody else")).await, SecondFactor::default());
}

/// The pending secret that was read is enabled, and no other; the step that confirmed it counts as used.
pub async fn m4_only_the_expected_pending_factor_is_enabled(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    for n in [1, 2] {
        let _ = store.keep_pending(&user, &pending(n)).await.expect("keep_pending");
    }
    let replaced = enabling(1, Epoch(0), None);
    assert_eq!(store.enable_factor(&user, &replaced, NOW).await.expect("enable"), Swap::Lost);
    let of_another_epoch = enabling(2, Epoch(1), None);
    assert_eq!(store.enable_factor(&user, &of_another_epoch, NOW).await.expect("enable"), Swap::Lost);
    assert_eq!(factor_of(&store, &user).await.pending, Some(pending(2)));
    assert_eq!(store.epoch(&user).await.expect("epoch"), Epoch(0));

    enabled(&store, 2, &user, None).await;
    let active = Some(ActiveFactor { secret: secret(102), last_step: Step(100) });
    let expected = SecondFactor { active, pending: None, recovery_codes_left: 10 };
    assert_eq!(factor_of(&store, &user).await, expected);
    assert_eq!(store.accept_step(&user, Step(100)).await.expect("accept_step"), Swap::Lost, "it confirmed the factor");
    assert_eq!(store.epoch(&user).await.expect("epoch"), Epoch(1));
}

/// A pending factor never takes the place of an active one.
pub async fn m4_an_active_factor_is_not_replaced(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    enabled(&store, 1, &user, None).await;
    let before = factor_of(&store, &user).await;
    assert_eq!(store.keep_pending(&user, &pending(2)).await.expect("keep_pending"), Swap::Lost);
    assert_eq!(store.enable_factor(&user, &enabling(2, Epoch(1), None), NOW).await.expect("enable"), Swap::Lost);
    assert_eq!(store.enable_factor(&user, &enabling(1, Epoch(1), None), NOW).await.expect("enable"), Swap::Lost);
    assert_eq!(factor_of(&store, &user).await, before);
    assert_eq!(store.epoch(&user).await.expect("epoch"), Epoch(1));
}

/// Steps go up: one that was taken, and every one before it, is refused.
pub async fn m1_a_step_is_accepted_once_and_none_before_it(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let other = stored_user(&store, "u2").await;
    enabled(&store, 1, &user, None).await;
    enabled(&store, 2, &other, None).await;
    for (step, swap) in
        [(99, Swap::Lost), (101, Swap::Won), (101, Swap::Lost), (100, Swap::Lost), (103, Swap::Won), (102, Swap::Lost)]
    {
        assert_eq!(store.accept_step(&user, Step(step)).await.expect("accept_step"), swap, "{step}");
    }
    let last_step = |factor: SecondFactor| factor.active.map(|active| active.last_step);
    assert_eq!(last_step(factor_of(&store, &user).await), Some(Step(103)));
    assert_eq!(last_step(factor_of(&store, &other).await), Some(Step(100)), "steps are those of one user");
    // As far as a clock can go.
    let furthest = u64::try_from(i64::MAX / 30_000).expect("positive");
    assert_eq!(store.accept_step(&user, Step(furthest)).await.expect("accept_step"), Swap::Won);
    assert_eq!(last_step(factor_of(&store, &user).await), Some(Step(furthest)));
}

/// Enabling ends every session but the one that did it, which becomes one of two factors, under the new epoch.
pub async fn r9_enabling_ends_every_other_session(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let other = stored_user(&store, "u2").await;
    let kept = opened(&store, 1, user).await;
    let ended = opened(&store, 2, user).await;
    let theirs = opened(&store, 3, other).await;
    enabled(&store, 1, &user, Some(kept)).await;
    assert!(is_alive(&store, kept).await && is_alive(&store, theirs).await);
    assert_eq!((loaded(&store, kept).await.epoch, loaded(&store, kept).await.aal), (Epoch(1), 2));
    assert_eq!(loaded(&store, ended).await.revoked_at, Some(seconds(1)));
    assert_eq!(loaded(&store, ended).await.aal, 1);
    assert_eq!(loaded(&store, theirs).await.aal, 1);
    assert!(store.load(kept).await.expect("load").expect("a session").has_factor);
    assert!(!store.load(theirs).await.expect("load").expect("a session").has_factor);
    let told = store.revoked_since(NOW).await.expect("revoked_since");
    assert_eq!(told, [Revoked::Session(ended)], "the access token of the kept session counts");
}

/// A session of somebody else, or one that is dead, is not kept and not made one of two factors.
pub async fn r9_enabling_keeps_no_session_that_is_not_the_users(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let dead = opened(&store, 1, user).await;
    store.end_sessions(&user, None, RevokeReason::Ended, NOW).await.expect("end_sessions");
    enabled(&store, 1, &user, Some(dead)).await;
    assert!(!is_alive(&store, dead).await);
    assert_eq!(loaded(&store, dead).await.aal, 1);

    let (other, third) = (stored_user(&store, "u2").await, stored_user(&store, "u3").await);
    let theirs = opened(&store, 2, third).await;
    let before = loaded(&store, theirs).await;
    enabled(&store, 2, &other, Some(theirs)).await;
    assert_eq!(loaded(&store, theirs).await, before);
}

/// Disabling removes factor, pending factor and codes, ends the other sessions, and lowers the kept one to one factor.
pub async fn r9_disabling_ends_every_other_session_and_leaves_nothing(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    enabled(&store, 1, &user, None).await;
    let kept = opened(&store, 1, user).await;
    let ended = opened(&store, 2, user).await;
    assert_eq!(store.disable_factor(&user, Epoch(0), Some(kept), NOW).await.expect("disable"), Swap::Lost);
    assert!(is_alive(&store, ended).await);
    assert_eq!(store.disable_factor(&user, Epoch(1), Some(kept), seconds(2)).await.expect("disable"), Swap::Won);
    assert_eq!(factor_of(&store, &user).await, SecondFactor::default());
    assert!(is_alive(&store, kept).await);
    assert_eq!((loaded(&store, kept).await.epoch, loaded(&store, kept).await.aal), (Epoch(2), 1));
    assert_eq!(loaded(&store, ended).await.revoked_at, Some(seconds(2)));
    assert_eq!(store.use_recovery_code(&user, &recovery_code(1, 0), NOW).await.expect("use"), Swap::Lost);
    assert_eq!(store.accept_step(&user, Step(1000)).await.expect("accept_step"), Swap::Lost);

    // Once more, keeping nothing: every guard hears of it.
    enabled(&store, 2, &user, Some(kept)).await;
    assert_eq!(store.disable_factor(&user, Epoch(3), None, seconds(60)).await.expect("disable"), Swap::Won);
    assert!(!is_alive(&store, kept).await);
    let told = store.revoked_since(seconds(60)).await.expect("revoked_since");
    assert!(told.contains(&Revoked::User { user, lowest_epoch: Epoch(4) }), "{told:?}");
}

/// A recovery code counts once, for its user, until a new set replaces it.
pub async fn m7_a_recovery_code_is_used_once(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let other = stored_user(&store, "u2").await;
    enabled(&store, 1, &user, None).await;
    enabled(&store, 2, &other, None).await;
    let use_code =
        async |user: &UserId, code: RecoveryHash| store.use_recovery_code(user, &code, NOW).await.expect("use");
    let left = async || factor_of(&store, &user).await.recovery_codes_left;
    assert_eq!(use_code(&user, recovery_code(1, 3)).await, Swap::Won);
    assert_eq!(use_code(&user, recovery_code(1, 3)).await, Swap::Lost);
    assert_eq!(use_code(&user, recovery_code(2, 3)).await, Swap::Lost, "somebody else's");
    assert_eq!(use_code(&other, recovery_code(1, 4)).await, Swap::Lost, "somebody else's");
    assert_eq!(use_code(&user, recovery_code(1, 10)).await, Swap::Lost, "no such code");
    assert_eq!(left().await, 9);

    let fresh: Vec<_> = (0..10).map(|code| recovery_code(7, code)).collect();
    let replaced = store.replace_recovery_codes(&user, Epoch(0), &fresh).await.expect("replace");
    assert_eq!(replaced, Swap::Lost, "under another epoch");
    assert_eq!(left().await, 9);
    assert_eq!(store.replace_recovery_codes(&user, Epoch(1), &fresh).await.expect("replace"), Swap::Won);
    assert_eq!(left().await, 10);
    assert_eq!(use_code(&user, recovery_code(1, 4)).await, Swap::Lost, "of the old set");
    assert_eq!(use_code(&user, recovery_code(7, 4)).await, Swap::Won);
    assert_eq!(factor_of(&store, &other).await.recovery_codes_left, 10);
    assert_eq!(store.epoch(&user).await.expect("epoch"), Epoch(1), "new codes end no session");
}

/// The same secret under another key: nothing else changes.
pub async fn a_secret_is_sealed_again_if_it_is_the_expected_one(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    enabled(&store, 1, &user, None).await;
    let id = opened(&store, 1, user).await;
    assert_eq!(store.reseal(&user, &secret(1), &secret(9)).await.expect("reseal"), Swap::Lost);
    assert_eq!(store.reseal(&user, &secret(101), &secret(9)).await.expect("reseal"), Swap::Won);
    let active = factor_of(&store, &user).await.active.expect("a factor");
    assert_eq!(active, ActiveFactor { secret: secret(9), last_step: Step(100) });
    assert!(is_alive(&store, id).await);
}

/// A change of the user leaves the factor alone (requirement S5); a removal takes it along, so that a user who is made
/// again under the same id has none.
pub async fn r9_a_removed_user_leaves_no_factor(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    enabled(&store, 1, &user, None).await;
    let before = factor_of(&store, &user).await;
    let updated = store.update(&user, &UserChange::default(), UpdateTerms::default(), NOW).await.expect("update");
    assert_eq!(updated, Updated::Done);
    assert_eq!(factor_of(&store, &user).await, before);
    assert_eq!(store.delete(&user, LastAdmin::MayGo, NOW).await.expect("delete"), Updated::Done);
    assert_eq!(factor_of(&store, &user).await, SecondFactor::default());
    assert_eq!(store.use_recovery_code(&user, &recovery_code(1, 0), NOW).await.expect("use"), Swap::Lost);
    stored_user(&store, "u1").await;
    assert_eq!(factor_of(&store, &user).await, SecondFactor::default());
}
