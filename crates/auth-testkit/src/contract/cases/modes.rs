//! Which token a refresh reads and how it answers: the table of wire.md 2, both crossings included.

use serde_json::json;

use crate::contract::{REFRESH_COOKIE, Request, SESSION_COOKIE, Subject, forge};

const NO_TOKEN: &str = "The refresh token is required in either the payload or cookie";
const JSON_KEYS: [&str; 3] = ["access_token", "expires", "refresh_token"];
const COOKIE_KEYS: [&str; 2] = ["access_token", "expires"];

/// A body token without a mode is JSON mode.
pub async fn a_body_token_means_json_mode(s: &Subject) {
    for with_mode in [false, true] {
        let token = s.login(s.user()).await.refresh;
        let mut body = json!({"refresh_token": token});
        if with_mode {
            body["mode"] = json!("json");
        }
        let response = s.send(s.refresh_request(&body)).await;
        response.expect_token_answer(&JSON_KEYS);
        response.expect_cookies_left_alone();
    }
}

/// Without a body token the mode is cookie mode, and an empty body needs no content type.
pub async fn the_cookie_alone_means_cookie_mode(s: &Subject) {
    let refresh = || Request::post(s.path("/auth/refresh"));
    for request in [
        refresh(),
        refresh().body(""),
        refresh().json_text(""),
        refresh().json(&json!({})),
        refresh().json(&json!({"mode": "cookie"})),
        refresh().json(&json!({"unknown": 1})),
    ] {
        let token = s.login_cookie(s.user()).await.refresh;
        let response = s.send(request.cookie(REFRESH_COOKIE, &token)).await;
        response.expect_token_answer(&COOKIE_KEYS);
        assert_eq!(response.json()["data"]["expires"], 900_000, "{response}");
        let next = response.set_cookie(REFRESH_COOKIE).value;
        assert_ne!(next, token);
        assert!(!String::from_utf8_lossy(&response.body).contains(&next), "the token is in the body\n{response}");
        s.guarded(&response.data("access_token")).await.expect_status(200);
    }
}

/// Session mode reads and sets the session cookie.
pub async fn session_mode_refreshes_the_session_cookie(s: &Subject) {
    let first = s.login_session(s.user()).await;
    s.clock.advance(std::time::Duration::from_secs(60));
    let response = s.refresh_session(&first).await;
    response.expect_token_answer(&["expires"]);
    assert_eq!(response.json()["data"]["expires"], 86_400_000, "{response}");
    let second = response.set_cookie(SESSION_COOKIE).value;
    assert_ne!(first, second);
    s.guarded_by_session(&second).await.expect_status(200);
    s.guarded_by_session(&first).await.expect_status(200);
}

/// No cache keeps a token: not the answer to a login, not that to a refresh, in no mode; nor what ends a session.
pub async fn b6_no_cache_keeps_a_token(s: &Subject) {
    for (mode, keys) in [("json", &JSON_KEYS[..]), ("cookie", &COOKIE_KEYS), ("session", &["expires"])] {
        let login = s.send(s.login_request(&Subject::credentials(s.user(), mode))).await;
        login.expect_token_answer(keys);
        let refresh = match mode {
            "json" => s.refresh(&login.tokens().refresh).await,
            "cookie" => s.refresh_by_cookie(&login.set_cookie(REFRESH_COOKIE).value).await,
            _ => s.refresh_session(&login.set_cookie(SESSION_COOKIE).value).await,
        };
        refresh.expect_token_answer(keys);
    }
    let token = s.login_cookie(s.user()).await.refresh;
    let logout = s.send(s.logout_request(&json!({"mode": "cookie"})).cookie(REFRESH_COOKIE, &token)).await;
    assert_eq!(logout.header("cache-control").as_deref(), Some("no-store"), "{logout}");
}

/// Nothing where the mode looks: 400.
pub async fn a_refresh_without_a_token_is_refused(s: &Subject) {
    let cookie = s.login_session(s.user()).await;
    let refresh_cookie = s.login_cookie(s.user()).await.refresh;
    for route in ["/auth/refresh", "/auth/logout"] {
        let to = |body| Request::post(s.path(route)).json(&body);
        for request in [
            to(json!({})),
            to(json!({"mode": "json"})),
            to(json!({"mode": "cookie"})),
            to(json!({"mode": "session"})),
            // The session cookie is looked at in session mode alone, the refresh cookie never in it.
            to(json!({})).cookie(SESSION_COOKIE, &cookie),
            to(json!({"mode": "cookie"})).cookie(SESSION_COOKIE, &cookie),
            to(json!({"mode": "session"})).cookie(REFRESH_COOKIE, &refresh_cookie),
        ] {
            let response = s.send(request).await;
            response.expect_invalid(NO_TOKEN);
            response.expect_cookies_left_alone();
        }
    }
}

/// Crossing 1: a body token in cookie mode comes back in a cookie.
pub async fn a_body_token_moves_into_the_cookie(s: &Subject) {
    let token = s.login(s.user()).await.refresh;
    let response = s.send(s.refresh_request(&json!({"mode": "cookie", "refresh_token": token}))).await;
    response.expect_token_answer(&COOKIE_KEYS);
    let cookie = response.set_cookie(REFRESH_COOKIE).value;
    assert!(!String::from_utf8_lossy(&response.body).contains(&cookie), "the token is in the body\n{response}");
    let next = s.refresh_by_cookie(&cookie).await;
    next.expect_token_answer(&COOKIE_KEYS);
}

/// C6, crossing 2: a request of our own may take the token out of the cookie, which is cleared.
pub async fn c6_the_cookie_token_moves_into_json(s: &Subject) {
    let own = format!("http://{}", s.addr);
    let headers: [&[(&str, &str)]; 5] = [
        &[],
        &[("Origin", &own)],
        &[("Sec-Fetch-Site", "same-origin")],
        &[("Sec-Fetch-Site", "same-origin"), ("Origin", &own)],
        &[("Origin", crate::contract::ALLOWED_ORIGIN)],
    ];
    for headers in headers {
        let token = s.login_cookie(s.user()).await.refresh;
        let mut request = s.refresh_request(&json!({"mode": "json"})).cookie(REFRESH_COOKIE, &token);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let response = s.send(request).await;
        response.expect_token_answer(&JSON_KEYS);
        response.expect_cleared(REFRESH_COOKIE, "Lax");
        s.assert_alive(&response.tokens().refresh).await;
    }
}

/// C6, crossing 2: a foreign page may not, and nothing is rotated or cleared.
pub async fn c6_a_foreign_page_gets_no_token_out_of_the_cookie(s: &Subject) {
    let token = s.login_cookie(s.user()).await.refresh;
    for (name, value) in [
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
    ] {
        let request = s.refresh_request(&json!({"mode": "json"})).cookie(REFRESH_COOKIE, &token);
        let response = s.send(request.header(name, value)).await;
        response.expect_forbidden();
        response.expect_cookies_left_alone();
    }
    let response = s.refresh_by_cookie(&token).await;
    response.expect_token_answer(&COOKIE_KEYS);
    assert_ne!(response.set_cookie(REFRESH_COOKIE).value, token);
}

/// C6, hardened: no token goes from a cookie into JSON, whoever asks.
pub async fn c6_hardened_refuses_to_take_the_token_out(s: &Subject) {
    let token = s.login_cookie(s.user()).await.refresh;
    for site in [None, Some("same-origin"), Some("none")] {
        let request = s.refresh_request(&json!({"mode": "json"})).cookie(REFRESH_COOKIE, &token);
        let request = match site {
            Some(site) => request.header("Sec-Fetch-Site", site),
            None => request,
        };
        let response = s.send(request).await;
        response.expect_status(400);
        assert_eq!(response.error()["extensions"]["code"], "INVALID_PAYLOAD", "{response}");
        response.expect_cookies_left_alone();
    }
    s.refresh_by_cookie(&token).await.expect_token_answer(&COOKIE_KEYS);
}

/// The body token beats the cookie, which is left as it is.
pub async fn the_body_token_beats_the_cookie(s: &Subject) {
    let in_cookie = s.login_cookie(s.user()).await.refresh;
    for mode in [None, Some("json"), Some("cookie")] {
        let in_body = s.login(&s.accounts.admin).await.refresh;
        let mut body = json!({"refresh_token": in_body});
        if let Some(mode) = mode {
            body["mode"] = json!(mode);
        }
        let response = s.send(s.refresh_request(&body).cookie(REFRESH_COOKIE, &in_cookie)).await;
        response.expect_status(200);
        let claims = forge::decode(&response.data("access_token")).1;
        assert_eq!(claims["id"], s.accounts.admin.id.as_str(), "the cookie won\n{response}");
        if mode == Some("cookie") {
            response.expect_token_answer(&COOKIE_KEYS);
            assert!(!response.set_cookie(REFRESH_COOKIE).is_clearing());
        } else {
            response.expect_token_answer(&JSON_KEYS);
        }
    }
    let response = s.refresh_by_cookie(&in_cookie).await;
    response.expect_status(200);
    assert_ne!(response.set_cookie(REFRESH_COOKIE).value, in_cookie, "the cookie's session was rotated before");
}

/// J8, security.md 3: the secret inside a session cookie refreshes through that cookie alone.
pub async fn j8_a_session_secret_is_no_refresh_token(s: &Subject) {
    let cookie = s.login_session(s.user()).await;
    let secret = forge::decode(&cookie).1["session"].as_str().expect("is text").to_owned();
    s.refresh(&secret).await.expect_credentials_refused();
    s.refresh_by_cookie(&secret).await.expect_credentials_refused();
    s.refresh(&cookie).await.expect_credentials_refused();
    s.refresh_by_cookie(&cookie).await.expect_credentials_refused();
    s.refresh_session(&secret).await.expect_credentials_refused();
}

/// J8: and a refresh token is no session cookie, an access token neither.
pub async fn j8_other_tokens_do_not_refresh_a_session(s: &Subject) {
    let tokens = s.login(s.user()).await;
    s.refresh_session(&tokens.refresh).await.expect_credentials_refused();
    s.refresh_session(&tokens.access).await.expect_credentials_refused();
    s.refresh(&tokens.access).await.expect_credentials_refused();
    s.assert_alive(&tokens.refresh).await;
}

/// What a hardened server does not give out in JSON can still be signed out, in every mode.
pub async fn hardened_still_signs_out_by_cookie(s: &Subject) {
    for body in [json!({"mode": "json"}), json!({"mode": "cookie"}), json!({})] {
        let token = s.login_cookie(s.user()).await.refresh;
        s.send(s.logout_request(&body).cookie(REFRESH_COOKIE, &token)).await.expect_status(204);
        s.assert_dead(&token).await;
    }
}

/// A login with a cookie ends the sessions of both cookies that it came with, and clears the one that it does not set.
pub async fn r10_a_login_ends_the_sessions_of_both_cookies(s: &Subject) {
    for mode in ["cookie", "session"] {
        let refresh = s.login_cookie(s.user()).await.refresh;
        let session = s.login_session(s.user()).await;
        let login = s.login_request(&Subject::credentials(s.user(), mode));
        let response = s.send(login.cookie(REFRESH_COOKIE, &refresh).cookie(SESSION_COOKIE, &session)).await;
        response.expect_status(200);
        let (set, cleared) =
            if mode == "cookie" { (REFRESH_COOKIE, SESSION_COOKIE) } else { (SESSION_COOKIE, REFRESH_COOKIE) };
        let cookies = response.set_cookies();
        let cleared_of = |name| cookies.iter().find(|cookie| cookie.name == name).map(|cookie| cookie.is_clearing());
        assert_eq!((cleared_of(set), cleared_of(cleared)), (Some(false), Some(true)), "{response}");
        s.assert_dead(&refresh).await;
        s.guarded_by_session(&session).await.expect_status(401);
    }
}
