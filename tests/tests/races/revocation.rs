//! Refreshes while all of the user's sessions are ended: nothing that was issued refreshes afterwards.

use std::time::Duration;

use auth_core::ClientInfo;
use auth_core::store::SessionMode;

use crate::chain::{Chain, Ended, refresh_until_refused};
use crate::nodes::{Nodes, Setting, Work, stagger, strict, together};

const ROUNDS: u64 = 12;
const CLIENTS: usize = 6;
/// Long enough for a few rotations of each client.
const SOON: Duration = Duration::from_millis(20);

/// An admin ends them, on one node, while the clients are on both.
pub(crate) async fn r9_refreshes_beside_end_sessions_of_leave_nothing(setting: Setting) {
    let Some(nodes) = Nodes::new(setting, strict()).await else { return };
    let user = nodes.user("ada").await;
    let mut rotations = 0;
    for round in 0..ROUNDS {
        let ended = Ended::default();
        let mut work: Vec<Work<Option<Chain>>> = Vec::new();
        for n in 0..CLIENTS {
            let held = nodes.open(n, &user.id).await;
            let chain = refresh_until_refused(nodes.both(n), held, ended.clone());
            work.push(Box::pin(async move { Some(chain.await) }));
        }
        let (auth, id) = (nodes.node(1), user.id);
        work.push(Box::pin(async move {
            stagger(round, 99, SOON).await;
            assert_eq!(auth.end_sessions_of(&id).await.expect("ends"), CLIENTS as u64);
            ended.raise();
            None
        }));
        for chain in together(work).await.into_iter().flatten() {
            rotations += chain.tokens.len() - 1;
            assert!(chain.survivor.is_none(), "round {round}: a refresh that began afterwards was served");
            nodes.assert_dead(&chain.tokens, "after end_sessions_of").await;
        }
        nodes.assert_nothing_alive(&user.id, "after end_sessions_of").await;
    }
    assert!(rotations > 0, "nothing was rotated beside it");
}

/// The owner ends all others from one of them, and that one refreshes on undisturbed.
pub(crate) async fn r12_refreshes_beside_end_other_sessions_leave_only_the_one_that_asks(setting: Setting) {
    let Some(nodes) = Nodes::new(setting, strict()).await else { return };
    let user = nodes.user("ada").await;
    for round in 0..ROUNDS {
        let ended = Ended::default();
        let asks = nodes.open(0, &user.id).await;
        let identity = nodes.node(0).verify(asks.access.expose_secret()).expect("good");
        let mut work: Vec<Work<Option<Chain>>> = Vec::new();
        for n in 0..CLIENTS {
            let held = nodes.open(n, &user.id).await;
            let chain = refresh_until_refused(nodes.both(n), held, ended.clone());
            work.push(Box::pin(async move { Some(chain.await) }));
        }
        let own = refresh_until_refused(nodes.both(0), asks, ended.clone());
        let session = identity.session();
        work.push(Box::pin(async move {
            let chain = own.await;
            let survivor = chain.survivor.as_ref().expect("the session that asks lives on");
            assert_eq!(survivor.session(), session);
            None
        }));
        let auth = nodes.node(1);
        work.push(Box::pin(async move {
            stagger(round, 99, SOON).await;
            auth.end_other_sessions(&identity, &ClientInfo::default()).await.expect("ends");
            ended.raise();
            None
        }));
        for chain in together(work).await.into_iter().flatten() {
            assert!(chain.survivor.is_none(), "round {round}: a refresh that began afterwards was served");
            nodes.assert_dead(&chain.tokens, "after end_other_sessions").await;
        }
        assert_eq!(nodes.alive_rows(&user.id).await, 1, "round {round}");
        nodes.node(0).end_sessions_of(&user.id).await.expect("ends");
    }
}

/// However many sign in at once: once the last is in, no more sessions go on than may, and the newest is one of them.
pub(crate) async fn logins_beside_each_other_leave_no_more_sessions_than_may_go_on(setting: Setting) {
    const MOST: u64 = 4;
    let mut config = strict();
    config.max_sessions_per_user = MOST;
    let Some(nodes) = Nodes::new(setting, config).await else { return };
    let user = nodes.user("ada").await;
    for round in 0..ROUNDS {
        let work = (0..12).map(|n| {
            let (auth, id) = (nodes.node(n), user.id);
            let opening: Work<_> =
                Box::pin(async move { auth.open_session(&id, SessionMode::Json, &ClientInfo::default()).await });
            opening
        });
        assert!(together(work).await.iter().all(Result::is_ok), "round {round}");
        nodes.clock.advance(Duration::from_millis(1));
        let last = nodes.open(0, &user.id).await;
        assert_eq!(nodes.alive_rows(&user.id).await, i64::try_from(MOST).expect("few"), "round {round}");
        let refreshed = nodes.node(1).refresh(&last.refresh, &ClientInfo::default()).await;
        assert!(refreshed.is_ok(), "round {round}: {refreshed:?}");
    }
}
