//! How an access token reaches a guard (wire.md 4).

use crate::contract::{Refusal, Request, Response, SESSION_COOKIE, Subject};
use serde_json::{Value, json};

/// B3: the scheme is case-insensitive.
pub async fn b3_the_scheme_has_no_case(s: &Subject) {
    let token = s.login(s.user()).await.access;
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        s.send(Request::get("/guarded").header("Authorization", format!("{scheme} {token}"))).await.expect_status(200);
        s.send(Request::get("/guarded").header("authorization", format!("{scheme} {token}"))).await.expect_status(200);
    }
}

/// B3: another scheme is no token; the session cookie counts then.
pub async fn b3_another_scheme_is_no_token(s: &Subject) {
    let token = s.login(s.user()).await.access;
    let cookie = s.login_session(s.user()).await;
    for value in [
        format!("Basic {token}"),
        format!("Token {token}"),
        format!("Bearer{token}"),
        format!("Bearers {token}"),
        format!("DPoP {token}"),
        token.clone(),
        "Basic".to_owned(),
        "Negotiate".to_owned(),
    ] {
        s.send(Request::get("/guarded").header("Authorization", &value)).await.expect_refused(Refusal::NoToken);
        let request = Request::get("/guarded").header("Authorization", &value).cookie(SESSION_COOKIE, &cookie);
        s.send(request).await.expect_status(200);
    }
    for value in [b"\xff\xfe\x80".as_slice(), b"\xc3\xa9 x", b""] {
        s.send(Request::get("/guarded").header("Authorization", value)).await.expect_refused(Refusal::NoToken);
    }
}

/// B3: a malformed bearer is a bad token, never a reason to look at the cookie.
pub async fn b3_a_malformed_bearer_does_not_fall_back(s: &Subject) {
    let token = s.login(s.user()).await.access;
    let cookie = s.login_session(s.user()).await;
    let bearer = |rest: &[u8]| [b"Bearer".as_slice(), rest].concat();
    let malformed = [
        bearer(b""),
        bearer(b" "),
        bearer(format!("  {token}").as_bytes()),
        bearer(format!(" {token} {token}").as_bytes()),
        bearer(format!(" {token},").as_bytes()),
        bearer(format!(" {token}, Bearer {token}").as_bytes()),
        bearer(format!(" \"{token}\"").as_bytes()),
        bearer(b" a b"),
        bearer(b" \xff\xfe\x80"),
        bearer(format!(" {token}\u{e9}").as_bytes()),
        bearer(b" garbage"),
        bearer(b" ."),
        bearer(b" .."),
        bearer(b" ..."),
        bearer(b" undefined"),
        bearer(b" null"),
        bearer(b" {}"),
    ];
    for value in malformed {
        let request = Request::get("/guarded").header("Authorization", &value);
        s.send(request.clone()).await.expect_refused(Refusal::Invalid);
        s.send(request.cookie(SESSION_COOKIE, &cookie)).await.expect_refused(Refusal::Invalid);
        let optional = Request::get("/optional").header("Authorization", &value).cookie(SESSION_COOKIE, &cookie);
        s.send(optional).await.expect_refused(Refusal::Invalid);
    }
}

/// B1: two tokens are refused, good or not, equal or not, whatever the cookie.
pub async fn b1_two_tokens_are_refused(s: &Subject) {
    let token = s.login(s.user()).await.access;
    let cookie = s.login_session(s.user()).await;
    for path in ["/guarded", "/optional", "/admin", s.path("/users/me").as_str()] {
        let get = |query: &str| Request::get(format!("{path}{query}"));
        for request in [
            get("").bearer(&token).bearer(&token),
            get("").bearer(&token).bearer("garbage"),
            get("").bearer("garbage").bearer(&token),
            get(&format!("?access_token={token}")).bearer(&token),
            get("?access_token=garbage").bearer(&token),
            get(&format!("?access_token={token}")).bearer("garbage"),
            get(&format!("?access_token={token}&access_token={token}")),
            get(&format!("?access_token=garbage&a=b&access_token={token}")),
            get(&format!("?access%5Ftoken={token}&access_token={token}")),
            get(&format!("?%61ccess_token={token}&access%5ftoken=x")),
        ] {
            s.send(request.clone()).await.expect_refused(Refusal::TwoTokens);
            s.send(request.cookie(SESSION_COOKIE, &cookie)).await.expect_refused(Refusal::TwoTokens);
        }
    }
}

/// B1: header and query beat the session cookie, for better or worse.
pub async fn b1_a_token_beats_the_session_cookie(s: &Subject) {
    let cookie = s.login_session(s.user()).await;
    let admin = s.login(&s.accounts.admin).await.access;
    for request in [Request::get("/guarded").bearer(&admin), Request::get(format!("/guarded?access_token={admin}"))] {
        for cookie in [cookie.as_str(), "garbage"] {
            let response = s.send(request.clone().cookie(SESSION_COOKIE, cookie)).await;
            response.expect_status(200);
            assert_eq!(response.json()["user"], s.accounts.admin.id.as_str(), "{response}");
        }
    }
    for request in [Request::get("/guarded").bearer("garbage"), Request::get("/guarded?access_token=garbage")] {
        s.send(request.cookie(SESSION_COOKIE, &cookie)).await.expect_refused(Refusal::Invalid);
    }
}

/// B4: the token is taken out of the URI that the handler sees; all else stays as it was written, in its order.
pub async fn b4_the_query_token_is_taken_out_of_the_uri(s: &Subject) {
    let token = s.login(s.user()).await.access;
    let dots_escaped = token.replace('.', "%2E");
    for (target, seen) in [
        (format!("/guarded?access_token={token}"), "/guarded"),
        (format!("/guarded?access_token={token}&a=1"), "/guarded?a=1"),
        (format!("/guarded?a=1&access_token={token}"), "/guarded?a=1"),
        (format!("/guarded?b=2&access_token={token}&a=1"), "/guarded?b=2&a=1"),
        (format!("/guarded?a=%20x+y&access_token={token}&a=%C3%A9&b"), "/guarded?a=%20x+y&a=%C3%A9&b"),
        (format!("/guarded?access%5Ftoken={token}&a=%41"), "/guarded?a=%41"),
        (format!("/guarded?%61ccess_token={token}"), "/guarded"),
        (format!("/guarded?access_token={dots_escaped}&a=1"), "/guarded?a=1"),
        (format!("/guarded?x=access_token%3Dy&access_token={token}"), "/guarded?x=access_token%3Dy"),
        (format!("/guarded?my_access_token=1&access_token={token}&access_token2=2"), {
            "/guarded?my_access_token=1&access_token2=2"
        }),
    ] {
        let response = s.send(Request::get(&target)).await;
        response.expect_status(200);
        assert_eq!(response.json()["uri"], seen, "{target}\n{response}");
        assert!(!response.to_string().contains(&token), "the token is in the answer\n{response}");
        expect_kept_private(&response);
    }
}

/// B4: without a token in it the URI stays untouched, and so do the caches of the app.
pub async fn b4_a_uri_without_a_token_is_left_alone(s: &Subject) {
    let token = s.login(s.user()).await.access;
    for uri in ["/guarded", "/guarded?a=1&b=%41+c", "/guarded?Access_Token=x", "/guarded?access-token=x"] {
        let response = s.send(Request::get(uri).bearer(&token)).await;
        response.expect_status(200);
        assert_eq!(response.json()["uri"], uri, "{response}");
        assert_eq!(response.header("referrer-policy"), None, "{response}");
    }
}

/// B4: a key that is only nearly `access_token` is no token.
pub async fn b4_only_the_exact_key_is_a_token(s: &Subject) {
    let token = s.login(s.user()).await.access;
    for key in ["Access_Token", "access-token", "token", "access_token[]", "access_token%00", "+access_token"] {
        let response = s.send(Request::get(format!("/guarded?{key}={token}"))).await;
        response.expect_refused(Refusal::NoToken);
    }
    let fragment = Request::get(format!("/guarded?a=1;access_token={token}"));
    s.send(fragment).await.expect_refused(Refusal::NoToken);
}

/// B4: what answers a token in the URI is not cached and not passed on by links, refused or not.
pub async fn b4_the_answer_to_a_query_token_is_kept_private(s: &Subject) {
    let token = s.login(s.user()).await.access;
    let expired = s.forged(&json!({"exp": s.now()}));
    for path in ["/guarded", "/optional", "/editor", s.path("/users/me").as_str()] {
        let response = s.send(Request::get(format!("{path}?access_token={token}"))).await;
        response.expect_status(200);
        expect_kept_private(&response);
    }
    for (target, refusal) in [
        (format!("/admin?access_token={token}"), Refusal::Forbidden),
        (format!("/guarded?access_token={expired}"), Refusal::Expired),
        ("/guarded?access_token=garbage".to_owned(), Refusal::Invalid),
    ] {
        let response = s.send(Request::get(target)).await;
        response.expect_refused(refusal);
        expect_kept_private(&response);
    }
}

/// B4: a guard for headers only does not look at the query; the session cookie still counts.
pub async fn b4_a_guard_for_headers_only(s: &Subject) {
    let token = s.login(s.user()).await.access;
    let cookie = s.login_session(s.user()).await;
    s.send(Request::get("/header-only").bearer(&token)).await.expect_status(200);
    s.send(Request::get("/header-only").cookie(SESSION_COOKIE, &cookie)).await.expect_status(200);
    s.send(Request::get(format!("/header-only?access_token={token}"))).await.expect_refused(Refusal::NoToken);
}

/// B4, hardened: every guard is for headers only.
pub async fn b4_hardened_guards_do_not_look_at_the_query(s: &Subject) {
    let token = s.login(s.user()).await.access;
    for path in ["/guarded", "/header-only", s.path("/users/me").as_str()] {
        s.send(Request::get(path).bearer(&token)).await.expect_status(200);
        s.send(Request::get(format!("{path}?access_token={token}"))).await.expect_refused(Refusal::NoToken);
    }
    let response = s.send(Request::get(format!("/optional?access_token={token}"))).await;
    response.expect_status(200);
    assert_eq!(response.json()["user"], Value::Null, "{response}");
}

#[track_caller]
fn expect_kept_private(response: &Response) {
    assert_eq!(response.header("cache-control").as_deref(), Some("private, no-store"), "{response}");
    assert_eq!(response.header("referrer-policy").as_deref(), Some("no-referrer"), "{response}");
}
