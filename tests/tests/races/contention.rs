//! Everything at once, by a few users on both nodes: the database takes statements back, and nobody hears of it.

use std::time::Duration;

use auth_core::store::SessionMode;
use auth_core::{AuthError, ClientInfo, ErrorKind, UserUpdate};

use crate::nodes::{Held, Nodes, Setting, Work, config, refresh, stagger, together};

const TASKS: usize = 16;
const ROUNDS: u64 = 6;
const SOON: Duration = Duration::from_millis(6);

/// Logins, refreshes, lists, logouts and ends of all sessions of three users: each answer is a result or a refusal.
pub(crate) async fn f4_everything_at_once_is_answered(setting: Setting) {
    let Some(nodes) = Nodes::new(setting, config()).await else { return };
    let users = [nodes.user("ada").await.id, nodes.user("grace").await.id, nodes.user("mary").await.id];
    let visits = (0..TASKS).map(|n| -> Work<u64> {
        let ([here, there], user) = (nodes.both(n), users[n % 3]);
        Box::pin(async move {
            let client = ClientInfo::default();
            let mut opened = 0;
            for round in 0..ROUNDS {
                stagger(round, n as u64, SOON).await;
                let Some(held) = answered(here.open_session(&user, SessionMode::Json, &client).await.map(Held::of))
                else {
                    continue;
                };
                opened += 1;
                let identity = here.verify(held.access.expose_secret()).expect("good");
                let next = answered_kind(refresh(&there, &held.refresh).await);
                answered_kind(refresh(&here, &held.refresh).await);
                answered(there.sessions(&identity).await);
                match (n as u64 + round) % 4 {
                    0 => drop(answered(here.end_other_sessions(&identity, &client).await)),
                    1 => drop(answered(here.update_user(&user, UserUpdate::default()).await)),
                    2 => drop(answered(here.end_sessions_of(&user).await)),
                    _ => {}
                }
                if let Some(next) = next {
                    answered_kind(refresh(&here, &next.refresh).await);
                    answered(there.logout(&next.refresh, &client).await);
                }
            }
            opened
        })
    });
    let opened: u64 = together(visits).await.into_iter().sum();
    assert!(opened > TASKS as u64, "hardly anybody got in: {opened}");
    for user in users {
        nodes.node(0).end_sessions_of(&user).await.expect("ends");
        nodes.assert_nothing_alive(&user, "at the end").await;
    }
}

fn answered<T>(outcome: Result<T, AuthError>) -> Option<T> {
    answered_kind(outcome.map_err(|error| {
        assert!(is_refusal(error.kind()), "{error:?}");
        error.kind()
    }))
}

fn answered_kind<T>(outcome: Result<T, ErrorKind>) -> Option<T> {
    outcome.inspect_err(|kind| assert!(is_refusal(*kind), "{kind:?}")).ok()
}

/// What a session says that somebody else ended.
fn is_refusal(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::SessionOver | ErrorKind::InvalidCredentials | ErrorKind::InvalidToken)
}
