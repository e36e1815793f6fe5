//! Step-up: guards that demand a recent login or a second factor, and the changes that do.

use std::time::Duration;

use auth_core::Clock as _;
use auth_core::store::UserChange;
use serde_json::json;

use crate::contract::{Authenticator, Refusal, Request, SESSION_COOKIE, Subject};

const RECENT_LOGIN: Refusal = Refusal::Lacking("recent login required");
const SECOND_FACTOR: Refusal = Refusal::Lacking("second factor required");

/// Five minutes after the login it is no longer recent, and a refresh does not make it so; a new login does.
pub async fn a_recent_login_is_one_with_the_password(s: &Subject) {
    on_the_second(s);
    let tokens = s.login(s.user()).await;
    let cookie = s.login_session(s.user()).await;
    let fresh = async |token: &str| s.send(Request::get("/fresh").bearer(token)).await;
    let fresh_by_cookie = async || s.send(Request::get("/fresh").cookie(SESSION_COOKIE, &cookie)).await;
    s.clock.advance(Duration::from_secs(300));
    fresh(&tokens.access).await.expect_status(200);
    fresh_by_cookie().await.expect_status(200);
    s.clock.advance(Duration::from_secs(1));
    fresh(&tokens.access).await.expect_refused(RECENT_LOGIN);
    fresh_by_cookie().await.expect_refused(RECENT_LOGIN);
    s.guarded(&tokens.access).await.expect_status(200);

    let refreshed = s.refresh(&tokens.refresh).await.tokens();
    fresh(&refreshed.access).await.expect_refused(RECENT_LOGIN);
    s.refresh_session(&cookie).await.expect_status(200);
    fresh_by_cookie().await.expect_refused(RECENT_LOGIN);
    fresh(&s.login(s.user()).await.access).await.expect_status(200);
}

/// A token that does not say when its user signed in, or says a time to come, is not recent.
pub async fn a_login_at_no_time_is_not_recent(s: &Subject) {
    for (auth_time, may) in [
        (json!(null), false),
        (json!(s.now()), true),
        (json!(s.now() - 299), true),
        (json!(s.now() - 302), false),
        (json!(s.now() + 50), true),
        (json!(s.now() + 62), false),
        (json!(0), false),
    ] {
        let response = s.send(Request::get("/fresh").bearer(&s.forged(&json!({"auth_time": auth_time})))).await;
        if may {
            response.expect_status(200);
        } else {
            response.expect_refused(RECENT_LOGIN);
        }
    }
}

/// A guard for two factors lets in who used two, from the moment of enabling on, and after a refresh.
pub async fn m5_a_guard_may_demand_a_second_factor(s: &Subject) {
    let tokens = s.login(s.user()).await;
    let mfa = async |token: &str| s.send(Request::get("/mfa").bearer(token)).await;
    mfa(&tokens.access).await.expect_refused(SECOND_FACTOR);
    let app = s.enrol(s.user(), &tokens.access).await.app;
    mfa(&tokens.access).await.expect_refused(SECOND_FACTOR);
    let refreshed = s.refresh(&tokens.refresh).await.tokens();
    mfa(&refreshed.access).await.expect_status(200);

    let signed_in = s.login_with(s.user(), "json", Some(&app.code(s.clock.now()))).await.tokens();
    mfa(&signed_in.access).await.expect_status(200);
    s.next_step();
    let cookie =
        s.login_with(s.user(), "session", Some(&app.code(s.clock.now()))).await.set_cookie(SESSION_COOKIE).value;
    s.send(Request::get("/mfa").cookie(SESSION_COOKIE, &cookie)).await.expect_status(200);
    s.next_step();
    // Without the factor the session is one of a password again.
    let disable = s.tfa_request("disable", &json!({"otp": app.code(s.clock.now())})).cookie(SESSION_COOKIE, &cookie);
    s.send(disable).await.expect_empty();
    s.send(Request::get("/mfa").cookie(SESSION_COOKIE, &cookie)).await.expect_refused(SECOND_FACTOR);
}

/// Who may not at all is not asked to sign in again for it.
pub async fn what_nothing_would_mend_is_said_first(s: &Subject) {
    let payments = async |claims| s.send(Request::get("/payments").bearer(&s.forged(&claims))).await;
    let (now, old) = (s.now(), s.now() - 3600);
    payments(json!({"role": "other", "auth_time": old, "aal": 1})).await.expect_refused(Refusal::Forbidden);
    payments(json!({"role": "other", "auth_time": now, "aal": 2})).await.expect_refused(Refusal::Forbidden);
    payments(json!({"role": "editor", "auth_time": old, "aal": 2})).await.expect_refused(RECENT_LOGIN);
    payments(json!({"role": "editor", "auth_time": now, "aal": 1})).await.expect_refused(SECOND_FACTOR);
    payments(json!({"role": "editor", "auth_time": now, "aal": 2})).await.expect_status(200);
}

/// A quarter of an hour after the login, a change of the second factor needs the password again.
pub async fn m4_a_change_needs_a_recent_login_or_the_password(s: &Subject) {
    on_the_second(s);
    let password = s.user().password.clone();
    let tokens = s.login(s.user()).await;
    s.clock.advance(Duration::from_secs(895));
    let tokens = s.refresh(&tokens.refresh).await.tokens();
    let generated = s.tfa("generate", &tokens.access, &json!({"password": password})).await;
    let secret = generated.data("secret");
    let app = Authenticator::new(&secret);
    let otp = || app.code(s.clock.now());
    s.clock.advance(Duration::from_secs(6));
    let body = json!({"secret": secret, "otp": otp()});
    s.tfa("enable", &tokens.access, &body).await.expect_refused(RECENT_LOGIN);
    let wrong = json!({"secret": secret, "otp": otp(), "password": "wrong horse"});
    s.tfa("enable", &tokens.access, &wrong).await.expect_credentials_refused();
    let right = json!({"secret": secret, "otp": otp(), "password": password});
    s.tfa("enable", &tokens.access, &right).await.expect_empty();
    s.next_step();
    // No code is used up by a request that lacks the password.
    for what in ["recovery-codes", "disable"] {
        s.tfa(what, &tokens.access, &json!({"otp": otp()})).await.expect_refused(RECENT_LOGIN);
        let wrong = json!({"otp": otp(), "password": "wrong horse"});
        s.tfa(what, &tokens.access, &wrong).await.expect_credentials_refused();
        let right = s.tfa(what, &tokens.access, &json!({"otp": otp(), "password": password})).await;
        assert!(matches!(right.status, 200 | 204), "{right}");
        s.next_step();
    }
    s.login_with(s.user(), "json", None).await.expect_status(200);
}

/// With `step_up_within` of zero, no login is recent enough but one of this very moment.
pub async fn m4_the_password_may_be_demanded_each_time(s: &Subject) {
    let token = s.login(s.user()).await.access;
    let generated = s.tfa("generate", &token, &json!({"password": s.user().password})).await;
    let secret = generated.data("secret");
    s.clock.advance(Duration::from_millis(1));
    let otp = Authenticator::new(&secret).code(s.clock.now());
    s.tfa("enable", &token, &json!({"secret": secret, "otp": otp})).await.expect_refused(RECENT_LOGIN);
    let body = json!({"secret": secret, "otp": otp, "password": s.user().password});
    s.tfa("enable", &token, &body).await.expect_empty();
}

/// A change of the user makes the old login worth nothing here, recent or not.
pub async fn r9_a_login_from_before_a_change_steps_up_to_nothing(s: &Subject) {
    let token = s.login(s.user()).await.access;
    s.update(&s.user().id, &UserChange::default()).await;
    let response = s.tfa("generate", &token, &json!({"password": s.user().password})).await;
    response.expect_refused(Refusal::Invalid);
}

/// Claims are whole seconds: on a full one, a limit is met to the second.
fn on_the_second(s: &Subject) {
    let past_the_second = s.clock.now().as_millis().rem_euclid(1000).unsigned_abs();
    s.clock.advance(Duration::from_millis((1000 - past_the_second) % 1000));
}
