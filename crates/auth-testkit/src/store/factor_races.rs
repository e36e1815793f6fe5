//! What must hold for second factors however operations meet.

use auth_core::SessionId;
use auth_core::store::{Epoch, Opened, PendingFactor, Step, Swap};

use super::factors::{enabled, enabling, factor_of, pending, recovery_code, secret};
use super::given::{AnyStore, NOW, is_alive, loaded, new_session, opened, rotation, seconds, stored_user, user_id};
use super::races::{numbered, open_one, together, together_with};

const ROUNDS: u64 = 25;

/// Of 64 submissions of one code, one counts.
pub async fn m1_of_64_concurrent_submissions_one_is_accepted(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    enabled(&store, 1, &user, None).await;
    for step in [101, 102, 103] {
        let submissions = (0..64).map(|_| {
            let store = store.clone();
            async move { store.accept_step(&user, Step(step)).await.expect("accept_step") }
        });
        let swaps = together(submissions).await;
        assert_eq!(swaps.iter().filter(|swap| **swap == Swap::Won).count(), 1, "step {step}");
        assert_eq!(factor_of(&store, &user).await.active.expect("a factor").last_step, Step(step));
    }
}

/// Codes of neighbouring steps at once: whatever the order, the last accepted one is the highest, and the sequence of
/// those accepted went up.
pub async fn m2_concurrent_submissions_of_neighbouring_steps_go_up(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    enabled(&store, 1, &user, None).await;
    for round in 1..=10 {
        let submissions = (0..30).map(|n| {
            let (store, step) = (store.clone(), 100 + 3 * round + n % 3);
            async move { (step, store.accept_step(&user, Step(step)).await.expect("accept_step")) }
        });
        let outcomes = together(submissions).await;
        for step in 100 + 3 * round..103 + 3 * round {
            let won = outcomes.iter().filter(|outcome| **outcome == (step, Swap::Won)).count();
            let is_last = step == 102 + 3 * round;
            assert!(won == 1 || (won == 0 && !is_last), "step {step} was accepted {won} times");
        }
        let last_step = factor_of(&store, &user).await.active.expect("a factor").last_step;
        assert_eq!(last_step, Step(102 + 3 * round));
    }
}

/// Of 64 uses of one recovery code, one counts.
pub async fn m7_of_64_concurrent_uses_of_a_recovery_code_one_counts(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    enabled(&store, 1, &user, None).await;
    for code in 0..3 {
        let uses = (0..64).map(|_| {
            let store = store.clone();
            async move { store.use_recovery_code(&user, &recovery_code(1, code), NOW).await.expect("use") }
        });
        let swaps = together(uses).await;
        assert_eq!(swaps.iter().filter(|swap| **swap == Swap::Won).count(), 1, "code {code}");
        assert_eq!(factor_of(&store, &user).await.recovery_codes_left, 9 - u64::from(code));
    }
}

/// One pending factor enabled from many requests at once, while another takes its place: one wins at most, and what is
/// active is what the winner had.
pub async fn m4_of_concurrent_enablings_one_wins(store: AnyStore) {
    for round in 0..ROUNDS {
        let user = user_id(&format!("user-{round}"));
        assert_eq!(store.keep_pending(&user, &pending(1)).await.expect("keep_pending"), Swap::Won);
        let enablings = (0..6_u8).map(|n| {
            let store = store.clone();
            async move {
                let mut enabling = enabling(1, Epoch(0), None);
                enabling.secret = secret(50 + n);
                enabling.recovery_codes = (0..10).map(|code| recovery_code(50 + n, code)).collect();
                (Some(50 + n), store.enable_factor(&user, &enabling, NOW).await.expect("enable_factor"))
            }
        });
        let other = store.clone();
        let replace = async move {
            let later = PendingFactor { secret: secret(2), ..pending(2) };
            (None, other.keep_pending(&user, &later).await.expect("keep_pending"))
        };
        let outcomes = together_with(enablings, replace).await;
        let won: Vec<u8> =
            outcomes.iter().filter(|(_, swap)| *swap == Swap::Won).filter_map(|(winner, _)| *winner).collect();
        let factor = factor_of(&store, &user).await;
        let epoch = store.epoch(&user).await.expect("epoch");
        match won.as_slice() {
            [winner] => {
                assert_eq!(factor.active.expect("a factor").secret, secret(*winner), "round {round}");
                assert_eq!((factor.pending, factor.recovery_codes_left, epoch), (None, 10, Epoch(1)), "round {round}");
                let theirs = store.use_recovery_code(&user, &recovery_code(*winner, 0), NOW).await.expect("use");
                assert_eq!(theirs, Swap::Won, "round {round}: the codes are the winner's");
            }
            [] => {
                assert_eq!(factor.active, None, "round {round}");
                assert_eq!((factor.pending, epoch), (Some(pending(2)), Epoch(0)), "round {round}");
            }
            _ => panic!("round {round}: {} enablings won", won.len()),
        }
    }
}

/// Logins and refreshes while a factor is enabled or disabled: every session but the kept one is dead afterwards.
pub async fn r9_open_beside_a_change_of_the_factor_leaves_no_other_live_session(store: AnyStore) {
    for round in 0..ROUNDS {
        let user = user_id(&format!("user-{round}"));
        let disables = round % 2 == 1;
        if disables {
            enabled(&store, 1, &user, None).await;
        }
        let epoch = store.epoch(&user).await.expect("epoch");
        let (kept, rotated) = (101, 102);
        let [keep, refreshed] = [kept, rotated].map(|n| numbered(round, n, new_session(n, user, epoch)));
        for session in [&keep, &refreshed] {
            assert_eq!(store.open(session).await.expect("open"), Opened::Stored);
        }
        let _ = store.keep_pending(&user, &pending(1)).await.expect("keep_pending");
        let rotator = store.clone();
        let rotation = auth_core::store::Rotation { id: refreshed.id, ..rotation(rotated, 0) };
        let rotate: std::pin::Pin<Box<dyn Future<Output = Option<SessionId>> + Send>> = Box::pin(async move {
            let _ = rotator.rotate(&rotation).await.expect("rotate");
            None
        });
        let opens = (0..6).map(|n| -> std::pin::Pin<Box<dyn Future<Output = Option<SessionId>> + Send>> {
            Box::pin(open_one(store.clone(), numbered(round, n, new_session(1, user, epoch))))
        });
        let (changer, keep_id) = (store.clone(), keep.id);
        let change = async move {
            let swap = if disables {
                changer.disable_factor(&user, epoch, Some(keep_id), seconds(1)).await
            } else {
                changer.enable_factor(&user, &enabling(1, epoch, Some(keep_id)), seconds(1)).await
            };
            assert_eq!(swap.expect("the change"), Swap::Won);
            None
        };
        let outcomes = together_with(opens.chain([rotate]), change).await;
        assert_eq!(store.epoch(&user).await.expect("epoch"), Epoch(epoch.0 + 1), "round {round}");
        for id in outcomes.into_iter().flatten().chain([refreshed.id]) {
            assert!(loaded(&store, id).await.revoked_at.is_some(), "round {round}: a session slipped through");
        }
        assert!(is_alive(&store, keep.id).await, "round {round}");
        let alive: Vec<_> = store.list(&user, NOW).await.expect("list").iter().map(|session| session.id).collect();
        assert_eq!(alive, [keep.id], "round {round}");
    }
}

/// Two sets of recovery codes made at once: one of them is whole, and of the other nothing is left.
pub async fn m7_concurrent_sets_of_recovery_codes_never_mix(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    enabled(&store, 1, &user, None).await;
    opened(&store, 1, user).await;
    for round in 0..10_u8 {
        let sets = (0..6_u8).map(|n| {
            let store = store.clone();
            async move {
                let codes: Vec<_> = (0..10).map(|code| recovery_code(100 + round * 6 + n, code)).collect();
                store.replace_recovery_codes(&user, Epoch(1), &codes).await.expect("replace_recovery_codes")
            }
        });
        assert!(together(sets).await.iter().all(|swap| *swap == Swap::Won));
        assert_eq!(factor_of(&store, &user).await.recovery_codes_left, 10, "round {round}");
    }
}
