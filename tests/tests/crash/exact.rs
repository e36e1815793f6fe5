//! Kills at exactly the moments that matter: between commit and reply, and just before the commit, of every write that a
//! request can wait for.

use auth_core::Clock as _;
use auth_core::store::SessionStore as _;
use auth_testkit::Moment;
use auth_tests::databases::Kind;
use auth_tests::holder::Mode;
use auth_tests::servers::Framework;

use crate::world::{World, rounds};

/// With six kills in each.
const ROUNDS: u32 = 6;

#[tokio::test(flavor = "multi_thread")]
async fn f1_killed_between_commit_and_reply_on_sqlite() {
    on(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f1_killed_between_commit_and_reply_on_postgres() {
    on(Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f1_killed_between_commit_and_reply_on_mysql() {
    on(Kind::MySql).await;
}

async fn on(kind: Kind) {
    for framework in Framework::ALL {
        let Some(mut world) = World::new(framework, kind).await else { continue };
        // Three sessions that live through all of it.
        let mut tokens = Vec::new();
        for mode in Mode::ALL {
            tokens.push(world.login(mode).await);
        }
        for round in 0..rounds(ROUNDS) {
            let each = round as usize % Mode::ALL.len();
            let mode = Mode::ALL[each];
            for moment in [Moment::AfterWork, Moment::BeforeWork] {
                tokens[each] = refresh(&mut world, mode, &tokens[each], moment).await;
                let opened = login(&mut world, mode, moment).await;
                logout(&mut world, mode, &opened, moment).await;
            }
        }
        for (mode, token) in Mode::ALL.into_iter().zip(&tokens) {
            world.expect_head(mode.parts(token)).await;
        }
        world.say(", at exact moments");
    }
}

/// The client's token is exchanged or not; either way its retry gets the one successor, and again the same one.
async fn refresh(world: &mut World, mode: Mode, token: &str, moment: Moment) -> String {
    let held = mode.parts(token);
    world.pass_grace().await;
    world.kill_during(mode.refresh(&world.subject, token), "rotate", moment).await;
    let committed = world.row(held.session).await;
    assert_eq!(
        committed.generation,
        held.generation + u64::from(moment == Moment::AfterWork),
        "the kill was elsewhere"
    );

    world.restart().await;
    let retried = mode.token(&world.send(mode.refresh(&world.subject, token)).await);
    let successor = mode.parts(&retried);
    assert_eq!(successor.generation, held.generation + 1);
    if moment == Moment::AfterWork {
        assert_eq!(successor.hash, committed.current_hash, "not the token that the dead server had stored");
    }
    world.expect_head(successor).await;
    let again = mode.token(&world.send(mode.refresh(&world.subject, token)).await);
    assert_eq!(mode.parts(&again), successor, "a second live token");

    // After the grace, when nothing is replayed any more, the successor is what refreshes.
    world.pass_grace().await;
    let next = mode.token(&world.send(mode.refresh(&world.subject, &retried)).await);
    assert_eq!(mode.parts(&next).generation, held.generation + 2);
    world.expect_head(mode.parts(&next)).await;
    next
}

/// A session that nobody was told of may be left behind; whoever signs in again has one of its own.
async fn login(world: &mut World, mode: Mode, moment: Moment) -> String {
    let user = world.subject.user().clone();
    let now = world.subject.clock.now();
    let before = world.store.list(&user.id, now).await.expect("the sessions").len();
    world.kill_during(mode.login(&world.subject, &user), "open", moment).await;
    let after = world.store.list(&user.id, now).await.expect("the sessions");
    assert_eq!(after.len(), before + usize::from(moment == Moment::AfterWork), "the kill was elsewhere");

    world.restart().await;
    let token = world.login(mode).await;
    let opened = mode.parts(&token);
    assert!(after.iter().all(|session| session.id != opened.session), "a session that was there before");
    world.expect_head(opened).await;
    token
}

/// A logout may be repeated until it is answered; then the session is over.
async fn logout(world: &mut World, mode: Mode, token: &str, moment: Moment) {
    let id = mode.parts(token).session;
    world.kill_during(mode.logout(&world.subject, token), "revoke", moment).await;
    let is_over = world.row(id).await.revoked_at.is_some();
    assert_eq!(is_over, moment == Moment::AfterWork, "the kill was elsewhere");

    world.restart().await;
    world.send(mode.logout(&world.subject, token)).await.expect_status(204);
    assert!(world.row(id).await.revoked_at.is_some(), "the session outlives its logout");
    world.send(mode.refresh(&world.subject, token)).await.expect_credentials_refused();
}
