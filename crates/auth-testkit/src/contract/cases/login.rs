//! `POST /auth/login`: what is given, what is refused, and that refusals do not tell one account from another.

use serde_json::{Value, json};

use crate::contract::{ISSUER, REFRESH_COOKIE, Request, Response, SECRET, SESSION_COOKIE, Subject, forge};

/// JSON mode is the default: both tokens in the body, no cookie.
pub async fn json_mode_gives_both_tokens(s: &Subject) {
    for body in [
        json!({"email": s.user().email, "password": s.user().password}),
        json!({"email": s.user().email, "password": s.user().password, "mode": "json"}),
    ] {
        let response = s.send(s.login_request(&body)).await;
        response.expect_token_answer(&["access_token", "expires", "refresh_token"]);
        response.expect_cookies_left_alone();
        assert_eq!(response.json()["data"]["expires"], 900_000, "a number of milliseconds\n{response}");
        let refresh = response.tokens().refresh;
        let is_url_safe = refresh.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        assert!(is_url_safe, "a refresh token is [A-Za-z0-9_-]\n{response}");
        s.guarded(&response.tokens().access).await.expect_status(200);
    }
}

/// C6: in cookie mode the refresh token is in the cookie alone.
pub async fn c6_cookie_mode_gives_the_access_token_and_a_cookie(s: &Subject) {
    let response = s.send(s.login_request(&Subject::credentials(s.user(), "cookie"))).await;
    response.expect_token_answer(&["access_token", "expires"]);
    assert_eq!(response.json()["data"]["expires"], 900_000, "{response}");
    let cookie = response.set_cookie(REFRESH_COOKIE);
    assert!(!String::from_utf8_lossy(&response.body).contains(&cookie.value), "{response}");
    s.guarded(&response.data("access_token")).await.expect_status(200);
}

/// C6: in session mode no token is in the body.
pub async fn c6_session_mode_gives_a_session_cookie_alone(s: &Subject) {
    let response = s.send(s.login_request(&Subject::credentials(s.user(), "session"))).await;
    response.expect_token_answer(&["expires"]);
    assert_eq!(response.json()["data"]["expires"], 86_400_000, "the lifetime of the session cookie\n{response}");
    let cookie = response.set_cookie(SESSION_COOKIE);
    s.guarded_by_session(&cookie.value).await.expect_status(200);
}

/// wire.md 6: header, claims and signature of an access token.
pub async fn the_access_token_says_who_and_for_how_long(s: &Subject) {
    for (account, admin) in [(&s.accounts.user, false), (&s.accounts.admin, true)] {
        let token = s.login(account).await.access;
        assert!(forge::is_signed(SECRET.as_bytes(), &token), "not HS256 with the secret: {token}");
        let (header, claims) = forge::decode(&token);
        assert_eq!(header, json!({"alg": "HS256", "typ": "JWT"}));
        let expected = [
            ("id", json!(account.id.as_str())),
            ("role", json!(account.role)),
            ("app_access", json!(true)),
            ("admin_access", json!(admin)),
            ("iss", json!(ISSUER)),
            ("iat", json!(s.now())),
            ("exp", json!(s.now() + 900)),
            ("auth_time", json!(s.now())),
            ("aal", json!(1)),
        ];
        for (name, value) in expected {
            assert_eq!(claims.get(name), Some(&value), "claim `{name}` of {claims:?}");
        }
        assert!(claims.get("sid").is_some_and(Value::is_string), "no `sid` in {claims:?}");
        assert!(!claims.contains_key("session"), "an access token carries no session secret: {claims:?}");
        let text = format!("{claims:?}");
        assert!(!text.contains("argon2") && !text.contains(&account.email), "says more than it should: {text}");
    }
}

/// J8: the session cookie holds a JWT of another kind, signed, and it lives as long as the cookie.
pub async fn the_session_cookie_is_a_jwt_of_its_own_kind(s: &Subject) {
    let token = s.login_session(s.user()).await;
    assert!(forge::is_signed(SECRET.as_bytes(), &token), "not HS256 with the secret: {token}");
    let (header, claims) = forge::decode(&token);
    assert_ne!(header["typ"], "JWT");
    assert!(claims.get("session").is_some_and(Value::is_string), "no `session` in {claims:?}");
    assert_eq!(claims.get("exp"), Some(&json!(s.now() + 86_400)));
}

/// E1: an address is the same user in any case.
pub async fn e1_the_address_is_compared_in_canonical_form(s: &Subject) {
    for email in ["USER@EXAMPLE.COM", "User@Example.Com"] {
        let body = json!({"email": email, "password": s.user().password});
        let response = s.send(s.login_request(&body)).await;
        response.expect_status(200);
        let (_, claims) = forge::decode(&response.tokens().access);
        assert_eq!(claims["id"], s.user().id.as_str());
    }
}

/// `otp` is ignored for a user without a second factor, and unknown members always.
pub async fn a_code_without_mfa_and_unknown_members_are_ignored(s: &Subject) {
    for extra in [json!({"otp": "123456"}), json!({"otp": "no code"}), json!({"share": [1, {"a": null}], "": 1})] {
        let mut body = Subject::credentials(s.user(), "json");
        for (name, value) in extra.as_object().expect("is an object") {
            body[name] = value.clone();
        }
        s.send(s.login_request(&body)).await.expect_status(200);
    }
}

/// G4: whoever guesses learns nothing: status, headers and body are the same bytes.
pub async fn g4_refused_logins_look_the_same(s: &Subject) {
    let accounts = &s.accounts;
    for mode in ["json", "cookie", "session"] {
        let mut first: Option<Response> = None;
        for (email, password) in [
            ("nobody@example.com", "a wrong password"),
            (accounts.user.email.as_str(), "a wrong password"),
            (accounts.admin.email.as_str(), "a wrong password"),
            (accounts.suspended.email.as_str(), accounts.suspended.password.as_str()),
            (accounts.suspended.email.as_str(), "a wrong password"),
            (accounts.nopassword.email.as_str(), accounts.nopassword.password.as_str()),
        ] {
            let body = json!({"email": email, "password": password, "mode": mode});
            let mut response = s.send(s.login_request(&body)).await;
            response.expect_credentials_refused();
            response.expect_cookies_left_alone();
            response.headers.retain(|(name, _)| name != "date");
            let first = first.get_or_insert_with(|| response.clone());
            assert_eq!(&response, first, "{email} is told from the others");
        }
    }
}

/// P3, P4: the whole password counts, exactly as it was typed.
pub async fn p3_nothing_close_to_the_password_is_accepted(s: &Subject) {
    let right = &s.user().password;
    for wrong in [
        format!("{right} "),
        format!(" {right}"),
        format!("{right}\u{0}"),
        format!("\u{0}{right}"),
        format!("{right}\u{0}more"),
        format!("{right}\u{301}"),
        right.to_uppercase(),
        right[..right.len() - 1].to_owned(),
        format!("{right}{right}"),
    ] {
        let body = json!({"email": s.user().email, "password": wrong});
        s.send(s.login_request(&body)).await.expect_credentials_refused();
    }
}

/// P6: an overlong password is a wrong password, told apart by nothing.
pub async fn p6_an_overlong_password_is_a_wrong_one(s: &Subject) {
    let mut answers = Vec::new();
    for length in [1, 64, 1024, 1025, 8000] {
        let body = json!({"email": s.user().email, "password": "x".repeat(length)});
        let mut response = s.send(s.login_request(&body)).await;
        response.expect_credentials_refused();
        response.headers.retain(|(name, _)| name != "date");
        answers.push(response);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}

/// wire.md 3: a bad bearer token never breaks the auth routes.
pub async fn a_bad_bearer_token_breaks_nothing(s: &Subject) {
    let expired = s.forged(&json!({"exp": s.now() - 1}));
    let bearer = |request: Request| {
        [
            request.clone().bearer("garbage"),
            request.clone().bearer(&expired),
            request.clone().header("Authorization", "Bearer"),
            request.clone().header("Authorization", b"Bearer \xff\xfe"),
            request.bearer("one").bearer("two"),
        ]
    };
    for request in bearer(s.login_request(&Subject::credentials(s.user(), "json"))) {
        let tokens = s.send(request).await;
        tokens.expect_status(200);
        for request in bearer(s.refresh_request(&json!({"refresh_token": tokens.tokens().refresh}))) {
            s.send(request).await.expect_status(200);
        }
        for request in bearer(s.logout_request(&json!({"refresh_token": tokens.tokens().refresh}))) {
            s.send(request).await.expect_empty();
        }
    }
    let in_query = Request::post(s.path("/auth/login?access_token=garbage&access_token=more"));
    s.send(in_query.json(&Subject::credentials(s.user(), "json"))).await.expect_status(200);
}

/// G8: when the hashing pool is full the answer is 503 at once, and afterwards all is well.
pub async fn g8_a_crowd_is_told_to_come_back(s: &Subject) {
    let logins: Vec<_> = (0..12)
        .map(|_| s.login_request(&Subject::credentials(s.user(), "json")).unrecorded())
        .map(|request| {
            let addr = s.addr;
            tokio::spawn(async move { request.send(addr).await })
        })
        .collect();
    let (mut served, mut sent_away) = (0, 0);
    for login in logins {
        let response = login.await.expect("a login panicked");
        if response.status == 200 {
            served += 1;
            continue;
        }
        sent_away += 1;
        response.expect_status(503);
        assert_eq!(response.error()["extensions"]["code"], "SERVICE_UNAVAILABLE", "{response}");
        let wait = response.header("retry-after").and_then(|seconds| seconds.parse::<u32>().ok());
        assert!(wait.is_some_and(|seconds| seconds >= 1), "no time to wait\n{response}");
        response.expect_cookies_left_alone();
    }
    assert!(served > 0, "nobody was served");
    assert!(sent_away > 0, "the queue is not bounded");
    s.login(s.user()).await;
}
