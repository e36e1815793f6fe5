//! The second factor: set up, asked for at every login, removed.

use std::time::Duration;

use auth_core::Clock as _;
use serde_json::{Value, json};

use crate::contract::{Authenticator, REFRESH_COOKIE, Refusal, Request, Response, SESSION_COOKIE, Subject, forge};

/// A secret of 160 bits in three forms that say the same, and each time another one; nobody keeps the answer.
pub async fn m3_generate_gives_a_new_secret(s: &Subject) {
    let token = s.login(s.user()).await.access;
    let password = json!({"password": s.user().password});
    let mut seen = Vec::new();
    for _ in 0..2 {
        let response = s.tfa("generate", &token, &password).await;
        response.expect_status(200);
        assert_eq!(response.header("cache-control").as_deref(), Some("private, no-store"), "{response}");
        let keys: Vec<String> = response.json()["data"].as_object().expect("an object").keys().cloned().collect();
        assert_eq!(keys, ["otpauth_url", "qr_svg", "secret"], "{response}");
        let (secret, url) = (response.data("secret"), response.data("otpauth_url"));
        assert_eq!(secret.len(), 32, "160 bits in base32\n{response}");
        assert!(url.starts_with("otpauth://totp/") && url.contains(&format!("secret={secret}")), "{response}");
        assert!(url.contains("issuer=auth") && url.contains("user%40example.com"), "{response}");
        assert!(response.data("qr_svg").starts_with("<svg "), "{response}");
        assert!(!seen.contains(&secret), "{response}");
        seen.push(secret);
    }
    let me = s.send(Request::get(s.path("/users/me")).bearer(&token)).await;
    assert!(seen.iter().all(|secret| !String::from_utf8_lossy(&me.body).contains(secret)), "never shown again\n{me}");
}

/// Whoever found an open browser cannot set up a second factor of their own.
pub async fn m4_generate_needs_the_password(s: &Subject) {
    let token = s.login(s.user()).await.access;
    let refused = s.tfa("generate", &token, &json!({"password": "wrong horse"})).await;
    refused.expect_credentials_refused();
    s.tfa("generate", &token, &json!({})).await.expect_invalid("\"password\" is required");
    let long = json!({"password": "x".repeat(2000)});
    s.tfa("generate", &token, &long).await.expect_credentials_refused();
    s.tfa("generate", &token, &json!({"password": s.user().password})).await.expect_status(200);
}

/// Only the last secret that this session generated, for ten minutes, and only with a code of it.
pub async fn m4_only_the_generated_secret_is_enabled(s: &Subject) {
    let token = s.login(s.user()).await.access;
    let other_session = s.login(s.user()).await.access;
    let foreign = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    let now = || s.clock.now();
    let enable = async |token: &str, secret: &str, otp: &str| {
        s.tfa("enable", token, &json!({"secret": secret, "otp": otp})).await
    };
    let code = |secret: &str| Authenticator::new(secret).code(now());
    enable(&token, foreign, &code(foreign)).await.expect_invalid("\"secret\" is invalid");

    let voided = generate(s, &token).await;
    let secret = generate(s, &token).await;
    enable(&token, foreign, &code(foreign)).await.expect_invalid("\"secret\" is invalid");
    enable(&token, "nonsense", "000000").await.expect_invalid("\"secret\" is invalid");
    enable(&token, &voided, &code(&voided)).await.expect_invalid("\"secret\" is invalid");
    enable(&other_session, &secret, &code(&secret)).await.expect_invalid("\"secret\" is invalid");
    let app = Authenticator::new(&secret);
    for wrong in [&*app.wrong_code(now()), &app.code_after(now(), 2), &app.code_after(now(), -2), "", "12345", "abcdef"]
    {
        let response = enable(&token, &secret, wrong).await;
        let reason = if wrong.is_empty() { "\"otp\" is not allowed to be empty" } else { "\"otp\" is invalid" };
        response.expect_invalid(reason);
    }
    s.clock.advance(Duration::from_secs(600));
    enable(&token, &secret, &code(&secret)).await.expect_invalid("\"secret\" is invalid");
    s.login_with(s.user(), "json", None).await.expect_status(200);

    let secret = generate(s, &token).await;
    s.clock.advance(Duration::from_secs(299));
    let response = enable(&token, &secret, &code(&secret)).await;
    response.expect_empty();
    enable(&token, &secret, &code(&secret)).await.expect_invalid("TFA Secret is already set for this user");
}

/// What is in use is not replaced: it has to be removed first, with a code.
pub async fn m4_a_pending_enrolment_does_not_replace_a_factor(s: &Subject) {
    let (first, second) = (s.login(s.user()).await, s.login(s.user()).await);
    let secret = generate(s, &second.access).await;
    let enrolled = s.enrol(s.user(), &first.access).await;
    let pair = s.login_with(s.user(), "json", Some(&enrolled.app.code(s.clock.now()))).await.tokens();
    let password = json!({"password": s.user().password});
    for token in [&first.access, &pair.access] {
        let again = s.tfa("generate", token, &password).await;
        again.expect_invalid("TFA Secret is already set for this user");
        let body = json!({"secret": secret, "otp": Authenticator::new(&secret).code(s.clock.now())});
        s.tfa("enable", token, &body).await.expect_invalid("TFA Secret is already set for this user");
    }
    // The session that began another enrolment is over.
    s.tfa("generate", &second.access, &password).await.expect_refused(Refusal::Invalid);
    s.next_step();
    s.login_with(s.user(), "json", Some(&enrolled.app.code(s.clock.now()))).await.expect_status(200);
}

/// JSON, cookie and session mode alike; and the level stays with the session (requirement M5).
pub async fn m5_every_login_asks_for_the_code(s: &Subject) {
    let before = s.login(s.user()).await;
    assert_eq!(forge::decode(&before.access).1["aal"], 1);
    let app = s.enrol(s.user(), &before.access).await.app;
    for mode in ["json", "cookie", "session"] {
        s.login_with(s.user(), mode, None).await.expect_otp_refused();
        s.login_with(s.user(), mode, Some(&app.wrong_code(s.clock.now()))).await.expect_otp_refused();
        s.login_with(s.user(), mode, Some(&app.code(s.clock.now()))).await.expect_status(200);
        s.next_step();
    }
    // The code is right and the password is not: nothing tells that there is a code to guess.
    let body = json!({"email": s.user().email, "password": "wrong horse", "otp": app.code(s.clock.now())});
    s.send(s.login_request(&body)).await.expect_credentials_refused();

    let tokens = s.login_with(s.user(), "json", Some(&app.code(s.clock.now()))).await.tokens();
    let signed_in = forge::decode(&tokens.access).1;
    assert_eq!(signed_in["aal"], 2);
    s.clock.advance(Duration::from_secs(600));
    let refreshed = s.refresh(&tokens.refresh).await.tokens();
    let claims = forge::decode(&refreshed.access).1;
    assert_eq!((&claims["aal"], &claims["auth_time"]), (&signed_in["aal"], &signed_in["auth_time"]));
    assert!(claims["iat"].as_i64() > signed_in["iat"].as_i64());
}

/// Whoever has no second factor may send a code, whatever it is.
pub async fn a_code_without_a_factor_is_ignored(s: &Subject) {
    for otp in ["123456", "nonsense", "0123AB-CDEFGH-JKMNPQ-RSTVWX"] {
        s.login_with(s.user(), "json", Some(otp)).await.expect_status(200);
    }
}

/// One login a code: also of many at the same moment (RFC 6238 5.2).
pub async fn m1_a_code_signs_in_once(s: &Subject) {
    let tokens = s.login(s.user()).await;
    let app = s.enrol(s.user(), &tokens.access).await.app;
    let code = app.code(s.clock.now());
    s.login_with(s.user(), "json", Some(&code)).await.expect_status(200);
    s.login_with(s.user(), "json", Some(&code)).await.expect_otp_refused();
    s.login_with(s.user(), "session", Some(&code)).await.expect_otp_refused();
    s.tfa("disable", &tokens.access, &json!({"otp": code})).await.expect_invalid("\"otp\" is invalid");
    s.tfa("recovery-codes", &tokens.access, &json!({"otp": code})).await.expect_invalid("\"otp\" is invalid");

    s.next_step();
    let code = app.code(s.clock.now());
    let login = || at_once(s, &code);
    let (a, b, c, d, e, f) = tokio::join!(login(), login(), login(), login(), login(), login());
    let responses = [a, b, c, d, e, f];
    let signed_in = responses.iter().filter(|response| response.status == 200).count();
    assert_eq!(signed_in, 1, "one of the parallel logins gets in");
    responses.iter().filter(|response| response.status != 200).for_each(Response::expect_otp_refused);
}

/// One of several logins at the same moment. Which of them gets in is chance, and no part of the transcript.
async fn at_once(s: &Subject, otp: &str) -> Response {
    let mut credentials = Subject::credentials(s.user(), "json");
    credentials["otp"] = json!(otp);
    s.send(s.login_request(&credentials).unrecorded()).await
}

/// The code that confirmed the secret was used by that.
pub async fn m1_the_confirming_code_signs_nobody_in(s: &Subject) {
    let token = s.login(s.user()).await.access;
    let secret = generate(s, &token).await;
    let app = Authenticator::new(&secret);
    let code = app.code(s.clock.now());
    s.tfa("enable", &token, &json!({"secret": secret, "otp": code})).await.expect_empty();
    s.login_with(s.user(), "json", Some(&code)).await.expect_otp_refused();
    s.login_with(s.user(), "json", Some(&app.code_after(s.clock.now(), -1))).await.expect_otp_refused();
    s.next_step();
    s.login_with(s.user(), "json", Some(&app.code(s.clock.now()))).await.expect_status(200);
}

/// One step early or late is good; two are not, and nothing before the last accepted one.
pub async fn m2_the_window_is_one_step_either_side(s: &Subject) {
    let token = s.login(s.user()).await.access;
    let app = s.enrol(s.user(), &token).await.app;
    s.clock.advance(Duration::from_secs(300));
    let login = async |steps| s.login_with(s.user(), "json", Some(&app.code_after(s.clock.now(), steps))).await;
    for steps in [-2, 2, -3, 3] {
        login(steps).await.expect_otp_refused();
    }
    login(-1).await.expect_status(200);
    login(0).await.expect_status(200);
    login(-1).await.expect_otp_refused();
    login(1).await.expect_status(200);
    for steps in [-1, 0, 1] {
        login(steps).await.expect_otp_refused();
    }
    s.next_step();
    login(0).await.expect_otp_refused();
    login(1).await.expect_status(200);
}

/// With a window of 0 only the code on the display counts.
pub async fn m2_a_window_of_zero_takes_the_current_code_alone(s: &Subject) {
    let token = s.login(s.user()).await.access;
    let secret = generate(s, &token).await;
    let app = Authenticator::new(&secret);
    let body = |steps| {
        let otp = app.code_after(s.clock.now(), steps);
        json!({"secret": secret, "otp": otp, "password": s.user().password})
    };
    for steps in [-1, 1] {
        s.tfa("enable", &token, &body(steps)).await.expect_invalid("\"otp\" is invalid");
    }
    s.tfa("enable", &token, &body(0)).await.expect_empty();
    s.clock.advance(Duration::from_secs(60));
    for steps in [-1, 1] {
        s.login_with(s.user(), "json", Some(&app.code_after(s.clock.now(), steps))).await.expect_otp_refused();
    }
    s.login_with(s.user(), "json", Some(&app.code(s.clock.now()))).await.expect_status(200);
}

/// Six ASCII digits, zeros in front included.
pub async fn m6_a_code_is_six_digits(s: &Subject) {
    let token = s.login(s.user()).await.access;
    let app = s.enrol(s.user(), &token).await.app;
    while !app.code(s.clock.now()).starts_with('0') {
        s.next_step();
    }
    let code = app.code(s.clock.now());
    let number = code.trim_start_matches('0');
    let wide: String = code.chars().filter_map(|c| char::from_u32(c as u32 - '0' as u32 + '\u{ff10}' as u32)).collect();
    for other in [number, &format!("0{code}"), &format!(" {code}"), &format!("{code}\n"), &format!("+{number}"), &wide]
    {
        let other = if other.is_empty() { "0" } else { other };
        s.login_with(s.user(), "json", Some(other)).await.expect_otp_refused();
    }
    for (otp, reason) in [
        (json!(number.parse::<u32>().unwrap_or_default()), "must be a string"),
        (json!(""), "is not allowed to be empty"),
    ] {
        let body = json!({"email": s.user().email, "password": s.user().password, "otp": otp});
        s.send(s.login_request(&body)).await.expect_invalid(&format!("\"otp\" {reason}"));
    }
    s.login_with(s.user(), "json", Some(&code)).await.expect_status(200);
}

/// Ten codes that each stand in once for a one-time password, wherever one is asked for.
pub async fn m7_a_recovery_code_is_good_once(s: &Subject) {
    let tokens = s.login(s.user()).await;
    let enrolled = s.enrol(s.user(), &tokens.access).await;
    let codes = &enrolled.recovery_codes;
    assert_eq!(codes.len(), 10);
    s.login_with(s.user(), "json", Some(&codes[0])).await.expect_status(200);
    s.login_with(s.user(), "json", Some(&codes[0])).await.expect_otp_refused();
    // As people copy it.
    let typed = codes[1].to_lowercase().replace('-', " ");
    s.login_with(s.user(), "session", Some(&typed)).await.expect_status(200);
    s.login_with(s.user(), "json", Some(&codes[1])).await.expect_otp_refused();
    s.login_with(s.user(), "json", Some("0123AB-CDEFGH-JKMNPQ-RSTVWX")).await.expect_otp_refused();
    let login = || at_once(s, &codes[2]);
    let (a, b, c, d) = tokio::join!(login(), login(), login(), login());
    let mut statuses = [a, b, c, d].map(|response| response.status);
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401, 401, 401], "one of the parallel logins gets in");

    // A new set voids the old one; a code of the old one may pay for it.
    let renewed = s.tfa("recovery-codes", &tokens.access, &json!({"otp": codes[3]})).await;
    renewed.expect_status(200);
    let fresh: Vec<String> = serde_json::from_value(renewed.json()["data"]["recovery_codes"].clone()).expect("texts");
    assert!(fresh.len() == 10 && !fresh.iter().any(|code| codes.contains(code)), "{renewed}");
    s.login_with(s.user(), "json", Some(&codes[4])).await.expect_otp_refused();
    s.login_with(s.user(), "json", Some(&fresh[4])).await.expect_status(200);
    s.tfa("disable", &tokens.access, &json!({"otp": fresh[4]})).await.expect_invalid("\"otp\" is invalid");
    s.tfa("disable", &tokens.access, &json!({"otp": fresh[5]})).await.expect_empty();
    s.login_with(s.user(), "json", None).await.expect_status(200);
}

/// Codes are made when they are asked for: with the factor, or later.
pub async fn m7_recovery_codes_are_shown_to_who_asks(s: &Subject) {
    let token = s.login(s.user()).await.access;
    let secret = generate(s, &token).await;
    let app = Authenticator::new(&secret);
    let body = |codes: Value| json!({"secret": secret, "otp": app.code(s.clock.now()), "recovery_codes": codes});
    for wrong in [json!("true"), json!(1), json!(null)] {
        s.tfa("enable", &token, &body(wrong)).await.expect_invalid("\"recovery_codes\" must be a boolean");
    }
    s.tfa("enable", &token, &body(json!(false))).await.expect_empty();
    s.next_step();
    let codes = s.tfa("recovery-codes", &token, &json!({"otp": app.code(s.clock.now())})).await;
    codes.expect_status(200);
    assert_eq!(codes.header("cache-control").as_deref(), Some("private, no-store"), "{codes}");
    assert_eq!(codes.json()["data"]["recovery_codes"].as_array().map(Vec::len), Some(10), "{codes}");
}

/// A login whose password was checked before it changed is worth nothing, code or not; one that comes later has the wrong
/// password.
pub async fn m8_a_login_beside_a_change_of_the_password_is_worth_nothing(s: &Subject) {
    let token = s.login(s.user()).await.access;
    let enrolled = s.enrol(s.user(), &token).await;
    let mut password = s.user().password.clone();
    for (round, recovery_code) in enrolled.recovery_codes.iter().take(3).enumerate() {
        let code = enrolled.app.code(s.clock.now());
        let next = format!("the password of round {round}");
        let login = json!({"email": s.user().email, "password": password, "otp": code});
        let change = json!({"current_password": password, "password": next, "otp": recovery_code});
        let change = Request::post(s.path("/auth/password/change")).json(&change).bearer(&token).unrecorded();
        let (response, changed) = tokio::join!(s.send(s.login_request(&login).unrecorded()), s.send(change));
        changed.expect_empty();
        if response.status == 200 {
            s.send(s.refresh_request(&json!({"refresh_token": response.tokens().refresh})).unrecorded())
                .await
                .expect_credentials_refused();
        } else {
            response.expect_credentials_refused();
        }
        password = next;
        s.next_step();
    }
}

/// Enabling and disabling end every other session, however it is held; the one that did it goes on.
pub async fn r9_a_change_of_the_factor_ends_every_other_session(s: &Subject) {
    let here = s.login(s.user()).await;
    let there = s.login(s.user()).await;
    let cookie = s.login_session(s.user()).await;
    let admin = s.login(&s.accounts.admin).await;
    let app = s.enrol(s.user(), &here.access).await.app;
    s.assert_dead(&there.refresh).await;
    s.guarded_by_session(&cookie).await.expect_refused(Refusal::Invalid);
    let refresh = s.assert_alive(&here.refresh).await;

    let otp = || Some(app.code(s.clock.now()));
    let there = s.login_with(s.user(), "json", otp().as_deref()).await.tokens();
    s.next_step();
    let cookie = s.login_with(s.user(), "session", otp().as_deref()).await.set_cookie(SESSION_COOKIE).value;
    s.next_step();
    let by_cookie = s.tfa_request("disable", &json!({"otp": otp()})).cookie(SESSION_COOKIE, &cookie);
    s.send(by_cookie).await.expect_empty();
    s.assert_dead(&there.refresh).await;
    s.assert_dead(&refresh).await;
    s.guarded_by_session(&cookie).await.expect_status(200);
    s.refresh_session(&cookie).await.expect_status(200);
    s.assert_alive(&admin.refresh).await;
    s.login_with(s.user(), "json", None).await.expect_status(200);
}

/// Without a second factor there is nothing to remove, and nothing to recover from.
pub async fn a_factor_that_is_not_there_cannot_be_removed(s: &Subject) {
    let token = s.login(s.user()).await.access;
    for what in ["disable", "recovery-codes"] {
        let response = s.tfa(what, &token, &json!({"otp": "123456"})).await;
        response.expect_invalid("TFA Secret is not set for this user");
        s.tfa(what, &token, &json!({})).await.expect_invalid("\"otp\" is required");
    }
    s.tfa("enable", &token, &json!({"otp": "123456"})).await.expect_invalid("\"secret\" is required");
    s.tfa("enable", &token, &json!({"secret": "GEZDGNBVGY3TQOJQ"})).await.expect_invalid("\"otp\" is required");
}

/// The routes are guarded, by the access token or the session cookie; foreign pages cannot use the latter.
pub async fn c4_foreign_pages_change_no_factor(s: &Subject) {
    let cookie = s.login_session(s.user()).await;
    let refresh_cookie = s.login_cookie(s.user()).await.refresh;
    let password = json!({"password": s.user().password});
    for what in ["generate", "enable", "disable", "recovery-codes"] {
        s.send(s.tfa_request(what, &password)).await.expect_refused(Refusal::NoToken);
        s.send(s.tfa_request(what, &password).bearer("garbage")).await.expect_refused(Refusal::Invalid);
        let by_refresh_cookie = s.tfa_request(what, &password).cookie(REFRESH_COOKIE, &refresh_cookie);
        s.send(by_refresh_cookie).await.expect_refused(Refusal::NoToken);
        let by_cookie = || s.tfa_request(what, &password).cookie(SESSION_COOKIE, &cookie);
        s.send(by_cookie().header("sec-fetch-site", "cross-site")).await.expect_refused(Refusal::Forbidden);
        s.send(by_cookie().header("origin", "https://evil.example")).await.expect_refused(Refusal::Forbidden);
    }
    let ours = s.tfa_request("generate", &password).cookie(SESSION_COOKIE, &cookie);
    s.send(ours.header("sec-fetch-site", "same-origin").unrecorded()).await.expect_status(200);
}

/// An access token outlives its session, and changes nothing then.
pub async fn r8_a_session_that_is_over_changes_no_factor(s: &Subject) {
    let over = s.login(s.user()).await;
    let secret = generate(s, &over.access).await;
    s.send(s.logout_request(&json!({"refresh_token": over.refresh}))).await.expect_empty();
    s.tfa("generate", &over.access, &json!({"password": s.user().password})).await.expect_refused(Refusal::Invalid);
    let body = json!({"secret": secret, "otp": Authenticator::new(&secret).code(s.clock.now())});
    s.tfa("enable", &over.access, &body).await.expect_refused(Refusal::Invalid);
    // Nor does one that says nothing of a session.
    let foreign = s.forged(&json!({}));
    s.tfa("generate", &foreign, &json!({"password": s.user().password})).await.expect_refused(Refusal::Invalid);
    s.login_with(s.user(), "json", None).await.expect_status(200);
}

async fn generate(s: &Subject, token: &str) -> String {
    let response = s.tfa("generate", token, &json!({"password": s.user().password})).await;
    response.expect_status(200);
    response.data("secret")
}
