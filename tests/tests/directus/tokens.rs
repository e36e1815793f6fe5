//! Tokens that a running Directus signed, and its static ones, at our guards.

use std::sync::Arc;

use auth_core::store::memory::MemoryStore;
use auth_testkit::contract::{Request, Subject, forge, seed};
use auth_tests::directus::{THEN, written};
use auth_tests::servers::Framework;
use serde_json::{Value, json};

use super::*;

fn sample(name: &str) -> String {
    written()[name].as_str().expect("a token").to_owned()
}

fn auth(clock: &ManualClock) -> Auth {
    Auth::builder(MemoryStore::new()).config(config()).clock(clock.clone()).build().expect("a configuration")
}

#[tokio::test(flavor = "multi_thread")]
async fn j7_a_token_of_directus_opens_guards_until_it_expires() {
    let token = sample("sample_access_token");
    for framework in Framework::ALL {
        let (store, clock) = (MemoryStore::new(), ManualClock::at(THEN));
        let accounts = seed(&store, clock.now()).await;
        let auth = Auth::builder(store.clone()).config(config()).clock(clock.clone()).build().expect("a configuration");
        let server = framework.serve(&auth, "").await;
        let subject = Subject::new(server.addr, "", clock.clone(), Arc::new(store), accounts);
        let get = async |path: &str| subject.send(Request::get(path).bearer(&token)).await;
        let answer = get("/guarded").await;
        answer.expect_status(200);
        let expected = json!({"user": ADMIN, "role": ADMINISTRATOR, "admin": true, "session": null, "uri": "/guarded"});
        assert_eq!(answer.json(), expected);
        get("/admin").await.expect_status(200);
        let in_query = subject.send(Request::get(format!("/guarded?access_token={token}"))).await;
        in_query.expect_status(200);

        // Its session cookie belongs to a session that Directus alone knows.
        let session = sample("sample_session_token");
        subject.send(Request::get("/guarded").bearer(&session)).await.expect_status(401);
        let cookie = Request::get("/guarded").header("cookie", format!("directus_session_token={session}"));
        subject.send(cookie).await.expect_status(401);

        clock.advance(std::time::Duration::from_secs(900));
        assert_eq!(get("/guarded").await.json()["errors"][0]["extensions"]["code"], "TOKEN_EXPIRED");
    }
}

#[test]
fn j7_an_altered_token_of_directus_is_none() {
    let token = sample("sample_access_token");
    let auth = auth(&ManualClock::at(THEN));
    auth.verify(&token).expect("as it was written");
    for at in 0..token.len() {
        let mut altered = token.clone().into_bytes();
        altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
        if altered == token.as_bytes() {
            continue;
        }
        let altered = String::from_utf8(altered).expect("ASCII");
        assert!(auth.verify(&altered).is_err(), "at {at}");
    }
    // The header that npm's jsonwebtoken writes is ours, byte for byte: no token of Directus takes the slow way.
    assert_eq!(token.split('.').next(), Some(forge::encode(forge::ACCESS_HEADER).as_str()));
}

#[test]
fn j7_tokens_of_directus_for_shares_links_and_sessions_are_none() {
    let auth = auth(&ManualClock::at(THEN));
    let (_, claims) = forge::decode(&sample("sample_access_token"));
    let signed = |change: &dyn Fn(&mut serde_json::Map<String, Value>)| {
        let mut claims = claims.clone();
        change(&mut claims);
        let token = forge::hs256(SECRET.as_bytes(), forge::ACCESS_HEADER, &Value::Object(claims).to_string());
        auth.verify(&token).map(drop).map_err(|error| error.kind())
    };
    assert_eq!(signed(&|_| ()), Ok(()), "the same claims");
    let invalid = Err(ErrorKind::InvalidToken);
    assert_eq!(signed(&|claims| drop(claims.insert("scope".to_owned(), json!("password-reset")))), invalid);
    assert_eq!(signed(&|claims| drop(claims.insert("scope".to_owned(), Value::Null))), invalid);
    assert_eq!(signed(&|claims| drop(claims.insert("share".to_owned(), json!("5d6e")))), invalid);
    assert_eq!(signed(&|claims| drop(claims.insert("session".to_owned(), json!("xMIP")))), invalid);
    assert_eq!(signed(&|claims| drop(claims.insert("iss".to_owned(), json!("auth")))), invalid);
    assert_eq!(signed(&|claims| drop(claims.remove("id"))), invalid, "public");
    assert_eq!(signed(&|claims| drop(claims.insert("id".to_owned(), Value::Null))), invalid, "public");
    assert_eq!(signed(&|claims| drop(claims.remove("exp"))), invalid);
}

/// A database that folds case finds other rows than the one that was asked for.
#[tokio::test(flavor = "multi_thread")]
async fn e1_static_tokens_are_compared_by_their_bytes_and_only_active_users_have_them() {
    for kind in Kind::SHARED {
        let Some(world) = World::on(kind, Mode::ReadOnly).await else { continue };
        let whose = async |token: &str| {
            let user = world.store.user_of_static_token(token).await.expect("reads");
            user.map(|user| user.id)
        };
        assert_eq!(whose("static-admin-token-0001").await, Some(id(ADMIN)), "{kind:?}");
        for token in [
            "STATIC-admin-token-0001", "static-admin-token-0001 ", "st\u{e1}tic-admin-token-0001",
            "static-admin-token-000", "static-susp-token", "static-inactive-token", "", "%", "no such token",
        ] {
            assert_eq!(whose(token).await, None, "{kind:?} {token:?}");
        }
        world.fixture.run(&format!("UPDATE directus_users SET provider = 'google' WHERE id = '{USER}'")).await;
        assert_eq!(whose("static-user-token").await, None, "{kind:?}: a provider");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guards_accept_static_tokens_when_they_are_switched_on() {
    for framework in Framework::ALL {
        let world = World::on(Kind::Sqlite, Mode::ReadOnly).await.expect("always there");
        let switched_on =
            world.store.clone().static_tokens().builder().config(config()).build().expect("a configuration");
        let (users, clock) = (MemoryStore::new(), ManualClock::stopped());
        let accounts = seed(&users, clock.now()).await;
        let users = Arc::new(users);
        for (auth, accepted) in [(&world.auth, 401), (&switched_on, 200)] {
            let server = framework.serve(auth, "").await;
            let subject = Subject::new(server.addr, "", clock.clone(), users.clone(), accounts.clone());
            let get = async |path: &str, token: &str| subject.send(Request::get(path).bearer(token)).await;
            let answer = get("/guarded", "static-admin-token-0001").await;
            answer.expect_status(accepted);
            if accepted == 200 {
                assert_eq!((&answer.json()["user"], &answer.json()["role"]), (&json!(ADMIN), &json!(ADMINISTRATOR)));
                get("/admin", "static-admin-token-0001").await.expect_status(200);
                get("/admin", "static-user-token").await.expect_status(403);
                get("/fresh", "static-admin-token-0001").await.expect_status(403);
            }
            get("/guarded", "STATIC-ADMIN-TOKEN-0001").await.expect_status(401);
            get("/guarded", "static-susp-token").await.expect_status(401);
        }
        // It ends with its user's right to it, at once.
        world.fixture.run(&format!("UPDATE directus_users SET status = 'suspended' WHERE id = '{ADMIN}'")).await;
        let server = framework.serve(&switched_on, "").await;
        let subject = Subject::new(server.addr, "", clock.clone(), users, accounts);
        subject.send(Request::get("/guarded").bearer("static-admin-token-0001")).await.expect_status(401);
    }
}
