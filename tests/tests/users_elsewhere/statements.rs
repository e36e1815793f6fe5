//! What an operation costs the database, counted where sea-orm sends it, on every kind.

use auth_core::store::UserStore as _;
use auth_core::{Auth, ClientInfo, Email, ErrorKind, HashParams, LoginRequest, Password};
use auth_tests::databases::Kind;

use super::{PASSWORD, World, config, email};

#[tokio::test(flavor = "multi_thread")]
async fn r1_a_rotation_is_three_statements_and_a_replay_is_two() {
    for kind in Kind::SHARED {
        let Some(world) = World::on(kind).await else { continue };
        let token = world.session().await;
        let _ = world.statements.take();

        let successor = world.refresh(&token).await.expect("rotates");
        let [load, find, rotate] = three(world.statements.take(), kind);
        assert!(load.starts_with("SELECT") && load.contains("auth_session"), "{kind:?}: {load}");
        assert!(find.starts_with("SELECT") && find.contains("customer"), "{kind:?}: {find}");
        assert!(rotate.starts_with("UPDATE") && rotate.contains("auth_session"), "{kind:?}: {rotate}");

        for replayed in [&token, &successor] {
            world.refresh(replayed).await.expect("is replayed");
            let statements = world.statements.take();
            assert_eq!(statements.len(), 2, "{kind:?}: {statements:#?}");
            assert!(statements.iter().all(|sql| sql.starts_with("SELECT")), "{kind:?}: {statements:#?}");
        }
    }
}

/// Otherwise the time of two round trips tells who has an account, and who had one.
#[tokio::test(flavor = "multi_thread")]
async fn g5_whoever_is_refused_costs_the_same_statements() {
    for kind in Kind::SHARED {
        let Some(world) = World::on(kind).await else { continue };
        let refused = async |address: &str, password: &str| {
            let _ = world.statements.take();
            let request = LoginRequest::new(Email::parse(address).expect("an address"), Password::new(password));
            let error = world.auth.login(request, &ClientInfo::default()).await.expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::InvalidCredentials);
            world.statements.take()
        };
        let wrong = refused("ada@example.com", "not her password").await;
        let _ = three(wrong.clone(), kind);
        assert_eq!(refused("nobody@example.com", PASSWORD).await, wrong, "{kind:?}: an unknown address");
        world.leave().await;
        assert_eq!(refused("ada@example.com", PASSWORD).await, wrong, "{kind:?}: a customer who left");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_a_login_strengthens_the_hash_in_the_apps_table_and_ends_nothing() {
    for kind in Kind::SHARED {
        let Some(world) = World::on(kind).await else { continue };
        let session = world.session().await;
        let mut stronger = config();
        stronger.hash = HashParams::new(19_456, 3, 1).expect("in range");
        stronger.max_hash = stronger.hash;
        let auth: Auth = world.both.builder().config(stronger).clock(world.clock.clone()).build().expect("builds");
        let stored = async || {
            let user = world.both.customers.find_by_id(&world.customer).await.expect("finds").expect("is there");
            user.password.expect("has one").as_phc().to_owned()
        };
        assert!(stored().await.contains("m=19456,t=2,p=1"), "{kind:?}");
        for _ in 0..2 {
            let request = LoginRequest::new(email(), Password::new(PASSWORD));
            auth.login(request, &ClientInfo::default()).await.expect("signs in");
            assert!(stored().await.contains("m=19456,t=3,p=1"), "{kind:?}");
        }
        world.refresh(&session).await.expect("the password is the same");
    }
}

fn three(statements: Vec<String>, kind: Kind) -> [String; 3] {
    statements.try_into().unwrap_or_else(|statements| panic!("{kind:?}: not three statements: {statements:#?}"))
}
