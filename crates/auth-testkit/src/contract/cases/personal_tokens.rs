//! Personal access tokens: made once, used like access tokens, limited, and ended.

use std::time::Duration;

use auth_core::store::{UserChange, UserStatus};
use auth_core::{Clock as _, PasswordHash, TokenId};
use serde_json::{Value, json};

use super::body::unreadable;
use crate::contract::{MOST_TOKENS, Refusal, Request, Response, SESSION_COOKIE, Subject};

const LOGIN_REQUIRED: Refusal = Refusal::Lacking("login required");
const INSUFFICIENT_SCOPE: Refusal = Refusal::Lacking("insufficient scope");
/// What a case waits for that is done beside the requests.
const PATIENCE: Duration = Duration::from_secs(10);

async fn create(s: &Subject, access: &str, body: &Value) -> Response {
    s.send(Request::post(s.path("/auth/tokens")).json(body).bearer(access)).await
}

/// A token for whatever the user may do, and its id.
async fn made(s: &Subject, access: &str, body: &Value) -> (String, String) {
    let response = create(s, access, body).await;
    response.expect_status(200);
    (response.data("token"), response.data("id"))
}

/// Not part of the transcript: whether a use is noted already is left to chance.
async fn list(s: &Subject, access: &str) -> Vec<Value> {
    let response = s.send(Request::get(s.path("/auth/tokens")).bearer(access).unrecorded()).await;
    response.expect_status(200);
    response.json()["data"].as_array().cloned().expect("a list")
}

fn revoke(s: &Subject, id: &str) -> Request {
    Request::new("DELETE", s.path(&format!("/auth/tokens/{id}")))
}

/// The token is in the answer to the one request that makes it, and opens what its user may open, until it is revoked.
pub async fn a_token_is_made_told_once_used_and_revoked(s: &Subject) {
    let access = s.login(s.user()).await.access;
    let response = create(s, &access, &json!({"name": "CI \u{2013} nightly"})).await;
    response.expect_status(200);
    assert_eq!(response.header("cache-control").as_deref(), Some("private, no-store"), "{response}");
    let token = response.data("token");
    let shown = response.json()["data"].clone();
    let now = s.now() * 1000;
    assert_eq!(shown["name"], "CI \u{2013} nightly", "{response}");
    assert_eq!((&shown["scopes"], &shown["last_used_at"]), (&Value::Null, &Value::Null), "{response}");
    let year = shown["expires_at"].as_i64().expect("a time") - shown["created_at"].as_i64().expect("a time");
    assert_eq!(year, 365 * 86_400_000, "{response}");
    assert!((shown["created_at"].as_i64().expect("a time") - now).abs() <= 1000, "{response}");
    assert!(token.starts_with("pat_") && token.len() == 44, "a prefix that scanners know\n{response}");

    let listed = s.send(Request::get(s.path("/auth/tokens")).bearer(&access)).await;
    let mut without = shown.as_object().expect("an object").clone();
    without.remove("token");
    assert_eq!(listed.json(), json!({"data": [without]}), "all but the token\n{listed}");

    let used = s.guarded(&token).await;
    used.expect_status(200);
    let expected = json!({
        "user": s.user().id.as_str(), "role": "editor", "admin": false, "session": null, "uri": "/guarded"
    });
    assert_eq!(used.json(), expected, "{used}");
    s.send(Request::get("/editor").bearer(&token)).await.expect_status(200);
    s.send(Request::get("/admin").bearer(&token)).await.expect_refused(Refusal::Forbidden);
    s.send(Request::get("/optional").bearer(&token)).await.expect_status(200);
    let me = s.send(Request::get(s.path("/users/me?fields=id")).bearer(&token)).await;
    assert_eq!(me.json(), json!({"data": {"id": s.user().id.as_str()}}), "{me}");

    s.send(revoke(s, &response.data("id")).bearer(&access)).await.expect_empty();
    s.guarded(&token).await.expect_refused(Refusal::Invalid);
    assert_eq!(list(s, &access).await, Vec::<Value>::new());
}

/// In header or query, as B1 to B4 have it for every access token, and from no cookie.
pub async fn b1_a_token_comes_by_header_or_query_alone(s: &Subject) {
    let access = s.login(s.user()).await.access;
    let (token, _) = made(s, &access, &json!({"name": "CI"})).await;
    let response = s.send(Request::get(format!("/guarded?a=1&access_token={token}&b=2"))).await;
    response.expect_status(200);
    assert_eq!(response.json()["uri"], "/guarded?a=1&b=2", "{response}");
    assert_eq!(response.header("cache-control").as_deref(), Some("private, no-store"), "{response}");
    assert_eq!(response.header("referrer-policy").as_deref(), Some("no-referrer"), "{response}");
    let me = s.send(Request::get(s.path(&format!("/users/me?access_token={token}")))).await;
    me.expect_status(200);

    let both = Request::get(format!("/guarded?access_token={token}")).bearer(&token);
    s.send(both).await.expect_refused(Refusal::TwoTokens);
    let twice = Request::get(format!("/guarded?access_token={token}&access_token={token}"));
    s.send(twice).await.expect_refused(Refusal::TwoTokens);
    s.send(Request::get(format!("/header-only?access_token={token}"))).await.expect_refused(Refusal::NoToken);
    s.send(Request::get("/header-only").bearer(&token)).await.expect_status(200);
    s.guarded_by_session(&token).await.expect_refused(Refusal::Invalid);
    s.refresh(&token).await.expect_credentials_refused();
    s.refresh_session(&token).await.expect_credentials_refused();
}

/// No other text is taken for it, nor is any text like it looked up for nothing.
pub async fn r7_an_altered_token_is_none(s: &Subject) {
    let access = s.login(s.user()).await.access;
    let (token, _) = made(s, &access, &json!({"name": "CI"})).await;
    for at in [0, 3, 4, 20, 35, 36, 43] {
        let mut altered = token.clone().into_bytes();
        altered[at] = if altered[at] == b'a' { b'b' } else { b'a' };
        s.guarded(&String::from_utf8(altered).expect("text")).await.expect_refused(Refusal::Invalid);
    }
    for altered in [token.to_uppercase(), token[..43].to_owned(), format!("{token}a"), "pat_".to_owned()] {
        s.guarded(&altered).await.expect_refused(Refusal::Invalid);
    }
    s.guarded(&token).await.expect_status(200);
}

/// A limited token opens what asks for one of its scopes, and nothing that asks for none.
pub async fn a_limited_token_opens_what_asks_for_its_scope(s: &Subject) {
    let access = s.login(s.user()).await.access;
    let (read, _) = made(s, &access, &json!({"name": "reads", "scopes": ["notes:read", "x", "x"]})).await;
    let (write, _) = made(s, &access, &json!({"name": "writes", "scopes": ["notes:write"]})).await;
    let (all, _) = made(s, &access, &json!({"name": "all", "scopes": null})).await;
    let get = async |path: &str, token: &str| s.send(Request::get(path).bearer(token)).await;
    for token in [&read, &all, &access] {
        get("/scoped", token).await.expect_status(200);
    }
    get("/scoped", &write).await.expect_refused(INSUFFICIENT_SCOPE);
    for path in ["/guarded", "/editor", "/optional"] {
        get(path, &read).await.expect_refused(INSUFFICIENT_SCOPE);
        get(path, &all).await.expect_status(200);
    }
    get(&s.path("/users/me"), &read).await.expect_status(200);
    let names: Vec<Value> = list(s, &access).await.into_iter().map(|token| token["scopes"].clone()).collect();
    assert!(names.contains(&json!(["notes:read", "x"])) && names.contains(&json!(null)), "{names:?}");
}

/// A token is for programs: it meets no demand for a login, and changes nothing about how its user signs in.
pub async fn m5_a_token_is_no_login(s: &Subject) {
    let tokens = s.login(s.user()).await;
    let (token, id) = made(s, &tokens.access, &json!({"name": "CI"})).await;
    let (limited, _) = made(s, &tokens.access, &json!({"name": "CI", "scopes": ["x"]})).await;
    s.send(Request::get("/login-only").bearer(&tokens.access)).await.expect_status(200);
    let password = &s.user().password;
    let session = s.send(Request::get(s.path("/auth/sessions")).bearer(&tokens.access)).await;
    let session = session.json()["data"][0]["id"].as_str().expect("an id").to_owned();
    for token in [&token, &limited] {
        s.send(Request::get("/login-only").bearer(token)).await.expect_refused(LOGIN_REQUIRED);
        let change = json!({"current_password": password, "password": "battery staple horse"});
        for request in [
            Request::get(s.path("/auth/tokens")),
            Request::post(s.path("/auth/tokens")).json(&json!({"name": "more", "password": password})),
            Request::post(s.path("/auth/tokens")).json(&json!({})),
            revoke(s, &id),
            Request::get(s.path("/auth/sessions")),
            Request::new("DELETE", s.path("/auth/sessions")),
            Request::new("DELETE", s.path(&format!("/auth/sessions/{session}"))),
            Request::post(s.path("/auth/password/change")).json(&change),
            s.tfa_request("generate", &json!({"password": password})),
            s.tfa_request("enable", &json!({"secret": "x", "otp": "123456"})),
            s.tfa_request("disable", &json!({"otp": "123456"})),
            s.tfa_request("recovery-codes", &json!({"otp": "123456"})),
        ] {
            s.send(request.bearer(token)).await.expect_refused(LOGIN_REQUIRED);
        }
    }
    s.send(Request::get("/fresh").bearer(&token)).await.expect_refused(Refusal::Lacking("recent login required"));
    s.send(Request::get("/mfa").bearer(&token)).await.expect_refused(Refusal::Lacking("second factor required"));
    s.guarded(&token).await.expect_status(200);
    s.assert_alive(&tokens.refresh).await;
}

/// It ends on time: by its own expiry, and by the longest that is allowed.
pub async fn r5_a_token_expires(s: &Subject) {
    let access = s.login(s.user()).await.access;
    let at = s.clock.now().as_millis() + 60_000;
    let (token, _) = made(s, &access, &json!({"name": "CI", "expires_at": at})).await;
    s.clock.advance(Duration::from_millis(59_999));
    s.guarded(&token).await.expect_status(200);
    s.clock.advance(Duration::from_millis(1));
    s.guarded(&token).await.expect_refused(Refusal::Expired);
    let now = s.clock.now().as_millis();
    for wrong in [now, now - 1, 0, -1, now + 365 * 86_400_000 + 1, i64::MAX] {
        let response = create(s, &access, &json!({"name": "CI", "expires_at": wrong})).await;
        response.expect_invalid("\"expires_at\" must be in the future, and no later than is allowed");
    }
    let longest = json!({"name": "CI", "expires_at": now + 365 * 86_400_000});
    create(s, &access, &longest).await.expect_status(200);
}

/// The user is taken as they are now: suspended, demoted or gone, at the next use. Every change of credentials ends the
/// tokens, and none comes back.
pub async fn r8_a_token_follows_its_user(s: &Subject) {
    let admin = s.accounts.admin.clone();
    let access = s.login(&admin).await.access;
    let (token, _) = made(s, &access, &json!({"name": "CI"})).await;
    s.send(Request::get("/admin").bearer(&token)).await.expect_status(200);
    let access = s.login(s.user()).await.access;
    for (change, status) in [
        (UserChange { role: Some(None), ..UserChange::default() }, None),
        (UserChange { status: Some(UserStatus::Suspended), ..UserChange::default() }, None),
        (UserChange { status: Some(UserStatus::Active), ..UserChange::default() }, Some(())),
    ] {
        if status.is_none() {
            let access = s.login(s.user()).await.access;
            let (token, _) = made(s, &access, &json!({"name": "CI"})).await;
            s.guarded(&token).await.expect_status(200);
            s.update(&s.user().id, &change).await;
            s.guarded(&token).await.expect_refused(Refusal::Invalid);
        } else {
            s.update(&s.user().id, &change).await;
            let access = s.login(s.user()).await.access;
            assert_eq!(list(s, &access).await, Vec::<Value>::new(), "reactivation revives nothing");
        }
    }
    create(s, &access, &json!({"name": "CI"})).await.expect_refused(Refusal::Invalid);
    s.send(Request::get("/admin").bearer(&token)).await.expect_status(200);
    s.delete(&admin.id).await;
    s.send(Request::get("/admin").bearer(&token)).await.expect_refused(Refusal::Invalid);
}

/// A new password and the end of all other sessions leave no token behind: who changes them does it because somebody
/// else may be in.
pub async fn r9_a_new_password_and_the_end_of_other_sessions_end_tokens(s: &Subject) {
    let access = s.login(s.user()).await.access;
    let (first, _) = made(s, &access, &json!({"name": "CI"})).await;
    s.send(Request::new("DELETE", s.path("/auth/sessions")).bearer(&access)).await.expect_empty();
    s.guarded(&first).await.expect_refused(Refusal::Invalid);
    let (second, _) = made(s, &access, &json!({"name": "CI"})).await;
    let body = json!({"current_password": s.user().password, "password": "battery staple horse"});
    let change = Request::post(s.path("/auth/password/change")).json(&body).bearer(&access);
    s.send(change).await.expect_empty();
    s.guarded(&second).await.expect_refused(Refusal::Invalid);
    let (third, _) = made(s, &access, &json!({"name": "CI"})).await;
    let hash = PasswordHash::from_phc("$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$Zmlyc3RoYXNo");
    s.update(&s.user().id, &UserChange { password: Some(hash), ..UserChange::default() }).await;
    s.guarded(&third).await.expect_refused(Refusal::Invalid);
}

/// Making one needs a recent login or the password.
pub async fn m4_a_token_needs_a_recent_login_or_the_password(s: &Subject) {
    let cookie = s.login_session(s.user()).await;
    let post = async |body: Value| {
        s.send(Request::post(s.path("/auth/tokens")).json(&body).cookie(SESSION_COOKIE, &cookie)).await
    };
    post(json!({"name": "CI"})).await.expect_status(200);
    s.clock.advance(Duration::from_secs(901));
    post(json!({"name": "CI"})).await.expect_refused(Refusal::Lacking("recent login required"));
    post(json!({"name": "CI", "password": "wrong horse"})).await.expect_credentials_refused();
    post(json!({"name": "CI", "password": s.user().password})).await.expect_status(200);
    let foreign = Request::post(s.path("/auth/tokens")).json(&json!({"name": "CI"})).cookie(SESSION_COOKIE, &cookie);
    s.send(foreign.header("sec-fetch-site", "cross-site")).await.expect_refused(Refusal::Forbidden);
    // Without that, the list is there, and tokens can be revoked.
    let listed = s.send(Request::get(s.path("/auth/tokens")).cookie(SESSION_COOKIE, &cookie)).await;
    let id = listed.json()["data"][0]["id"].as_str().expect("an id").to_owned();
    s.send(revoke(s, &id).cookie(SESSION_COOKIE, &cookie)).await.expect_empty();
}

/// A user has so many and no more; the tokens of others are none of theirs.
pub async fn tokens_are_bounded_and_those_of_others_out_of_reach(s: &Subject) {
    let access = s.login(s.user()).await.access;
    let mut last = (String::new(), String::new());
    for n in 0..MOST_TOKENS {
        last = made(s, &access, &json!({"name": format!("number {n}")})).await;
    }
    let refused = create(s, &access, &json!({"name": "one more"})).await;
    refused.expect_invalid("There are too many tokens, revoke one first");
    let other = s.login(&s.accounts.admin).await.access;
    let unknown = TokenId::from_bytes([7; 16]).to_string();
    for id in [last.1.as_str(), &last.1.to_uppercase(), &unknown, "me", "'%20OR%201=1"] {
        s.send(revoke(s, id).bearer(&other).unrecorded()).await.expect_refused(Refusal::Forbidden);
    }
    s.guarded(&last.0).await.expect_status(200);
    assert_eq!(list(s, &other).await, Vec::<Value>::new());
    s.send(revoke(s, &last.1).bearer(&access)).await.expect_empty();
    create(s, &access, &json!({"name": "one more"})).await.expect_status(200);
}

/// Each member has its rule, and nobody makes a token without a token.
pub async fn what_a_token_is_made_of_is_checked(s: &Subject) {
    let access = s.login(s.user()).await.access;
    let name = "\"name\" must have 1 to 100 characters";
    let scopes = "\"scopes\" must be one or more names without spaces";
    for (body, reason) in [
        (json!({}), "\"name\" is required"),
        (json!({"name": ""}), "\"name\" is not allowed to be empty"),
        (json!({"name": 1}), "\"name\" must be a string"),
        (json!({"name": "a".repeat(101)}), name),
        (json!({"name": "a\nb"}), name),
        (json!({"name": "CI", "expires_at": "tomorrow"}), "\"expires_at\" must be a number of milliseconds"),
        (json!({"name": "CI", "expires_at": 1.5}), "\"expires_at\" must be a number of milliseconds"),
        (json!({"name": "CI", "scopes": "a"}), "\"scopes\" must be an array"),
        (json!({"name": "CI", "scopes": []}), scopes),
        (json!({"name": "CI", "scopes": [1]}), scopes),
        (json!({"name": "CI", "scopes": ["a b"]}), scopes),
        (json!({"name": "CI", "scopes": ["\u{e9}"]}), scopes),
        (json!({"name": "CI", "scopes": ["a".repeat(1001)]}), scopes),
        (json!({"name": "CI", "password": 1}), "\"password\" must be a string"),
    ] {
        create(s, &access, &body).await.expect_invalid(reason);
    }
    s.send(Request::get(s.path("/auth/tokens"))).await.expect_refused(Refusal::NoToken);
    s.send(Request::post(s.path("/auth/tokens")).json(&json!({"name": "CI"}))).await.expect_refused(Refusal::NoToken);
    for (request, status) in unreadable(&Request::post(s.path("/auth/tokens"))) {
        s.send(request.clone()).await.expect_refused(Refusal::NoToken);
        s.send(request.bearer(&access)).await.expect_status(status);
    }
    let over = s.login(s.user()).await;
    s.send(s.logout_request(&json!({"refresh_token": over.refresh}))).await.expect_empty();
    create(s, &over.access, &json!({"name": "CI"})).await.expect_refused(Refusal::Invalid);
}

/// The last use is written beside the requests, at most once a minute.
pub async fn the_last_use_is_told_to_the_minute(s: &Subject) {
    let access = s.login(s.user()).await.access;
    let (token, _) = made(s, &access, &json!({"name": "CI"})).await;
    let begun = s.clock.now().as_millis();
    s.guarded(&token).await.expect_status(200);
    let last_use = async || {
        let listed = s.send(Request::get(s.path("/auth/tokens")).bearer(&access).unrecorded()).await;
        listed.json()["data"][0]["last_used_at"].as_i64()
    };
    let becomes = async |expected: i64| {
        let noted = async {
            while last_use().await != Some(expected) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, noted).await.expect("the use is noted");
    };
    becomes(begun).await;
    s.clock.advance(Duration::from_millis(59_999));
    s.guarded(&token).await.expect_status(200);
    s.clock.advance(Duration::from_millis(1));
    s.guarded(&token).await.expect_status(200);
    becomes(begun + 60_000).await;
}
