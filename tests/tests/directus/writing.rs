//! What a store that may write does to the rows of Directus: passwords and second factors, and nothing else.

use auth_core::http::Endpoint;
use auth_core::store::UserStore as _;
use auth_core::{EnableFactor, ErrorKind, FactorProof, HashParams, PasswordChange, PasswordHash};
use auth_testkit::contract::Authenticator;
use auth_tests::databases::Kind;

use super::*;

const NEW: &str = "another horse, another staple";

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_may_not_write_changes_no_password() {
    let world = World::on(Kind::Sqlite, Mode::ReadOnly).await.expect("always there");
    let before = world.fixture.users().await;
    for endpoint in [Endpoint::ChangePassword, Endpoint::TfaGenerate, Endpoint::TfaEnable, Endpoint::TfaDisable] {
        let is_mounted = world.auth.routes().iter().any(|route| route.path() == endpoint.path());
        assert!(!is_mounted, "{endpoint:?}");
    }
    let (access, _) = pair(world.login("user@example.com", "Passw0rd-user").await.expect("in"));
    let identity = world.auth.verify(access.expose_secret()).expect("good");
    let (old, new, client) = (Password::new("Passw0rd-user"), Password::new(NEW), ClientInfo::default());
    assert!(world.auth.change_password(&identity, PasswordChange::new(old, new), &client).await.is_err());
    let old = world.store.find_by_id(&id(USER)).await.expect("reads").expect("a user").password.expect("a hash");
    assert!(!world.store.rehash(&id(USER), &old, &PasswordHash::from_phc("$x")).await.expect("says no"));
    let new = auth_core::NewUser::new(Email::parse("new@example.com").expect("an address"), Password::new(NEW));
    assert!(world.auth.create_user(new).await.is_err());
    assert_eq!(world.fixture.users().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn p8_r9_a_password_that_is_changed_here_counts_in_directus_and_the_session_goes_on() {
    for kind in Kind::SHARED {
        let Some(world) = World::on(kind, Mode::Writable).await else { continue };
        let before = world.fixture.users().await;
        let (_, other) = pair(world.login("user@example.com", "Passw0rd-user").await.expect("in"));
        let (access, refresh) = pair(world.login("user@example.com", "Passw0rd-user").await.expect("in"));
        let identity = world.auth.verify(access.expose_secret()).expect("good");
        let change = async |old: &str, new: &str| {
            let (old, new) = (Password::new(old), Password::new(new));
            let change = PasswordChange::new(old, new);
            super::kind(world.auth.change_password(&identity, change, &ClientInfo::default()).await)
        };
        assert_eq!(change("Passw0rd-wrong", NEW).await, Err(ErrorKind::InvalidCredentials), "{kind:?}");
        assert_eq!(world.fixture.users().await, before, "{kind:?}");
        assert_eq!(change("Passw0rd-user", NEW).await, Ok(()), "{kind:?}");

        assert_eq!(world.refresh(&other).await.err(), Some(ErrorKind::SessionOver), "{kind:?}");
        world.refresh(&refresh).await.expect("the session that asked");
        world.login("user@example.com", NEW).await.expect("the new password");
        assert!(world.login("user@example.com", "Passw0rd-user").await.is_err(), "{kind:?}");

        // One row, one column, and a hash as Directus makes them.
        let after = world.fixture.users().await;
        let changed: Vec<_> = before.iter().zip(&after).filter(|(before, after)| before != after).collect();
        assert_eq!(changed.len(), 1, "{kind:?}");
        let (before, after) = changed[0];
        for (column, (before, after)) in before.iter().zip(after).enumerate() {
            assert_eq!(before == after, column != 2, "{kind:?}: column {column}");
        }
        assert!(after[2].as_deref().expect("a hash").starts_with("$argon2id$v=19$m=65536,t=3,p=4$"), "{after:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m4_a_factor_is_set_up_and_removed_in_both() {
    for kind in Kind::SHARED {
        let Some(world) = World::on(kind, Mode::Writable).await else { continue };
        let (access, refresh) = pair(world.login("user@example.com", "Passw0rd-user").await.expect("in"));
        let identity = world.auth.verify(access.expose_secret()).expect("good");
        let secret_there = async || {
            let users = world.fixture.users().await;
            let row = users.into_iter().find(|row| row[0].as_deref() == Some(USER)).expect("a row");
            row[6].clone()
        };
        let new = world
            .auth
            .generate_second_factor(&identity, Password::new("Passw0rd-user"), &ClientInfo::default())
            .await
            .expect("a secret");
        assert_eq!(secret_there().await, None, "{kind:?}: pending is not active");
        let text = new.secret.expose_secret();
        let app = Authenticator::new(&text);
        let proof = |code: String| FactorProof::new(OneTimePassword::new(code));
        let now = world.clock.now();
        let enable = EnableFactor::new(&text, proof(app.code(now)));
        world.auth.enable_second_factor(&identity, enable, &ClientInfo::default()).await.expect("enabled");
        assert_eq!(secret_there().await.as_deref(), Some(text.as_str()), "{kind:?}");
        let (_, refresh) = pair(world.refresh(&refresh).await.expect("the session that asked"));

        let login = world.login("user@example.com", "Passw0rd-user").await;
        assert_eq!(login.err(), Some(ErrorKind::InvalidOtp), "{kind:?}");
        let login = world.login_with("user@example.com", "Passw0rd-user", &app.code_after(now, 1)).await;
        let (access, _) = pair(login.expect("in"));
        let identity = world.auth.verify(access.expose_secret()).expect("good");

        world.clock.advance(std::time::Duration::from_secs(60));
        let disable = proof(app.code(world.clock.now()));
        world.auth.disable_second_factor(&identity, disable, &ClientInfo::default()).await.expect("disabled");
        assert_eq!(secret_there().await, None, "{kind:?}");
        assert_eq!(world.refresh(&refresh).await.err(), Some(ErrorKind::SessionOver), "{kind:?}: another session");
        world.login("user@example.com", "Passw0rd-user").await.expect("without a code");
    }
}

/// The part of the conformance suite that a table has to keep in which nobody is made: no `create`, so the hash of a
/// user who is there is rehashed.
#[tokio::test(flavor = "multi_thread")]
async fn of_16_concurrent_rehashes_one_wins_and_only_the_expected_hash_is_replaced() {
    for kind in Kind::SHARED {
        let Some(world) = World::on(kind, Mode::Writable).await else { continue };
        let hash_of = async || {
            let user = world.store.find_by_id(&id(USER)).await.expect("reads").expect("a user");
            user.password.expect("a hash")
        };
        let old = hash_of().await;
        let folded = PasswordHash::from_phc(old.as_phc().to_uppercase());
        assert!(!world.store.rehash(&id(USER), &folded, &old).await.expect("says no"), "{kind:?}");
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..16 {
            let (store, old) = (world.store.clone(), old.clone());
            let new = PasswordHash::from_phc(format!("{}{n}", old.as_phc()));
            tasks.spawn(async move {
                store.rehash(&id(USER), &old, &new).await.expect("rehash").then(|| new.as_phc().to_owned())
            });
        }
        let winners: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
        assert_eq!(winners.len(), 1, "{kind:?}");
        assert_eq!(hash_of().await.as_phc(), winners[0], "{kind:?}");
    }
}

/// Directus has no pepper: whoever signs in here must still be able to sign in there.
#[tokio::test(flavor = "multi_thread")]
async fn p1_a_hash_with_a_pepper_is_never_written_into_directus() {
    let world = World::on(Kind::Sqlite, Mode::Writable).await.expect("always there");
    let before = world.fixture.users().await;
    let mut peppered = config();
    peppered.password_peppers = vec!["pP3mN6bV9cX2zL5kJ8hG1fD4sA7oI0uY".into()];
    let auth = world.store.builder().config(peppered).build().expect("a configuration");
    let login = auth.login(request("user@example.com", "Passw0rd-user"), &ClientInfo::default()).await;
    let (access, _) = pair(login.expect("the hash without one counts"));
    let identity = auth.verify(access.expose_secret()).expect("good");
    let change = PasswordChange::new(Password::new("Passw0rd-user"), Password::new(NEW));
    assert!(auth.change_password(&identity, change, &ClientInfo::default()).await.is_err());
    assert_eq!(world.fixture.users().await, before);
}

/// As Directus does when a password is set there. Whoever only signs in keeps the sessions, also when the hash is
/// replaced by a stronger one.
#[tokio::test(flavor = "multi_thread")]
async fn r9_a_password_that_is_changed_here_ends_the_sessions_in_directus_and_a_stronger_hash_does_not() {
    for kind in Kind::SHARED {
        let Some(world) = World::on(kind, Mode::Writable).await else { continue };
        for (token, user) in [("one", USER), ("two", USER), ("other", PW)] {
            let row = format!("INSERT INTO directus_sessions (\"token\", \"user\") VALUES ('{token}', '{user}')");
            world.fixture.run(&row).await;
        }
        let before = world.fixture.users().await;
        let mut stronger = config();
        stronger.hash = HashParams::new(65_536, 4, 4).expect("strong enough");
        stronger.max_hash = stronger.hash;
        let auth = world.store.builder().config(stronger).clock(world.clock.clone()).build().expect("a configuration");
        let login = auth.login(request("user@example.com", "Passw0rd-user"), &ClientInfo::default()).await;
        let (access, _) = pair(login.expect("in"));
        assert_ne!(world.fixture.users().await, before, "{kind:?}: the hash is stronger");
        assert_eq!(world.fixture.sessions().await, ["one", "other", "two"], "{kind:?}");

        let identity = auth.verify(access.expose_secret()).expect("good");
        let change = |old: &str| PasswordChange::new(Password::new(old), Password::new(NEW));
        let refused = auth.change_password(&identity, change("Passw0rd-wrong"), &ClientInfo::default()).await;
        assert!(refused.is_err(), "{kind:?}");
        assert_eq!(world.fixture.sessions().await, ["one", "other", "two"], "{kind:?}");
        auth.change_password(&identity, change("Passw0rd-user"), &ClientInfo::default()).await.expect("changed");
        assert_eq!(world.fixture.sessions().await, ["other"], "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_may_write_but_could_end_no_session_in_directus_is_told_so_at_once() {
    for kind in Kind::SHARED {
        let Some(world) = World::on(kind, Mode::Writable).await else { continue };
        let row = format!("INSERT INTO directus_sessions (\"token\", \"user\") VALUES ('one', '{USER}')");
        world.fixture.run(&row).await;
        world.store.check().await.expect("has all it needs");
        assert_eq!(world.fixture.sessions().await, ["one"], "{kind:?}");
        world.fixture.run("DROP TABLE directus_sessions").await;
        let error = world.store.check().await.expect_err("has no sessions");
        assert_eq!(error.table(), "directus_sessions", "{kind:?}");
        assert!(error.to_string().contains("DELETE"), "{error}");
        let reading = DirectusDatabase::connect(world.fixture.database.url()).await.expect("connects");
        reading.check().await.expect("whoever only reads needs none");
    }
}
