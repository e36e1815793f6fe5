//! No secret in any log, metric or event (requirements B4, B5): flows full of marked secrets, and then the whole contract,
//! run on both frameworks with everything logged at TRACE, counted and kept, and all of that is searched for what must not
//! be in it. The one test of its process, since a subscriber is for all of it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

mod contract;

use std::sync::Arc;

use auth_core::http::Endpoint;
use auth_core::store::memory::MemoryStore;
use auth_core::store::{EventFilter, EventPage, StoreErrorKind};
use auth_core::{AuditTrail, Auth, Clock as _, PersonalTokens};
use auth_testkit::contract::{REFRESH_COOKIE, Request, SESSION_COOKIE, Subject, Variant, seed};
use auth_testkit::mail::MemoryMailer;
use auth_testkit::{Fault, FaultyStore, ManualClock, Moment};
use auth_tests::log::Log;
use auth_tests::servers::Framework;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn b5_no_secret_is_in_any_log() {
    let log = Log::default();
    // Everything, also what libraries write through `log`. mio and polling talk about sockets, a lot.
    tracing_subscriber::fmt().with_env_filter("trace,mio=info").with_writer(log.clone()).with_ansi(false).init();

    let metrics = metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder().expect("the first one");
    let (mut secrets, mut events) = (Vec::new(), String::new());
    for framework in Framework::ALL {
        secrets.extend(flows(framework, &mut events).await);
    }

    let (flows, metrics_of_flows) = (log.take(), metrics.render());
    search(&flows, &metrics_of_flows, &events, &secrets);
    contract::run(&log, &metrics).await;
}

/// The flows: every proof that they left traces, and none of their secrets.
fn search(log: &str, metrics: &str, events: &str, secrets: &[(&str, String)]) {
    for proof in [
        r#"auth_events_total{type="login_succeeded",outcome="succeeded"}"#,
        r#"type="login_failed",outcome="refused""#,
        r#"auth_guard_refusals_total{code="INVALID_TOKEN"}"#,
        r#"auth_operation_seconds_count{operation="login"}"#,
        r#"auth_operation_seconds_count{operation="refresh"}"#,
        "auth_hash_wait_seconds_count",
        "auth_hash_seconds_count",
        "auth_hash_places_free",
    ] {
        assert!(metrics.contains(proof), "the metrics have no `{proof}`:\n{metrics}");
    }
    for proof in ["login_failed", "user_changed", "reuse_detected", "personal_token_created", "mfa_disabled"] {
        assert!(events.contains(proof), "the events have no `{proof}`:\n{events}");
    }
    for (what, secret) in secrets {
        assert!(!metrics.contains(secret), "{what} is in the metrics");
        assert!(!events.contains(secret), "{what} is in the events");
    }
    assert!(!metrics.contains("@example.com") && !events.contains("@example.com"), "no address either");
    for proof in [
        "/guarded", "a handler that logs what it gets", "login_succeeded", "reuse_detected", "MARKER-of-the-store",
        "mfa_enabled", "recovery_code_used", "otp_refused", "mfa_disabled", "personal_token_created", "token_refused",
    ] {
        assert!(log.contains(proof), "the log has no `{proof}`: it proves nothing");
    }
    assert!(secrets.len() > 20);
    for (what, secret) in secrets {
        assert!(secret.len() >= 8, "{what}");
        if let Some(line) = line_with(log, secret) {
            panic!("{what} is in the log: {line}");
        }
    }
}

fn line_with<'a>(log: &'a str, secret: &str) -> Option<&'a str> {
    let at = log.find(secret)?;
    let start = log[..at].rfind('\n').map_or(0, |start| start + 1);
    let end = log[at..].find('\n').map_or(log.len(), |end| at + end);
    log.get(start..end)
}

/// Every flow with secrets in every place, and the secrets.
async fn flows(framework: Framework, events: &mut String) -> Vec<(&'static str, String)> {
    let (store, clock) = (FaultyStore::new(MemoryStore::new()), ManualClock::stopped());
    let accounts = seed(&store, clock.now()).await;
    let mut config = Variant::Unthrottled.config();
    config.personal_tokens = Some(PersonalTokens::default());
    config.audit_trail = Some(AuditTrail::default());
    let auth = Auth::builder(store.clone()).config(config).clock(clock.clone()).mailer(MemoryMailer::new());
    let auth = auth.with(Endpoint::ALL).build().expect("a configuration");
    let server = framework.serve(&auth, "").await;
    let subject = Subject::new(server.addr, "", clock.clone(), Arc::new(store.clone()), accounts);
    let user = subject.user().clone();
    let mut secrets = vec![("the password", user.password.clone())];

    let tokens = subject.login(&user).await;
    let session = subject.login_session(&user).await;
    let cookie = subject.login_cookie(&user).await.refresh;
    for response in [
        subject.send(Request::get(format!("/guarded?a=1&access_token={}&b=2", tokens.access))).await,
        subject.send(Request::get(format!("/users/me?access_token={}", tokens.access))).await,
        subject.send(Request::get("/guarded").bearer(&tokens.access)).await,
        subject.guarded_by_session(&session).await,
        subject.refresh_by_cookie(&cookie).await,
        subject.refresh_session(&session).await,
        subject.refresh(&tokens.refresh).await,
    ] {
        response.expect_status(200);
    }
    secrets.push(("an access token", tokens.access));
    secrets.push(("a session token", session));
    secrets.push(("a refresh token in a cookie", cookie));

    // Refused in every way, with marked secrets where they do not belong.
    let marked = |n: u32| format!("CANARY-{framework:?}-{n}-0123456789");
    let body = |password: &str| json!({"email": user.email, "password": password, "otp": marked(2)});
    for request in [
        subject.login_request(&body(&marked(1))),
        Request::post("/auth/login").json_text(format!("{{\"email\": \"{}\" \"password\"", marked(3))),
        Request::post("/auth/login").json_text(format!("{{\"{0}\": 1, \"{0}\": 2}}", marked(4))),
        Request::post("/auth/login").header("content-type", "text/plain").body(marked(5)),
        subject.login_request(&json!({"email": marked(6), "password": marked(7)})),
        subject.login_request(&json!({"email": user.email, "password": "x", "mode": marked(8)})),
        subject.refresh_request(&json!({"refresh_token": marked(9)})),
        subject.logout_request(&json!({"refresh_token": marked(10)})),
        subject.refresh_request(&json!({"mode": "cookie"})).cookie(REFRESH_COOKIE, marked(11)),
        Request::get("/guarded").bearer(&marked(12)),
        Request::get("/guarded").header("authorization", format!("Bearer  {}", marked(13))),
        Request::get(format!("/guarded?access_token={}", marked(14))),
        Request::get(format!("/open?access_token={}", marked(15))),
        Request::get(format!("/nowhere?access_token={}", marked(16))),
        Request::get(format!("/auth/login?access%5Ftoken={}", marked(17))),
        Request::get("/guarded").cookie(SESSION_COOKIE, marked(18)),
        Request::get(format!("/guarded?access_token={}&access_token={}", marked(19), marked(20))),
    ] {
        subject.send(request).await;
    }
    secrets.extend((1..=20).map(|n| ("a marked secret", marked(n))));

    secrets.extend(personal_token(&subject).await);
    secrets.extend(admin(framework, &subject).await);
    secrets.extend(second_factor(framework, &subject).await);

    // Theft, and an outage.
    clock.advance(std::time::Duration::from_secs(60));
    subject.refresh(&tokens.refresh).await;
    secrets.push(("a refresh token", tokens.refresh));
    let page = EventPage { filter: EventFilter::default(), after: None, skip: 0, limit: 1000 };
    events.push_str(&format!("{:?}", auth.events(&page).await.expect("is there")));
    let fault = Fault::new(StoreErrorKind::Unavailable, Moment::BeforeWork).with_marker("MARKER-of-the-store");
    store.fail_all(fault);
    for response in
        [subject.send(subject.login_request(&body(&user.password))).await, subject.refresh(&marked(9)).await]
    {
        let text = String::from_utf8_lossy(&response.body);
        assert!(!text.contains("MARKER"), "{text}");
    }
    secrets
}

/// Marked secrets where admins put none.
async fn admin(framework: Framework, subject: &Subject) -> Vec<(&'static str, String)> {
    let marked = |n: u32| format!("CANARY-{framework:?}-admin-{n}-0123456789");
    let access = subject.login(&subject.accounts.admin).await.access;
    let user = format!("/users/{}", subject.accounts.suspended.id);
    for (method, target, body, status) in [
        ("PATCH", user.clone(), json!({"password": marked(1)}), 400),
        ("POST", "/users".to_owned(), json!({"email": "new@example.com", "password": marked(2)}), 400),
        ("PATCH", user.clone(), json!({"status": marked(3)}), 400),
        ("PATCH", user, json!({"app_access": false}), 200),
    ] {
        subject.send(Request::new(method, target).json(&body).bearer(&access)).await.expect_status(status);
    }
    for target in [
        format!("/users?access_token={}", marked(4)),
        format!("/auth/events?access_token={access}&limit=5"),
        format!("/auth/health?access_token={}", marked(5)),
    ] {
        subject.send(Request::get(target)).await;
    }
    let mut secrets = vec![("the access token of an admin", access)];
    secrets.extend((1..=5).map(|n| ("a marked secret", marked(n))));
    secrets
}

/// A personal access token made, used in both places, put where it does not belong, and revoked.
async fn personal_token(subject: &Subject) -> Vec<(&'static str, String)> {
    let access = subject.login(subject.user()).await.access;
    let made = Request::post("/auth/tokens").json(&json!({"name": "CI"})).bearer(&access);
    let made = subject.send(made).await;
    let token = made.data("token");
    subject.guarded(&token).await.expect_status(200);
    subject.send(Request::get(format!("/guarded?a=1&access_token={token}&b=2"))).await.expect_status(200);
    subject.guarded_by_session(&token).await.expect_status(401);
    subject.refresh(&token).await.expect_status(401);
    subject.send(Request::get("/auth/tokens").bearer(&token)).await.expect_status(403);
    let revoke = Request::new("DELETE", format!("/auth/tokens/{}", made.data("id"))).bearer(&access);
    subject.send(revoke).await.expect_empty();
    subject.guarded(&token).await.expect_status(401);
    vec![("a personal access token", token)]
}

/// A second factor set up, used, refused and removed, by the admin, whose tokens nobody else needs.
async fn second_factor(framework: Framework, subject: &Subject) -> Vec<(&'static str, String)> {
    let admin = subject.accounts.admin.clone();
    let marked = |n: u32| format!("CANARY-{framework:?}-tfa-{n}-0123456789");
    let access = subject.login(&admin).await.access;
    for (what, body) in [
        ("generate", json!({"password": marked(1)})),
        ("enable", json!({"secret": marked(2), "otp": marked(3), "password": marked(4)})),
        ("enable", json!({"secret": marked(2), "otp": marked(3), "recovery_codes": marked(5)})),
    ] {
        subject.tfa(what, &access, &body).await.expect_status(if body["password"].is_null() { 400 } else { 401 });
    }
    let voided = subject.tfa("generate", &access, &json!({"password": admin.password})).await.data("secret");
    let enrolled = subject.enrol(&admin, &access).await;
    for otp in [&marked(6), &enrolled.app.wrong_code(subject.clock.now()), "0123AB-CDEFGH-JKMNPQ-RSTVWX"] {
        subject.login_with(&admin, "json", Some(otp)).await.expect_otp_refused();
        subject.tfa("disable", &access, &json!({"otp": otp})).await.expect_status(400);
    }
    let code = enrolled.app.code(subject.clock.now());
    subject.login_with(&admin, "json", Some(&code)).await.expect_status(200);
    subject.login_with(&admin, "json", Some(&enrolled.recovery_codes[0])).await.expect_status(200);
    let renewed = subject.tfa("recovery-codes", &access, &json!({"otp": enrolled.recovery_codes[1]})).await;
    let fresh: Vec<String> = serde_json::from_value(renewed.json()["data"]["recovery_codes"].clone()).expect("texts");
    subject.tfa("disable", &access, &json!({"otp": fresh[0]})).await.expect_empty();

    let mut secrets = vec![("the secret of a second factor", voided), ("the password of the admin", admin.password)];
    secrets.extend((1..=6).map(|n| ("a marked secret", marked(n))));
    for code in enrolled.recovery_codes.into_iter().chain(fresh) {
        secrets.push(("a recovery code without hyphens", code.replace('-', "")));
        secrets.push(("a recovery code", code));
    }
    // Six digits may be part of any number; between quotes they are the code.
    secrets.extend([format!("\"{code}\""), format!("otp={code}&")].map(|text| ("a one-time password", text)));
    secrets
}
