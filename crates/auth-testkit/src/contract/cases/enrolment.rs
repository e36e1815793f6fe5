//! Users of whom a second factor is demanded and who have none: they may set one up, and nothing else.

use auth_core::Clock as _;
use auth_core::store::UserChange;
use serde_json::{Value, json};

use crate::contract::{ISSUER, REFRESH_COOKIE, Refusal, Request, SECRET, SESSION_COOKIE, Subject, forge};

const ENROLMENT: Refusal = Refusal::Lacking("mfa enrolment required");
const ENROL_HEADER: &str = r#"{"alg":"HS256","typ":"enrol+jwt"}"#;

/// A token of a kind of its own, which every guard refuses and says why; it opens what sets up the factor.
pub async fn j8_an_enrol_token_opens_enrolment_alone(s: &Subject) {
    let tokens = s.login(s.user()).await;
    let (header, claims) = forge::decode(&tokens.access);
    assert_eq!((&header["typ"], &claims["kind"]), (&json!("enrol+jwt"), &json!("enrol")));
    for path in
        ["/guarded", "/optional", "/admin", "/editor", "/header-only", "/closure", "/fresh", "/mfa", "/payments"]
    {
        s.send(Request::get(path).bearer(&tokens.access)).await.expect_refused(ENROLMENT);
        s.send(Request::post(path).bearer(&tokens.access)).await.expect_refused(ENROLMENT);
    }
    let in_query = s.send(Request::get(format!("/guarded?access_token={}", tokens.access))).await;
    in_query.expect_refused(ENROLMENT);
    s.send(Request::get(s.path("/auth/sessions")).bearer(&tokens.access)).await.expect_refused(ENROLMENT);
    s.send(Request::new("DELETE", s.path("/auth/sessions")).bearer(&tokens.access)).await.expect_refused(ENROLMENT);
    for what in ["disable", "recovery-codes"] {
        s.tfa(what, &tokens.access, &json!({"otp": "123456"})).await.expect_refused(ENROLMENT);
    }
    let me = s.send(Request::get(s.path("/users/me")).bearer(&tokens.access)).await;
    me.expect_status(200);
    assert_eq!(me.json()["data"]["id"], s.user().id.as_str(), "{me}");

    // A refresh gives no more, until the factor is there.
    let tokens = s.refresh(&tokens.refresh).await.tokens();
    s.guarded(&tokens.access).await.expect_refused(ENROLMENT);
    let app = s.enrol(s.user(), &tokens.access).await.app;
    s.guarded(&tokens.access).await.expect_refused(ENROLMENT);
    let ordinary = s.refresh(&tokens.refresh).await.tokens();
    s.guarded(&ordinary.access).await.expect_status(200);
    s.send(Request::get("/payments").bearer(&ordinary.access)).await.expect_status(200);
    let signed_in = s.login_with(s.user(), "json", Some(&app.code(s.clock.now()))).await.tokens();
    s.guarded(&signed_in.access).await.expect_status(200);
    assert_eq!(forge::decode(&signed_in.access).0["typ"], "JWT");
}

/// The session cookie says nothing of it: the store does, at each request.
pub async fn m5_enrolment_by_session_cookie(s: &Subject) {
    let cookie = s.login_session(s.user()).await;
    s.guarded_by_session(&cookie).await.expect_refused(ENROLMENT);
    s.send(Request::get("/optional").cookie(SESSION_COOKIE, &cookie)).await.expect_refused(ENROLMENT);
    s.send(Request::get(s.path("/auth/sessions")).cookie(SESSION_COOKIE, &cookie)).await.expect_refused(ENROLMENT);
    s.send(Request::get(s.path("/users/me")).cookie(SESSION_COOKIE, &cookie)).await.expect_status(200);
    let post = |what: &str, body: &Value| s.tfa_request(what, body).cookie(SESSION_COOKIE, &cookie).unrecorded();
    let generated = s.send(post("generate", &json!({"password": s.user().password}))).await;
    let secret = generated.data("secret");
    let otp = crate::contract::Authenticator::new(&secret).code(s.clock.now());
    s.send(post("enable", &json!({"secret": secret, "otp": otp}))).await.expect_empty();
    s.guarded_by_session(&cookie).await.expect_status(200);
    s.send(Request::get("/payments").cookie(SESSION_COOKIE, &cookie)).await.expect_status(200);
}

/// In cookie mode too; and signing out is always possible.
pub async fn m5_enrolment_by_refresh_cookie(s: &Subject) {
    let tokens = s.login_cookie(s.user()).await;
    s.guarded(&tokens.access).await.expect_refused(ENROLMENT);
    let refreshed = s.refresh_by_cookie(&tokens.refresh).await;
    refreshed.expect_status(200);
    s.guarded(&refreshed.data("access_token")).await.expect_refused(ENROLMENT);
    let cookie = refreshed.set_cookie(REFRESH_COOKIE).value;
    let logout = s.logout_request(&json!({"mode": "cookie"})).cookie(REFRESH_COOKIE, &cookie);
    s.send(logout).await.expect_status(204);
    s.assert_dead(&cookie).await;
}

/// It is demanded of a role, and of nobody else; a user who gets or loses the role is asked, or no longer asked.
pub async fn the_role_decides_who_must_enrol(s: &Subject) {
    let admin = s.login(&s.accounts.admin).await;
    s.guarded(&admin.access).await.expect_status(200);
    let change = |role: Option<&str>| UserChange {
        role: Some(role.map(|role| auth_core::Role::new(role).expect("is short"))),
        ..UserChange::default()
    };
    for (role, must) in [(None, false), (Some("editor"), true), (Some("Editor"), false), (Some("other"), false)] {
        s.update(&s.user().id, &change(role)).await;
        let token = s.login(s.user()).await.access;
        let cookie = s.login_session(s.user()).await;
        for response in [s.guarded(&token).await, s.guarded_by_session(&cookie).await] {
            if must {
                response.expect_refused(ENROLMENT);
            } else {
                response.expect_status(200);
            }
        }
    }
}

/// Whoever removes the factor has to set up one again: for a new phone.
pub async fn m5_without_the_factor_enrolment_begins_again(s: &Subject) {
    let tokens = s.login(s.user()).await;
    let app = s.enrol(s.user(), &tokens.access).await.app;
    let tokens = s.refresh(&tokens.refresh).await.tokens();
    s.tfa("disable", &tokens.access, &json!({"otp": app.code(s.clock.now())})).await.expect_empty();
    s.next_step();
    let tokens = s.refresh(&tokens.refresh).await.tokens();
    s.guarded(&tokens.access).await.expect_refused(ENROLMENT);
    let again = s.enrol(s.user(), &tokens.access).await.app;
    let otp = again.code(s.clock.now());
    s.guarded(&s.login_with(s.user(), "json", Some(&otp)).await.tokens().access).await.expect_status(200);
}

/// Header and claim have to say the same: a token that is half of each kind is none.
pub async fn j8_half_an_enrol_token_is_no_token(s: &Subject) {
    let claims = |kind: Option<&str>| {
        let mut claims = json!({
            "id": s.user().id.as_str(), "role": s.user().role, "app_access": true, "admin_access": false,
            "iat": s.now(), "exp": s.now() + 60, "iss": ISSUER, "sid": "0193c1b2-7c1f-7a2b-9d3e-4f5a6b7c8d9e",
        });
        if let Some(kind) = kind {
            claims["kind"] = json!(kind);
        }
        claims.to_string()
    };
    let access = claims(None);
    // Of nobody's session: signed by another system with the same secret, which asked for no code.
    let foreign = access.replace("\"sid\"", "\"other\"");
    let enrol = claims(Some("enrol"));
    let signed = |header: &str, claims: &str| forge::hs256(SECRET.as_bytes(), header, claims);
    for (header, claims, refusal) in [
        (forge::ACCESS_HEADER, &access, None),
        (forge::ACCESS_HEADER, &foreign, Some(ENROLMENT)),
        (ENROL_HEADER, &enrol, Some(ENROLMENT)),
        (forge::ACCESS_HEADER, &enrol, Some(Refusal::Invalid)),
        (ENROL_HEADER, &access, Some(Refusal::Invalid)),
        (r#"{"typ":"enrol+jwt","alg":"HS256"}"#, &enrol, Some(Refusal::Invalid)),
        (r#"{"typ":"enrol+jwt","alg":"HS256"}"#, &access, Some(Refusal::Invalid)),
        (r#"{"typ":"JWT","alg":"HS256"}"#, &enrol, Some(Refusal::Invalid)),
        (r#"{"alg":"HS256"}"#, &enrol, Some(Refusal::Invalid)),
        (ENROL_HEADER, &claims(Some("Enrol")), Some(Refusal::Invalid)),
    ] {
        let token = signed(header, claims);
        let response = s.guarded(&token).await;
        match refusal {
            None => response.expect_status(200),
            Some(refusal) => response.expect_refused(refusal),
        }
        // Nor is any of them a session cookie.
        s.guarded_by_session(&token).await.expect_refused(Refusal::Invalid);
    }
}
