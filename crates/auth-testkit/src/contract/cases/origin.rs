//! Where a request that uses cookies comes from (requirements C4, C5).

use serde_json::json;

use crate::contract::{ALLOWED_ORIGIN, REFRESH_COOKIE, Refusal, Request, SESSION_COOKIE, Subject};

type Headers = Vec<(&'static str, String)>;

/// Header lines, and whether a request with them is one of ours.
fn table(s: &Subject) -> Vec<(Headers, bool)> {
    let own = format!("http://{}", s.addr);
    let own_tls = format!("https://{}", s.addr);
    let site = |value: &str| ("Sec-Fetch-Site", value.to_owned());
    let origin = |value: &str| ("Origin", value.to_owned());
    vec![
        // No browser, or an old one: nothing speaks against it.
        (vec![], true),
        (vec![site("same-origin")], true),
        (vec![site("same-origin"), origin(&own)], true),
        // Typed or bookmarked.
        (vec![site("none")], true),
        (vec![site("cross-site")], false),
        (vec![site("cross-site"), origin("https://evil.example")], false),
        (vec![site("cross-site"), origin("null")], false),
        // What the browser says counts more than an origin, which may be of the time before a redirect.
        (vec![site("cross-site"), origin(&own)], false),
        (vec![site("same-site")], false),
        (vec![site("same-site"), origin("https://evil.example.com")], false),
        // What no browser sends.
        (vec![site("")], false),
        (vec![site("unknown")], false),
        (vec![site("same-origin, cross-site")], false),
        (vec![site("same-origin"), site("cross-site")], false),
        (vec![site("cross-site"), site("same-origin")], false),
        (vec![site("same-origin"), site("same-origin")], false),
        // Without the fetch metadata the origin decides.
        (vec![origin(&own)], true),
        (vec![origin(&own_tls)], true),
        (vec![origin(ALLOWED_ORIGIN)], true),
        (vec![origin("null")], false),
        (vec![origin("")], false),
        (vec![origin("https://evil.example")], false),
        (vec![origin("http://app.example.com")], false),
        (vec![origin("https://app.example.com:8443")], false),
        (vec![origin("https://app.example.com.evil.example")], false),
        (vec![origin("https://evil.example/https://app.example.com")], false),
        (vec![origin("https://app.example.com@evil.example")], false),
        (vec![origin("https://xapp.example.com")], false),
        (vec![origin(&format!("http://{}:1", s.addr.ip()))], false),
        (vec![origin(&format!("http://{}", s.addr.ip()))], false),
        (vec![origin(ALLOWED_ORIGIN), origin("https://evil.example")], false),
        (vec![origin("https://evil.example"), origin(ALLOWED_ORIGIN)], false),
        (vec![origin(&own), origin(&own)], false),
    ]
}

fn with(request: Request, headers: &Headers) -> Request {
    headers.iter().fold(request, |request, (name, value)| request.header(name, value))
}

/// C5: no foreign page signs a browser in: a login that would set a cookie is refused before the password is looked at.
pub async fn c5_a_foreign_page_cannot_set_a_session(s: &Subject) {
    for (headers, ours) in table(s) {
        for mode in ["cookie", "session"] {
            // A wrong password is enough to see who is let in, and costs the same.
            let body = json!({"email": s.user().email, "password": "a wrong password", "mode": mode});
            let response = s.send(with(s.login_request(&body), &headers)).await;
            if ours {
                assert_eq!(response.status, 401, "{headers:?} is one of ours\n{response}");
            } else {
                assert_eq!(response.status, 403, "{headers:?} is foreign\n{response}");
                response.expect_forbidden();
            }
            response.expect_cookies_left_alone();
        }
    }
    for mode in ["cookie", "session"] {
        let login = s.login_request(&Subject::credentials(s.user(), mode)).header("Sec-Fetch-Site", "cross-site");
        let response = s.send(login).await;
        response.expect_forbidden();
        response.expect_cookies_left_alone();
    }
}

/// C5: in JSON mode no cookie is set, so there is nothing to protect.
pub async fn c5_a_login_in_json_mode_may_come_from_anywhere(s: &Subject) {
    for (name, value) in [("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example"), ("Origin", "null")] {
        let request = s.login_request(&Subject::credentials(s.user(), "json")).header(name, value);
        let response = s.send(request).await;
        response.expect_status(200);
        let refresh = s.refresh_request(&json!({"refresh_token": response.tokens().refresh})).header(name, value);
        s.send(refresh).await.expect_status(200);
        let logout = s.logout_request(&json!({"refresh_token": response.tokens().refresh})).header(name, value);
        s.send(logout).await.expect_empty();
    }
}

/// C4: refresh by cookie, for every row; what is refused changes nothing.
pub async fn c4_a_refresh_by_cookie_must_be_ours(s: &Subject) {
    let mut token = s.login_cookie(s.user()).await.refresh;
    let mut session = s.login_session(s.user()).await;
    for (headers, ours) in table(s) {
        let by_cookie = s.refresh_request(&json!({"mode": "cookie"})).cookie(REFRESH_COOKIE, &token);
        let by_cookie = s.send(with(by_cookie, &headers)).await;
        let by_session = s.refresh_request(&json!({"mode": "session"})).cookie(SESSION_COOKIE, &session);
        let by_session = s.send(with(by_session, &headers)).await;
        if ours {
            assert_eq!((by_cookie.status, by_session.status), (200, 200), "{headers:?} is one of ours\n{by_cookie}");
            token = by_cookie.set_cookie(REFRESH_COOKIE).value;
            session = by_session.set_cookie(SESSION_COOKIE).value;
        } else {
            for response in [by_cookie, by_session] {
                assert_eq!(response.status, 403, "{headers:?} is foreign\n{response}");
                response.expect_forbidden();
                response.expect_cookies_left_alone();
            }
        }
    }
}

/// C4: no foreign page signs anybody out.
pub async fn c4_a_logout_by_cookie_must_be_ours(s: &Subject) {
    let token = s.login_cookie(s.user()).await.refresh;
    let session = s.login_session(s.user()).await;
    for (headers, _) in table(s).into_iter().filter(|(_, ours)| !ours) {
        for request in [
            s.logout_request(&json!({})).cookie(REFRESH_COOKIE, &token),
            s.logout_request(&json!({"mode": "session"})).cookie(SESSION_COOKIE, &session),
        ] {
            let response = s.send(with(request, &headers)).await;
            assert_eq!(response.status, 403, "{headers:?} is foreign\n{response}");
            response.expect_forbidden();
            response.expect_cookies_left_alone();
        }
    }
    s.guarded_by_session(&session).await.expect_status(200);
    for (headers, _) in table(s).into_iter().filter(|(_, ours)| *ours) {
        let token = s.login_cookie(s.user()).await.refresh;
        s.send(with(s.logout_request(&json!({})).cookie(REFRESH_COOKIE, &token), &headers)).await.expect_empty();
    }
}

/// C4: guarded routes of the app, for every method that changes something.
pub async fn c4_a_change_by_session_cookie_must_be_ours(s: &Subject) {
    let cookie = s.login_session(s.user()).await;
    let admin = s.login_session(&s.accounts.admin).await;
    for (headers, ours) in table(s) {
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let request = Request::new(method, "/guarded").cookie(SESSION_COOKIE, &cookie);
            let response = s.send(with(request, &headers)).await;
            if ours {
                assert_eq!(response.status, 200, "{method} {headers:?} is one of ours\n{response}");
            } else {
                assert_eq!(response.status, 403, "{method} {headers:?} is foreign\n{response}");
                response.expect_refused(Refusal::Forbidden);
            }
        }
    }
    for (path, cookie) in [("/optional", &cookie), ("/header-only", &cookie), ("/admin", &admin)] {
        let request = Request::post(path).cookie(SESSION_COOKIE, cookie).header("Sec-Fetch-Site", "cross-site");
        s.send(request).await.expect_refused(Refusal::Forbidden);
    }
}

/// C4: reading is free, and so is what no cookie authenticates.
pub async fn c4_reading_and_bearer_tokens_are_free(s: &Subject) {
    let cookie = s.login_session(s.user()).await;
    let token = s.login(s.user()).await.access;
    for (headers, _) in table(s).into_iter().filter(|(_, ours)| !ours) {
        for method in ["GET", "HEAD", "OPTIONS"] {
            let request = Request::new(method, "/guarded").cookie(SESSION_COOKIE, &cookie);
            s.send(with(request, &headers)).await.expect_status(200);
        }
        let request = Request::post("/guarded").bearer(&token);
        s.send(with(request, &headers)).await.expect_status(200);
        // The cookie is there, and it is not what authenticates.
        let request = Request::post("/guarded").bearer(&token).cookie(SESSION_COOKIE, &cookie);
        s.send(with(request, &headers)).await.expect_status(200);
    }
    let anonymous = Request::post("/optional").header("Sec-Fetch-Site", "cross-site");
    s.send(anonymous).await.expect_status(200);
}

/// C4: an origin on the allow list may be a sibling: that is what the list is for.
pub async fn c4_an_allowed_sibling_is_ours(s: &Subject) {
    let token = s.login_cookie(s.user()).await.refresh;
    let request = s.refresh_request(&json!({"mode": "cookie"})).cookie(REFRESH_COOKIE, &token);
    let request = request.header("Sec-Fetch-Site", "same-site").header("Origin", ALLOWED_ORIGIN);
    s.send(request).await.expect_status(200);
    // Doubled, it is anybody's.
    let request = s.refresh_request(&json!({"mode": "cookie"})).cookie(REFRESH_COOKIE, &token);
    let request = request.header("Sec-Fetch-Site", "same-site").header("Origin", ALLOWED_ORIGIN);
    s.send(request.header("Origin", "https://evil.example")).await.expect_forbidden();
}

/// C5: nor does a foreign page plant a session of its own through the crossing from body to cookie.
pub async fn c5_a_foreign_page_cannot_plant_its_token(s: &Subject) {
    let token = s.login(&s.accounts.admin).await.refresh;
    for (name, value) in [("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example")] {
        let request = s.refresh_request(&json!({"mode": "cookie", "refresh_token": token})).header(name, value);
        let response = s.send(request).await;
        response.expect_forbidden();
        response.expect_cookies_left_alone();
    }
}

/// A WebSocket begins with a GET that no browser holds back: by a cookie, it needs an origin of ours too.
pub async fn c4_an_upgrade_by_cookie_is_no_safe_request(s: &Subject) {
    let cookie = s.login_session(s.user()).await;
    let upgrade = || Request::get("/guarded").header("upgrade", "websocket").cookie(SESSION_COOKIE, &cookie);
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        s.send(upgrade().header(name, value)).await.expect_refused(Refusal::Forbidden);
    }
    for request in [upgrade(), upgrade().header("sec-fetch-site", "same-origin")] {
        s.send(request).await.expect_status(200);
    }
    let token = s.login(s.user()).await.access;
    let by_token = Request::get("/guarded").header("upgrade", "websocket").header("origin", "https://evil.example");
    s.send(by_token.bearer(&token)).await.expect_status(200);
}
