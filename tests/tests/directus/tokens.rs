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
        let in_query = subject.send(Request::get(&format!("/guarded?access_token={token}"))).await;
        in_query.expect_status(200);

        // Its session cookie belongs to a session that Directus alone knows.
        let session = sample("sample_session_token");
        subject.send(Request::get("/guarded").bearer(&session)).await.expect_status(401);
        let cookie = Request::get("/guarded").header("cookie", &format!("directus_session_token={session}"));
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
