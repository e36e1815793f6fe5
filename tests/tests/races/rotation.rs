//! Many refreshes of one token, over two nodes.

use std::collections::BTreeSet;
use std::time::Duration;

use auth_core::{ClientInfo, ErrorKind, RefreshToken};

use crate::nodes::{Nodes, Setting, Work, config, refresh, stagger, strict, together};

const TASKS: usize = 64;
const SOON: Duration = Duration::from_millis(4);
const GRACE: Duration = Duration::from_secs(10);

/// Exactly one rotation; all answers carry the same successor; and so on for generation after generation.
pub(crate) async fn r3_64_refreshes_over_two_nodes_rotate_once(setting: Setting) {
    let Some(nodes) = Nodes::new(setting, config()).await else { return };
    let user = nodes.user("ada").await;
    let mut token = nodes.open(0, &user.id).await.refresh;
    for round in 0..8 {
        nodes.rotations.take();
        let answers = together((0..TASKS).map(|n| -> Work<_> {
            let (auth, token) = (nodes.node(n), token.clone());
            Box::pin(async move {
                stagger(round, n as u64, SOON).await;
                refresh(&auth, &token).await
            })
        }))
        .await;
        let successors: BTreeSet<String> =
            answers.into_iter().map(|answer| answer.expect("is answered").refresh.expose_secret().to_owned()).collect();
        assert_eq!(successors.len(), 1, "round {round}");
        assert!(!successors.contains(token.expose_secret()), "round {round}");
        assert_eq!(nodes.rotations.take(), 1, "round {round}");
        token = RefreshToken::new(successors.into_iter().next().expect("one"));
        nodes.clock.advance(GRACE);
    }
}

/// Without a grace one of them is served, and the second use ends the family, the new token included.
pub(crate) async fn r3_without_a_grace_one_is_served_and_the_family_ends(setting: Setting) {
    let Some(nodes) = Nodes::new(setting, strict()).await else { return };
    let user = nodes.user("ada").await;
    for round in 0..8 {
        let token = nodes.open(round, &user.id).await.refresh;
        let bystander = nodes.open(round, &user.id).await.refresh;
        nodes.rotations.take();
        let answers = together((0..TASKS).map(|n| -> Work<_> {
            let (auth, token) = (nodes.node(n), token.clone());
            Box::pin(async move {
                stagger(round as u64, n as u64, SOON).await;
                refresh(&auth, &token).await
            })
        }))
        .await;
        let (served, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!(served.len(), 1, "round {round}");
        assert!(refused.iter().all(|answer| answer.as_ref().err() == Some(&ErrorKind::SessionOver)), "round {round}");
        assert_eq!(nodes.rotations.take(), 1, "round {round}");
        let successor = served.into_iter().flatten().next().expect("one").refresh;
        nodes.assert_dead(&[token, successor], "the family").await;
        refresh(&nodes.node(round), &bystander).await.expect("another session lives on");
        nodes.node(0).end_sessions_of(&user.id).await.expect("ends");
    }
}

/// A thief and the owner at once, after the grace: the owner may be served once more, the thief never is, and whoever
/// came first, the family is dead.
pub(crate) async fn r2_reuse_beside_a_rotation_ends_the_family(setting: Setting) {
    let Some(nodes) = Nodes::new(setting, config()).await else { return };
    let user = nodes.user("ada").await;
    for round in 0..16 {
        let stolen = nodes.open(0, &user.id).await.refresh;
        let current = refresh(&nodes.node(0), &stolen).await.expect("rotates").refresh;
        nodes.clock.advance(GRACE);
        let answers = together((0..6).map(|n| -> Work<_> {
            let is_thief = n % 3 == 0;
            let (auth, token) = (nodes.node(n), if is_thief { stolen.clone() } else { current.clone() });
            Box::pin(async move {
                stagger(round, n as u64, SOON).await;
                (is_thief, refresh(&auth, &token).await)
            })
        }))
        .await;
        let mut tokens = vec![stolen, current];
        let mut successors = BTreeSet::new();
        for (is_thief, answer) in answers {
            match answer {
                Ok(held) => {
                    assert!(!is_thief, "round {round}: the thief was served");
                    successors.insert(held.refresh.expose_secret().to_owned());
                    tokens.push(held.refresh);
                }
                Err(kind) => assert_eq!(kind, ErrorKind::SessionOver, "round {round}"),
            }
        }
        assert!(successors.len() <= 1, "round {round}");
        nodes.assert_nothing_alive(&user.id, "after reuse").await;
        nodes.assert_dead(&tokens, "after reuse").await;
    }
}

/// A logout beside refreshes of the same token: whatever they got is dead afterwards.
pub(crate) async fn r8_a_logout_beside_refreshes_ends_the_session(setting: Setting) {
    let Some(nodes) = Nodes::new(setting, config()).await else { return };
    let user = nodes.user("ada").await;
    for round in 0..16 {
        let token = nodes.open(0, &user.id).await.refresh;
        let answers = together((0..7).map(|n| -> Work<_> {
            let (auth, token) = (nodes.node(n), token.clone());
            Box::pin(async move {
                stagger(round, n as u64, SOON).await;
                if n == 3 {
                    auth.logout(&token, &ClientInfo::default()).await.expect("signs out");
                    return None;
                }
                Some(refresh(&auth, &token).await)
            })
        }))
        .await;
        let mut tokens = vec![token];
        for answer in answers.into_iter().flatten() {
            match answer {
                Ok(held) => tokens.push(held.refresh),
                Err(kind) => assert_eq!(kind, ErrorKind::SessionOver, "round {round}"),
            }
        }
        nodes.assert_nothing_alive(&user.id, "after a logout").await;
        nodes.assert_dead(&tokens, "after a logout").await;
    }
}
