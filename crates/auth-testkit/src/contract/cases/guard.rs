//! What guards demand, and what handlers see behind them.

use auth_core::Clock as _;
use serde_json::{Value, json};

use crate::contract::{Refusal, Request, SESSION_COOKIE, Subject, forge};

/// A route without a guard is nobody's business.
pub async fn an_open_route_is_open(s: &Subject) {
    let token = s.login(s.user()).await.access;
    for request in [
        Request::get("/open"),
        Request::get("/open").bearer("garbage"),
        Request::get("/open").bearer(&token).bearer(&token),
        Request::get("/open?access_token=garbage").cookie(SESSION_COOKIE, "garbage"),
        Request::post("/open").header("Sec-Fetch-Site", "cross-site"),
    ] {
        let response = s.send(request).await;
        response.expect_status(200);
        assert_eq!(response.body, b"open", "{response}");
    }
}

/// B2: without a token 401 and a challenge without an error, for every method.
pub async fn b2_no_token_is_a_plain_challenge(s: &Subject) {
    for path in ["/guarded", "/admin", "/editor", "/closure", "/header-only", s.path("/users/me").as_str()] {
        let response = s.send(Request::get(path)).await;
        response.expect_refused(Refusal::NoToken);
        response.expect_cookies_left_alone();
    }
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        s.send(Request::new(method, "/guarded")).await.expect_refused(Refusal::NoToken);
    }
    let response = s.send(Request::new("HEAD", "/guarded")).await;
    response.expect_status(401);
    assert!(response.body.is_empty(), "an answer to HEAD has no body\n{response}");
    assert!(response.header("www-authenticate").is_some(), "{response}");
}

/// The handler sees who it is, by access token and by session cookie alike.
pub async fn the_handler_sees_the_identity(s: &Subject) {
    for (account, admin) in [(&s.accounts.user, false), (&s.accounts.admin, true)] {
        let token = s.login(account).await.access;
        let cookie = s.login_session(account).await;
        for (request, token) in [
            (Request::get("/guarded").bearer(&token), &token),
            (Request::get("/optional").bearer(&token), &token),
            (Request::post("/guarded").bearer(&token).json(&json!({"a": 1})), &token),
            (Request::get("/guarded").cookie(SESSION_COOKIE, &cookie), &cookie),
            (Request::get("/optional").cookie(SESSION_COOKIE, &cookie), &cookie),
        ] {
            let response = s.send(request).await;
            response.expect_status(200);
            let seen = response.json();
            assert_eq!(seen["user"], account.id.as_str(), "{response}");
            assert_eq!(seen["role"], account.role, "{response}");
            assert_eq!(seen["admin"], admin, "{response}");
            assert_eq!(Some(&seen["session"]), forge::decode(token).1.get("sid"), "{response}");
        }
    }
}

/// A guard that demands nothing lets in who comes without a token, and not who comes with a bad one.
pub async fn an_optional_guard_refuses_bad_tokens(s: &Subject) {
    let response = s.send(Request::get("/optional?a=1")).await;
    response.expect_status(200);
    let nobody = json!({"user": null, "role": null, "admin": false, "session": null, "uri": "/optional?a=1"});
    assert_eq!(response.json(), nobody, "{response}");

    let expired = s.forged(&json!({"exp": s.now()}));
    s.send(Request::get("/optional").bearer("garbage")).await.expect_refused(Refusal::Invalid);
    s.send(Request::get("/optional?access_token=garbage")).await.expect_refused(Refusal::Invalid);
    s.send(Request::get("/optional").cookie(SESSION_COOKIE, "garbage")).await.expect_refused(Refusal::Invalid);
    s.send(Request::get("/optional").bearer(&expired)).await.expect_refused(Refusal::Expired);
}

/// B2: identified and not allowed is 403 `insufficient_scope`; the identity is asked for first.
pub async fn b2_who_may_not_is_forbidden(s: &Subject) {
    let user = s.login(s.user()).await.access;
    let admin = s.login(&s.accounts.admin).await.access;
    let user_cookie = s.login_session(s.user()).await;
    let admin_cookie = s.login_session(&s.accounts.admin).await;
    for (path, user_may, admin_may) in
        [("/guarded", true, true), ("/admin", false, true), ("/closure", true, false), ("/header-only", true, true)]
    {
        for (token, cookie, may) in [(&user, &user_cookie, user_may), (&admin, &admin_cookie, admin_may)] {
            for request in [Request::get(path).bearer(token), Request::get(path).cookie(SESSION_COOKIE, cookie)] {
                let response = s.send(request).await;
                if may {
                    response.expect_status(200);
                } else {
                    response.expect_refused(Refusal::Forbidden);
                    response.expect_cookies_left_alone();
                }
            }
        }
        s.send(Request::get(path).bearer("garbage")).await.expect_refused(Refusal::Invalid);
    }
}

/// A role is its exact name.
pub async fn a_role_is_its_exact_name(s: &Subject) {
    for (role, may) in [
        (json!("editor"), true),
        (json!("Editor"), false),
        (json!("editor "), false),
        (json!("edito"), false),
        (json!("editors"), false),
        (json!("other"), false),
        (Value::Null, false),
    ] {
        let response = s.send(Request::get("/editor").bearer(&s.forged(&json!({"role": role})))).await;
        if may {
            response.expect_status(200);
        } else {
            response.expect_refused(Refusal::Forbidden);
        }
    }
}

/// An access token ends to the second, a session cookie too (requirement J10: no leeway).
pub async fn j10_tokens_end_on_time(s: &Subject) {
    let token = s.login(s.user()).await.access;
    let cookie = s.login_session(s.user()).await;
    let advance_to = |second: i64| {
        let missing = (s.now() - second).unsigned_abs();
        s.clock.advance(std::time::Duration::from_secs(missing));
    };
    let start = s.now();
    advance_to(start + 899);
    s.guarded(&token).await.expect_status(200);
    advance_to(start + 900);
    s.guarded(&token).await.expect_refused(Refusal::Expired);
    advance_to(start + 86_399);
    s.guarded_by_session(&cookie).await.expect_status(200);
    advance_to(start + 86_400);
    s.guarded_by_session(&cookie).await.expect_refused(Refusal::Expired);
}

/// J10: the edge itself: `exp == now` is expired, `nbf == now` has begun.
pub async fn j10_the_edges_are_exact(s: &Subject) {
    // On the full second, so that the edge is one to the millisecond.
    let past_the_second = s.clock.now().as_millis().rem_euclid(1000).unsigned_abs();
    s.clock.advance(std::time::Duration::from_millis(1000 - past_the_second));
    let now = s.now();
    for (claims, refusal) in [
        (json!({"exp": now + 1}), None),
        (json!({"exp": now}), Some(Refusal::Expired)),
        (json!({"exp": now - 1}), Some(Refusal::Expired)),
        (json!({"exp": 0}), Some(Refusal::Expired)),
        (json!({"nbf": now}), None),
        (json!({"nbf": now - 1}), None),
        (json!({"nbf": now + 1}), Some(Refusal::Invalid)),
        // Too early and expired: it never was good.
        (json!({"nbf": now + 1, "exp": now - 1}), Some(Refusal::Invalid)),
        // Only a good signature may say that a token was good once.
        (json!({"exp": now - 1, "iss": "somebody"}), Some(Refusal::Invalid)),
    ] {
        let response = s.guarded(&s.forged(&claims)).await;
        match refusal {
            None => response.expect_status(200),
            Some(refusal) => response.expect_refused(refusal),
        }
    }
    let mut claims = s.claims(s.user());
    claims.insert("exp".to_owned(), json!(now - 1));
    let forged = forge::hs256(b"another key", forge::ACCESS_HEADER, &Value::Object(claims).to_string());
    s.guarded(&forged).await.expect_refused(Refusal::Invalid);
}
