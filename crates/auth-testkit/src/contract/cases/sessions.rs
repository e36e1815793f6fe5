//! The list of own sessions, and ending them (requirement R12).

use std::time::Duration;

use auth_core::SessionId;
use serde_json::{Value, json};

use crate::contract::{Refusal, Request, Response, SESSION_COOKIE, Subject};

/// Sessions are listed by age: between two of them time has to pass.
const SECOND: Duration = Duration::from_secs(1);

async fn list(s: &Subject, token: &str) -> Response {
    s.send(Request::get(s.path("/auth/sessions")).bearer(token)).await
}

fn ids(response: &Response) -> Vec<String> {
    response.expect_status(200);
    let sessions = response.json()["data"].as_array().cloned().expect("a list");
    sessions.iter().map(|session| session["id"].as_str().expect("an id").to_owned()).collect()
}

fn current(response: &Response) -> String {
    let sessions = response.json()["data"].as_array().cloned().expect("a list");
    let current: Vec<&Value> = sessions.iter().filter(|session| session["current"] == true).collect();
    assert_eq!(current.len(), 1, "one session asks\n{response}");
    current[0]["id"].as_str().expect("an id").to_owned()
}

/// Every way of holding a session is listed, newest first, with device and address and nothing that opens it.
pub async fn r12_own_sessions_are_listed(s: &Subject) {
    s.login(&s.accounts.admin).await;
    let login = s.login_request(&Subject::credentials(s.user(), "json")).header("user-agent", "Pocket\tOrganiser/1.0");
    let tokens = s.send(login).await.tokens();
    s.clock.advance(60 * SECOND);
    let cookie = s.login_session(s.user()).await;

    let response = list(s, &tokens.access).await;
    assert_eq!(ids(&response).len(), 2, "{response}");
    assert_eq!(response.header("cache-control").as_deref(), Some("private, no-store"), "{response}");
    let sessions = response.json()["data"].as_array().cloned().expect("a list");
    let now = s.now() * 1000;
    for (session, is_current, age) in [(&sessions[0], false, 0), (&sessions[1], true, 60_000)] {
        let keys: Vec<&String> = session.as_object().expect("an object").keys().collect();
        assert_eq!(keys, ["created_at", "current", "id", "ip", "last_used_at", "user_agent"], "{response}");
        assert_eq!(session["current"], is_current, "{response}");
        assert_eq!(session["ip"], "127.0.0.1", "{response}");
        let created_at = session["created_at"].as_i64().expect("milliseconds");
        assert!((now - age - created_at).abs() <= 1000, "{response}");
        assert_eq!(session["last_used_at"], session["created_at"], "{response}");
    }
    assert_eq!(sessions[1]["user_agent"], "PocketOrganiser/1.0", "without control characters\n{response}");

    // By the session cookie, the other one is current; a refresh counts as use.
    s.assert_alive(&tokens.refresh).await;
    let response = s.send(Request::get(s.path("/auth/sessions")).cookie(SESSION_COOKIE, &cookie)).await;
    let sessions = response.json()["data"].as_array().cloned().expect("a list");
    assert_eq!((&sessions[0]["current"], &sessions[1]["current"]), (&json!(true), &json!(false)), "{response}");
    let used = sessions[1]["last_used_at"].as_i64() > sessions[1]["created_at"].as_i64();
    assert!(used, "a refresh counts as use\n{response}");
}

/// One session ends, the others live; its own end is a logout.
pub async fn r12_one_session_is_ended(s: &Subject) {
    let here = s.login(s.user()).await;
    s.clock.advance(SECOND);
    let there = s.login(s.user()).await;
    let id = current(&list(s, &there.access).await);
    let delete = |id: &str, token: &str| Request::new("DELETE", s.path(&format!("/auth/sessions/{id}"))).bearer(token);
    s.send(delete(&id, &here.access)).await.expect_empty();
    s.assert_dead(&there.refresh).await;
    let refresh = s.assert_alive(&here.refresh).await;
    s.send(delete(&id, &here.access)).await.expect_refused(Refusal::Forbidden);

    let own = current(&list(s, &here.access).await);
    s.send(delete(&own, &here.access)).await.expect_empty();
    s.assert_dead(&refresh).await;
}

/// All others end, also those held in cookies; the one that asks and those of other users live.
pub async fn r12_all_others_are_ended(s: &Subject) {
    let here = s.login(s.user()).await;
    s.clock.advance(SECOND);
    let there = s.login(s.user()).await;
    let cookie = s.login_session(s.user()).await;
    let admin = s.login(&s.accounts.admin).await;
    s.send(Request::new("DELETE", s.path("/auth/sessions")).bearer(&here.access)).await.expect_empty();
    s.assert_dead(&there.refresh).await;
    s.guarded_by_session(&cookie).await.expect_refused(Refusal::Invalid);
    s.assert_alive(&admin.refresh).await;
    assert_eq!(ids(&list(s, &here.access).await).len(), 1);
    s.assert_alive(&here.refresh).await;
}

/// Sessions of others cannot be told from none, and nothing happens to them.
pub async fn r12_sessions_of_others_are_out_of_reach(s: &Subject) {
    let mine = s.login(s.user()).await;
    let theirs = s.login(&s.accounts.admin).await;
    let foreign = current(&list(s, &theirs.access).await);
    let unknown = SessionId::from_bytes([7; 16]).to_string();
    for id in [foreign.as_str(), &foreign.to_uppercase(), &unknown, "me", "%2e%2e", "'%20OR%201=1"] {
        let request = Request::new("DELETE", s.path(&format!("/auth/sessions/{id}"))).bearer(&mine.access);
        s.send(request.unrecorded()).await.expect_refused(Refusal::Forbidden);
    }
    s.assert_alive(&theirs.refresh).await;
}

/// An access token outlives its session, and is worth nothing here.
pub async fn r12_a_session_that_is_over_manages_nothing(s: &Subject) {
    let over = s.login(s.user()).await;
    s.clock.advance(SECOND);
    let alive = s.login(s.user()).await;
    let id = current(&list(s, &alive.access).await);
    s.send(s.logout_request(&json!({"refresh_token": over.refresh}))).await.expect_empty();
    list(s, &over.access).await.expect_refused(Refusal::Invalid);
    for path in ["/auth/sessions".to_owned(), format!("/auth/sessions/{id}")] {
        let request = Request::new("DELETE", s.path(&path)).bearer(&over.access);
        s.send(request).await.expect_refused(Refusal::Invalid);
    }
    s.assert_alive(&alive.refresh).await;
}

/// A foreign page cannot sign anybody out, and nobody without a token gets in.
pub async fn c4_foreign_pages_end_no_sessions(s: &Subject) {
    let cookie = s.login_session(s.user()).await;
    let other = s.login(s.user()).await;
    let delete = || Request::new("DELETE", s.path("/auth/sessions")).cookie(SESSION_COOKIE, &cookie);
    let foreign = delete().header("sec-fetch-site", "cross-site");
    s.send(foreign).await.expect_refused(Refusal::Forbidden);
    s.assert_alive(&other.refresh).await;
    s.send(Request::new("DELETE", s.path("/auth/sessions"))).await.expect_refused(Refusal::NoToken);
    s.send(delete().header("sec-fetch-site", "same-origin")).await.expect_empty();
    s.assert_dead(&other.refresh).await;
}
