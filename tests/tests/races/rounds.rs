//! Many sessions at once, over two nodes, so that each node combines what its callers ask for.

use std::time::Duration;

use auth_core::store::{
    FactorStore as _, NewSession, Opened, RevokeReason, Rotation, SessionMode, SessionStore as _, Swap,
};
use auth_core::{ClientInfo, Clock as _, SessionId, UserId};

use crate::nodes::{Nodes, Setting, Work, config, stagger, together};

const SESSIONS: u8 = 24;
const GENERATIONS: u8 = 6;
const SOON: Duration = Duration::from_millis(3);

fn id(n: u8) -> SessionId {
    SessionId::from_bytes([n; 16])
}

/// What node `by` would make of generation `generation`; the first is everybody's.
fn hash(n: u8, generation: u8, by: u8) -> [u8; 32] {
    let mut hash = [n; 32];
    (hash[0], hash[1]) = (generation, by);
    hash
}

fn rotation(nodes: &Nodes, n: u8, expected: [u8; 32], successor: [u8; 32]) -> Rotation {
    let now = nodes.clock.now();
    let idle_expires_at = now.after(Duration::from_secs(600));
    Rotation { id: id(n), expected, successor, salt: [n; 16], key_id: 0, now, idle_expires_at }
}

fn new_session(nodes: &Nodes, n: u8, user: &UserId, epoch: auth_core::store::Epoch) -> NewSession {
    let now = nodes.clock.now();
    NewSession {
        id: id(n),
        user: *user,
        epoch,
        aal: 1,
        family_hash: [n; 32],
        current_hash: hash(n, 0, 0),
        mode: SessionMode::Json,
        created_at: now,
        idle_expires_at: now.after(Duration::from_secs(600)),
        absolute_expires_at: now.after(Duration::from_secs(6000)),
        client: ClientInfo::default(),
    }
}

async fn open(nodes: &Nodes, n: u8, user: &UserId) {
    let store = &nodes.stores[usize::from(n % 2)];
    let epoch = store.epoch(user).await.expect("the epoch");
    assert_eq!(store.open(&new_session(nodes, n, user, epoch)).await.expect("opens"), Opened::Stored);
}

/// Each token is presented three times on each node, all sessions at once: of six, one rotates, whoever shares a round
/// with whom, and nobody waits for anybody who waits.
pub(crate) async fn r3_rounds_over_the_same_sessions_rotate_each_once(setting: Setting) {
    let Some(nodes) = Nodes::new(setting, config()).await else { return };
    let user = UserId::new("somebody").expect("an id");
    for n in 0..SESSIONS {
        open(&nodes, n, &user).await;
    }
    let mut current: Vec<_> = (0..SESSIONS).map(|n| hash(n, 0, 0)).collect();
    for generation in 1..=GENERATIONS {
        // One node goes through them upwards, the other downwards.
        let order = (0..6 * SESSIONS).map(|task| {
            let (by, n) = (task / SESSIONS, task % SESSIONS);
            (by, if by % 2 == 0 { n } else { SESSIONS - 1 - n })
        });
        let answers = together(order.map(|(by, n)| -> Work<_> {
            let store = nodes.stores[usize::from(by % 2)].clone();
            let rotation = rotation(&nodes, n, current[usize::from(n)], hash(n, generation, by));
            Box::pin(async move {
                stagger(generation.into(), (by * 31 + n).into(), SOON).await;
                let swap = store.rotate(&rotation).await.expect("is answered");
                (n, swap, rotation.successor)
            })
        }))
        .await;
        for n in 0..SESSIONS {
            let won: Vec<_> = answers.iter().filter(|(of, swap, ..)| *of == n && *swap == Swap::Won).collect();
            let [(_, _, successor)] = won[..] else { panic!("session {n}: {} rotated", won.len()) };
            let loaded = nodes.stores[0].load(id(n)).await.expect("loads").expect("a session").session;
            assert_eq!((loaded.generation, loaded.current_hash), (generation.into(), *successor), "session {n}");
            assert_eq!(loaded.previous_hash, Some(current[usize::from(n)]), "session {n}");
            current[usize::from(n)] = *successor;
        }
    }
    nodes.assert_no_deadlock().await;
}

/// Rounds on both nodes, beside the end of each session on one, of all of them at once on the other: everybody is
/// answered, and in the end all sessions are over.
pub(crate) async fn r8_revocations_beside_rounds_end_every_session(setting: Setting) {
    let Some(nodes) = Nodes::new(setting, config()).await else { return };
    let user = UserId::new("somebody").expect("an id");
    for round in 0..6_u8 {
        let sessions = round * SESSIONS..(round + 1) * SESSIONS;
        for n in sessions.clone() {
            open(&nodes, n, &user).await;
        }
        let mut work: Vec<Work<()>> = Vec::new();
        for n in sessions.clone() {
            for by in 0..2 {
                let store = nodes.stores[usize::from(by)].clone();
                let first = rotation(&nodes, n, hash(n, 0, 0), hash(n, 1, by));
                let second = rotation(&nodes, n, hash(n, 1, by), hash(n, 2, by));
                work.push(Box::pin(async move {
                    stagger(round.into(), (by * 31 + n).into(), SOON).await;
                    if store.rotate(&first).await.expect("is answered") == Swap::Won {
                        let _ = store.rotate(&second).await.expect("is answered");
                    }
                }));
            }
            if round % 2 == 0 {
                let (store, now) = (nodes.stores[usize::from(n % 2)].clone(), nodes.clock.now());
                work.push(Box::pin(async move {
                    stagger(round.into(), n.into(), SOON).await;
                    let swap = store.revoke(id(n), RevokeReason::Logout, now).await.expect("is answered");
                    assert_eq!(swap, Swap::Won);
                }));
            }
        }
        if round % 2 == 1 {
            let (store, user, now) = (nodes.stores[0].clone(), user, nodes.clock.now());
            work.push(Box::pin(async move {
                stagger(round.into(), 0, SOON).await;
                store.end_sessions(&user, None, RevokeReason::Ended, now).await.expect("is answered");
            }));
        }
        together(work).await;
        nodes.assert_nothing_alive(&user, "after the end").await;
        for n in sessions {
            let over = rotation(&nodes, n, hash(n, 0, 0), hash(n, 9, 9));
            assert_eq!(nodes.stores[0].rotate(&over).await.expect("is answered"), Swap::Lost);
        }
    }
    nodes.assert_no_deadlock().await;
}

/// Sessions of many users stored at once, on both nodes, while some of the users change: a session of before the change
/// is refused or ended, all others are there.
pub(crate) async fn r9_rounds_of_new_sessions_beside_changes_store_no_stale_one(setting: Setting) {
    let Some(nodes) = Nodes::new(setting, config()).await else { return };
    let users: Vec<_> = (0..6).map(|n| UserId::new(&format!("user-{n}")).expect("an id")).collect();
    for round in 0..4_u8 {
        let mut epochs = Vec::new();
        for user in &users {
            epochs.push(nodes.stores[0].epoch(user).await.expect("the epoch"));
        }
        let mut work: Vec<Work<Option<(u8, Opened)>>> = Vec::new();
        for n in 0..48_u8 {
            let (store, of) = (nodes.stores[usize::from(n % 2)].clone(), usize::from(n) % users.len());
            let new = new_session(&nodes, round * 48 + n, &users[of], epochs[of]);
            work.push(Box::pin(async move {
                stagger(round.into(), n.into(), SOON).await;
                Some((n, store.open(&new).await.expect("is answered")))
            }));
        }
        for (of, user) in users.iter().enumerate().take(3) {
            let (store, user, now) = (nodes.stores[of % 2].clone(), *user, nodes.clock.now());
            work.push(Box::pin(async move {
                stagger(round.into(), 100 + of as u64, SOON).await;
                store.end_sessions(&user, None, RevokeReason::CredentialsChanged, now).await.expect("is answered");
                None
            }));
        }
        for (n, opened) in together(work).await.into_iter().flatten() {
            if usize::from(n) % users.len() >= 3 {
                assert_eq!(opened, Opened::Stored, "round {round}, session {n}");
            }
        }
        for (of, user) in users.iter().enumerate() {
            let expected = if of < 3 { 0 } else { 8 * (i64::from(round) + 1) };
            assert_eq!(nodes.alive_rows(user).await, expected, "round {round}, user {of}");
        }
    }
}
