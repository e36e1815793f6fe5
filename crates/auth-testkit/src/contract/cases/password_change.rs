//! A password changed by whoever knows it.

use auth_core::Clock as _;
use serde_json::{Value, json};

use crate::contract::{Refusal, Request, Response, SESSION_COOKIE, Subject};

const NEW: &str = "a new password of the user";

fn change(s: &Subject, current: &str, password: &str) -> Request {
    let body = json!({"current_password": current, "password": password});
    Request::post(s.path("/auth/password/change")).json(&body)
}

async fn login(s: &Subject, password: &str) -> Response {
    s.send(s.login_request(&json!({"email": s.user().email, "password": password}))).await
}

/// P8, R9: whoever knows the password changes it; every other session ends, and the one that asks goes on.
pub async fn p8_a_change_keeps_the_session_that_asks(s: &Subject) {
    let here = s.login(s.user()).await;
    let there = s.login_cookie(s.user()).await;
    let cookie = s.login_session(s.user()).await;
    let admin = s.login(&s.accounts.admin).await;
    let response = s.send(change(s, &s.user().password, NEW).bearer(&here.access)).await;
    response.expect_empty();
    response.expect_cookies_left_alone();
    s.assert_dead(&there.refresh).await;
    s.guarded_by_session(&cookie).await.expect_refused(Refusal::Invalid);
    s.send(Request::get("/guarded").bearer(&here.access).unrecorded()).await.expect_status(200);
    s.assert_alive(&here.refresh).await;
    s.assert_alive(&admin.refresh).await;
    login(s, &s.user().password).await.expect_credentials_refused();
    login(s, NEW).await.expect_status(200);
    let notice = s.mailer.next().await;
    assert_eq!(notice.to().as_typed(), s.user().email);
    assert!(notice.subject().contains("was changed"), "{}", notice.subject());
}

/// The id of a user in a table of the app is another one: this stays out of the transcript.
async fn expect_alive(s: &Subject, cookie: &str) {
    s.send(Request::get("/guarded").cookie(SESSION_COOKIE, cookie).unrecorded()).await.expect_status(200);
}

/// R9: the session that is kept can change it again: it was moved to the new epoch.
pub async fn r9_the_session_that_is_kept_can_change_it_again(s: &Subject) {
    let cookie = s.login_session(s.user()).await;
    let by_cookie = |request: Request| request.cookie(SESSION_COOKIE, &cookie).header("sec-fetch-site", "same-origin");
    s.send(by_cookie(change(s, &s.user().password, NEW))).await.expect_empty();
    expect_alive(s, &cookie).await;
    s.send(by_cookie(change(s, NEW, "and one more password"))).await.expect_empty();
    expect_alive(s, &cookie).await;
}

/// P8: without the current password nothing changes and no session ends.
pub async fn p8_a_wrong_password_changes_nothing(s: &Subject) {
    let here = s.login(s.user()).await;
    let there = s.login(s.user()).await;
    let long = "x".repeat(2000);
    for wrong in ["wrong", &s.accounts.admin.password, &long, &s.user().password.to_uppercase()] {
        let response = s.send(change(s, wrong, NEW).bearer(&here.access)).await;
        response.expect_credentials_refused();
    }
    s.assert_alive(&there.refresh).await;
    login(s, &s.user().password).await.expect_status(200);
    assert_eq!(s.mails().await, 0);
}

/// G3: what strangers guess at the login keeps nobody who is signed in from a new password; a session that guesses waits.
pub async fn g3_strangers_do_not_hold_up_a_session(s: &Subject) {
    let (here, stolen) = (s.login(s.user()).await, s.login(s.user()).await);
    for _ in 0..5 {
        login(s, "a wrong password").await.expect_credentials_refused();
    }
    login(s, &s.user().password).await.expect_throttled(5, 1);
    for _ in 0..5 {
        s.send(change(s, "a wrong password", NEW).bearer(&stolen.access)).await.expect_credentials_refused();
    }
    let guess = s.send(change(s, &s.user().password, NEW).bearer(&stolen.access)).await;
    guess.expect_throttled(5, 1);
    s.send(change(s, &s.user().password, NEW).bearer(&here.access)).await.expect_empty();
    s.assert_dead(&stolen.refresh).await;
}

/// M5: with a second factor in use, the password alone changes nothing; a code or a recovery code does, each once.
pub async fn m5_a_change_asks_for_the_second_factor(s: &Subject) {
    let token = s.login(s.user()).await.access;
    let enrolled = s.enrol(s.user(), &token).await;
    let app = &enrolled.app;
    let send = async |current: &str, password: &str, otp: Option<&str>| {
        let mut body = json!({"current_password": current, "password": password});
        if let Some(otp) = otp {
            body["otp"] = otp.into();
        }
        s.send(Request::post(s.path("/auth/password/change")).json(&body).bearer(&token)).await
    };
    let old = s.user().password.clone();
    send(&old, NEW, None).await.expect_otp_refused();
    // A wrong password says nothing of codes, and uses none up; neither does a weak one.
    let code = app.code(s.clock.now());
    send("wrong", NEW, Some(&code)).await.expect_credentials_refused();
    send(&old, "seven77", Some(&code)).await.expect_invalid("\"password\" must have at least 8 characters");
    for wrong in [&*app.wrong_code(s.clock.now()), &app.code_after(s.clock.now(), 3), "abc"] {
        send(&old, NEW, Some(wrong)).await.expect_otp_refused();
    }
    login(s, NEW).await.expect_credentials_refused();
    send(&old, NEW, Some(&code)).await.expect_empty();
    send(NEW, &old, Some(&code)).await.expect_otp_refused();
    send(NEW, &old, Some(&enrolled.recovery_codes[0])).await.expect_empty();
    send(&old, NEW, Some(&enrolled.recovery_codes[0])).await.expect_otp_refused();
}

/// P2, P5: the new password must be good enough.
pub async fn p2_a_weak_password_changes_nothing(s: &Subject) {
    let here = s.login(s.user()).await;
    let there = s.login(s.user()).await;
    for (weak, reason) in [
        ("seven77", "\"password\" must have at least 8 characters"),
        ("PassWord", "\"password\" is one of the most common passwords"),
        ("user@example.com", "\"password\" must not be the email"),
    ] {
        let response = s.send(change(s, &s.user().password, weak).bearer(&here.access)).await;
        response.expect_invalid(reason);
    }
    s.assert_alive(&there.refresh).await;
    login(s, &s.user().password).await.expect_status(200);
}

/// Only somebody who is signed in, by a session that is alive, and no page of another origin.
pub async fn p8_the_route_is_guarded(s: &Subject) {
    let over = s.login(s.user()).await;
    let cookie = s.login_session(s.user()).await;
    s.send(s.logout_request(&json!({"refresh_token": over.refresh}))).await.expect_empty();
    let request = || change(s, &s.user().password, NEW);
    s.send(request()).await.expect_refused(Refusal::NoToken);
    s.send(request().bearer(&over.access)).await.expect_refused(Refusal::Invalid);
    let foreign = request().cookie(SESSION_COOKIE, &cookie).header("sec-fetch-site", "cross-site");
    s.send(foreign).await.expect_refused(Refusal::Forbidden);
    s.send(request().bearer(&s.forged(&json!({})))).await.expect_refused(Refusal::Invalid);
    login(s, &s.user().password).await.expect_status(200);
}

/// What is missing is named.
pub async fn each_member_has_its_rule(s: &Subject) {
    let here = s.login(s.user()).await;
    let post = |body: Value| s.send(Request::post(s.path("/auth/password/change")).json(&body).bearer(&here.access));
    post(json!({"password": NEW})).await.expect_invalid("\"current_password\" is required");
    post(json!({"current_password": "x"})).await.expect_invalid("\"password\" is required");
    let body = json!({"current_password": "x", "password": NEW, "otp": ""});
    post(body).await.expect_invalid("\"otp\" is not allowed to be empty");
}
