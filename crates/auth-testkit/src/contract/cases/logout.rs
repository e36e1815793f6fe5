//! `POST /auth/logout`, and what a login does to the session it replaces.

use serde_json::json;

use crate::contract::{REFRESH_COOKIE, Refusal, Request, SESSION_COOKIE, Subject, forge};

/// R8: a logout ends the session, whichever way its token comes.
pub async fn r8_a_logout_ends_the_session(s: &Subject) {
    for mode in [None, Some("json")] {
        let token = s.login(s.user()).await.refresh;
        let mut body = json!({"refresh_token": token});
        if let Some(mode) = mode {
            body["mode"] = json!(mode);
        }
        let response = s.send(s.logout_request(&body)).await;
        response.expect_empty();
        response.expect_cookies_left_alone();
        s.assert_dead(&token).await;
    }
    let logout = || Request::post(s.path("/auth/logout"));
    for request in [logout(), logout().json(&json!({})), logout().json(&json!({"mode": "cookie"}))] {
        let token = s.login_cookie(s.user()).await.refresh;
        let response = s.send(request.cookie(REFRESH_COOKIE, &token)).await;
        response.expect_empty();
        response.expect_cleared(REFRESH_COOKIE, "Lax");
        s.assert_dead(&token).await;
    }
}

/// C7: with its token in the body the cookie of the same session goes too, where cookies may be changed, and no other one.
pub async fn c7_a_logout_by_body_clears_its_own_cookie(s: &Subject) {
    let cookie_of = async |body: &str, mode: &str, cookie: &str| {
        let request = s.logout_request(&json!({"refresh_token": body, "mode": mode})).cookie(REFRESH_COOKIE, cookie);
        let request = if mode == "json" { request.header("sec-fetch-site", "cross-site") } else { request };
        let response = s.send(request).await;
        response.expect_empty();
        response
    };
    let (one, other) = (s.login_cookie(s.user()).await.refresh, s.login_cookie(s.user()).await.refresh);
    cookie_of(&one, "cookie", &one).await.expect_cleared(REFRESH_COOKIE, "Lax");
    cookie_of(&one, "cookie", &other).await.expect_cookies_left_alone();
    cookie_of(&other, "json", &other).await.expect_cookies_left_alone();
    s.assert_dead(&other).await;
}

/// R8: it ends that session and no other.
pub async fn r8_a_logout_ends_no_other_session(s: &Subject) {
    let other = s.login(s.user()).await.refresh;
    let token = s.login(s.user()).await.refresh;
    s.send(s.logout_request(&json!({"refresh_token": token}))).await.expect_empty();
    s.assert_alive(&other).await;
}

/// R8: within the grace the token of before the last refresh signs out too.
pub async fn r8_the_previous_token_signs_out(s: &Subject) {
    let first = s.login(s.user()).await.refresh;
    let second = s.assert_alive(&first).await;
    s.send(s.logout_request(&json!({"refresh_token": first}))).await.expect_empty();
    s.assert_dead(&second).await;
}

/// R11: a captured session cookie dies at logout.
pub async fn r11_a_captured_session_cookie_dies_at_logout(s: &Subject) {
    let cookie = s.login_session(s.user()).await;
    s.guarded_by_session(&cookie).await.expect_status(200);
    let response = s.send(s.logout_request(&json!({"mode": "session"})).cookie(SESSION_COOKIE, &cookie)).await;
    response.expect_empty();
    response.expect_cleared(SESSION_COOKIE, "Lax");
    s.guarded_by_session(&cookie).await.expect_refused(Refusal::Invalid);
    let response = s.refresh_session(&cookie).await;
    response.expect_credentials_refused();
    response.expect_cleared(SESSION_COOKIE, "Lax");
}

/// R11: in session mode the cookie of before a refresh works on within the grace, and no longer; the guard never ends
/// a session.
pub async fn r11_the_previous_session_cookie_has_the_grace(s: &Subject) {
    let first = s.login_session(s.user()).await;
    let second = s.refresh_session(&first).await.set_cookie(SESSION_COOKIE).value;
    s.clock.advance(std::time::Duration::from_millis(9_999));
    s.guarded_by_session(&first).await.expect_status(200);
    s.clock.advance(std::time::Duration::from_millis(1));
    s.guarded_by_session(&first).await.expect_refused(Refusal::Invalid);
    s.guarded_by_session(&second).await.expect_status(200);
}

/// A logout is idempotent: again, with an unknown token, or with no token at all worth the name.
pub async fn a_logout_is_idempotent(s: &Subject) {
    let token = s.login(s.user()).await.refresh;
    for part in [forge::RefreshPart::Family, forge::RefreshPart::Secret, forge::RefreshPart::Session] {
        let forged = forge::with_other(&token, part);
        s.send(s.logout_request(&json!({"refresh_token": forged}))).await.expect_empty();
    }
    s.send(s.logout_request(&json!({"refresh_token": "garbage"}))).await.expect_empty();
    let token = s.assert_alive(&token).await;
    for _ in 0..3 {
        s.send(s.logout_request(&json!({"refresh_token": token}))).await.expect_empty();
    }
    s.assert_dead(&token).await;
}

/// C7: a logout clears the cookie that was sent, dead, unknown or mangled as its token may be.
pub async fn c7_a_logout_clears_the_cookie_it_was_sent(s: &Subject) {
    let token = s.login_cookie(s.user()).await.refresh;
    for value in [token.as_str(), token.as_str(), "garbage"] {
        let response = s.send(s.logout_request(&json!({})).cookie(REFRESH_COOKIE, value)).await;
        response.expect_empty();
        response.expect_cleared(REFRESH_COOKIE, "Lax");
    }
    for value in ["garbage", "a.b.c"] {
        let request = s.logout_request(&json!({"mode": "session"})).cookie(SESSION_COOKIE, value);
        let response = s.send(request).await;
        response.expect_empty();
        response.expect_cleared(SESSION_COOKIE, "Lax");
    }
}

/// A logout with the refresh cookie in JSON mode signs out and clears.
pub async fn a_logout_in_json_mode_reads_the_cookie(s: &Subject) {
    let token = s.login_cookie(s.user()).await.refresh;
    let response = s.send(s.logout_request(&json!({"mode": "json"})).cookie(REFRESH_COOKIE, &token)).await;
    response.expect_empty();
    response.expect_cleared(REFRESH_COOKIE, "Lax");
    s.assert_dead(&token).await;
}

/// R10: every login opens a session of its own.
pub async fn r10_every_login_is_a_new_session(s: &Subject) {
    let mut ids = std::collections::BTreeSet::new();
    for _ in 0..3 {
        for token in [s.login(s.user()).await.access, s.login_session(s.user()).await] {
            let sid = forge::decode(&token).1["sid"].as_str().expect("has a session").to_owned();
            assert!(ids.insert(sid), "the session is an old one");
        }
    }
}

/// R10: the session whose cookie a login replaces is not adopted but ended.
pub async fn r10_the_session_of_the_presented_cookie_ends(s: &Subject) {
    let old = s.login_cookie(s.user()).await.refresh;
    let login = s.login_request(&Subject::credentials(s.user(), "cookie")).cookie(REFRESH_COOKIE, &old);
    let response = s.send(login).await;
    response.expect_status(200);
    let new = response.set_cookie(REFRESH_COOKIE).value;
    assert_ne!(new, old);
    s.assert_dead(&old).await;
    s.refresh_by_cookie(&new).await.expect_status(200);

    let old = s.login_session(s.user()).await;
    let login = s.login_request(&Subject::credentials(s.user(), "session")).cookie(SESSION_COOKIE, &old);
    let response = s.send(login).await;
    response.expect_status(200);
    let new = response.set_cookie(SESSION_COOKIE).value;
    s.guarded_by_session(&old).await.expect_refused(Refusal::Invalid);
    s.guarded_by_session(&new).await.expect_status(200);
}

/// R10: a login that fails ends nothing.
pub async fn r10_a_refused_login_ends_nothing(s: &Subject) {
    let old = s.login_session(s.user()).await;
    let body = json!({"email": s.user().email, "password": "a wrong password", "mode": "session"});
    let response = s.send(s.login_request(&body).cookie(SESSION_COOKIE, &old)).await;
    response.expect_credentials_refused();
    response.expect_cookies_left_alone();
    s.guarded_by_session(&old).await.expect_status(200);
}

/// R10: a mangled cookie does not stop a login.
pub async fn r10_a_mangled_cookie_does_not_stop_a_login(s: &Subject) {
    for value in ["garbage", "", "a.b.c"] {
        for (mode, name) in [("cookie", REFRESH_COOKIE), ("session", SESSION_COOKIE)] {
            let login = s.login_request(&Subject::credentials(s.user(), mode)).cookie(name, value);
            let response = s.send(login).await;
            response.expect_status(200);
            assert!(!response.set_cookie(name).value.is_empty(), "{response}");
        }
    }
}
