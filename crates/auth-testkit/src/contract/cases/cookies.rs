//! The cookies themselves: attributes, clearing, and what is read from a `Cookie` header (wire.md 5).

use std::time::Duration;

use serde_json::json;

use crate::contract::forge::{RefreshPart, with_other};
use crate::contract::{REFRESH_COOKIE, Refusal, Request, Response, SESSION_COOKIE, Subject};

const TWICE: &str = "The request carries a cookie more than once";

/// C1: name, attributes and their order, at login and at refresh.
pub async fn c1_the_attributes_are_exact(s: &Subject) {
    check_attributes(s, "Lax").await;
}

/// C1, hardened: `SameSite=Strict`, when clearing too.
pub async fn c1_hardened_cookies_are_strict(s: &Subject) {
    check_attributes(s, "Strict").await;
    let token = s.login_cookie(s.user()).await.refresh;
    let response = s.send(s.logout_request(&json!({})).cookie(REFRESH_COOKIE, &token)).await;
    response.expect_cleared(REFRESH_COOKIE, "Strict");
    let cookie = s.login_session(s.user()).await;
    let response = s.send(s.logout_request(&json!({"mode": "session"})).cookie(SESSION_COOKIE, &cookie)).await;
    response.expect_cleared(SESSION_COOKIE, "Strict");
}

async fn check_attributes(s: &Subject, same_site: &str) {
    for (mode, name, max_age) in [("cookie", REFRESH_COOKIE, 604_800), ("session", SESSION_COOKIE, 86_400)] {
        let login = s.send(s.login_request(&Subject::credentials(s.user(), mode))).await;
        let value = login.set_cookie(name).value;
        let refresh = s.send(s.refresh_request(&json!({"mode": mode})).cookie(name, &value)).await;
        for response in [login, refresh] {
            response.expect_status(200);
            let value = response.set_cookie(name).value;
            let expected = format!("{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; Secure; SameSite={same_site}");
            let device = response.device_cookie().map(|cookie| cookie.with_value(&cookie.value));
            let expected: Vec<String> = std::iter::once(expected).chain(device).collect();
            assert_eq!(response.all("set-cookie"), expected, "{response}");
            assert!(name.len() + value.len() <= 4096, "C2: browsers drop it\n{response}");
            let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            assert!(value.chars().all(is_plain), "needs no quotes\n{response}");
        }
    }
}

/// C3: two cookies of one name are refused, in one line or in two, equal or not; a body token does not need them.
pub async fn c3_two_cookies_of_one_name_are_refused(s: &Subject) {
    let token = s.login_cookie(s.user()).await.refresh;
    let cookie = s.login_session(s.user()).await;
    for (mode, name, good) in [("cookie", REFRESH_COOKIE, &token), ("session", SESSION_COOKIE, &cookie)] {
        for (first, second) in [(good.as_str(), good.as_str()), (good, "tossed"), ("tossed", good), ("", good)] {
            for route in ["/auth/refresh", "/auth/logout"] {
                for request in doubled(Request::post(s.path(route)).json(&json!({"mode": mode})), name, first, second) {
                    let response = s.send(request).await;
                    response.expect_invalid(TWICE);
                    response.expect_cookies_left_alone();
                }
            }
        }
    }
    s.refresh_by_cookie(&token).await.expect_status(200);
    s.guarded_by_session(&cookie).await.expect_status(200);
}

/// C3: a login that sets a cookie ends the sessions of both that it came with (R10), and does not guess which of two is
/// meant. One that sets none reads none.
pub async fn c3_a_login_does_not_guess_which_session_it_ends(s: &Subject) {
    let token = s.login_cookie(s.user()).await.refresh;
    let cookie = s.login_session(s.user()).await;
    for (mode, is_refused) in [("cookie", true), ("session", true), ("json", false)] {
        for (name, good) in [(REFRESH_COOKIE, &token), (SESSION_COOKIE, &cookie)] {
            for request in doubled(s.login_request(&Subject::credentials(s.user(), mode)), name, good, "tossed") {
                let response = s.send(request).await;
                if is_refused {
                    response.expect_invalid(TWICE);
                } else {
                    response.expect_status(200);
                }
                response.expect_cookies_left_alone();
            }
        }
    }
    s.refresh_by_cookie(&token).await.expect_status(200);
    s.guarded_by_session(&cookie).await.expect_status(200);
}

/// C3: a guard refuses them too, also one that demands nothing.
pub async fn c3_a_guard_refuses_two_session_cookies(s: &Subject) {
    let cookie = s.login_session(s.user()).await;
    for path in ["/guarded", "/optional", "/admin", "/header-only", s.path("/users/me").as_str()] {
        for (first, second) in [(cookie.as_str(), cookie.as_str()), (&cookie, "tossed"), ("tossed", &cookie)] {
            for request in doubled(Request::get(path), SESSION_COOKIE, first, second) {
                s.send(request).await.expect_refused(Refusal::TwoCookies);
            }
        }
    }
}

fn doubled(request: Request, name: &str, first: &str, second: &str) -> [Request; 2] {
    let line = |value: &str| format!("{name}={value}");
    [
        request.clone().cookie(name, first).cookie("between", "1").cookie(name, second),
        request.header("Cookie", line(first)).header("Cookie", line(second)),
    ]
}

/// C3: a name in another case, or nearly ours, is not ours.
pub async fn c3_only_the_exact_name_is_read(s: &Subject) {
    let token = s.login_cookie(s.user()).await.refresh;
    let cookie = s.login_session(s.user()).await;
    for name in ["__host-refresh_token", "__HOST-REFRESH_TOKEN", "refresh_token", "__Host-refresh_token2", "_refresh"] {
        let request = s.refresh_request(&json!({"mode": "cookie"})).cookie(name, &token);
        s.send(request).await.expect_invalid("The refresh token is required in either the payload or cookie");
    }
    for name in ["__host-session_token", "__HOST-SESSION_TOKEN", "session_token", "x__Host-session_token"] {
        s.send(Request::get("/guarded").cookie(name, &cookie)).await.expect_refused(Refusal::NoToken);
    }
    // And it does not count as a second one.
    let request = Request::get("/guarded").cookie("__host-session_token", "x").cookie(SESSION_COOKIE, &cookie);
    s.send(request).await.expect_status(200);
}

/// Cookies of others are none of our business, however many or odd.
pub async fn cookies_of_others_do_no_harm(s: &Subject) {
    let cookie = s.login_session(s.user()).await;
    let mut request = Request::get("/guarded");
    for number in 0..60 {
        request = request.cookie(&format!("other{number}"), "v".repeat(20));
    }
    request = request.cookie("twice", "1").cookie("twice", "2").cookie(SESSION_COOKIE, &cookie);
    for number in 60..90 {
        request = request.cookie(&format!("other{number}"), "a=b=c");
    }
    s.send(request).await.expect_status(200);

    let line = |start: &str, end: &str| format!("{start}{SESSION_COOKIE}={cookie}{end}");
    for line in [
        line("", ";"),
        line("novalue; ", ""),
        line("=noname; ", "; ="),
        line("a=\"quoted\"; ", "; b={json:1}"),
        line("a=1;", ";b=2"),
        line("; ; ", "; ;"),
    ] {
        s.send(Request::get("/guarded").header("Cookie", line)).await.expect_status(200);
    }
    // In two lines, as proxies may fold them.
    let request = Request::get("/guarded").header("Cookie", "a=1").header("Cookie", line("", ""));
    s.send(request).await.expect_status(200);
}

/// Bytes that are no text, in a cookie of others.
pub async fn foreign_bytes_in_other_cookies_do_no_harm(s: &Subject) {
    let cookie = s.login_session(s.user()).await;
    let request = Request::get("/guarded").cookie("other", b"\xff\xfe\x80").cookie(SESSION_COOKIE, &cookie);
    s.send(request).await.expect_status(200);
    let token = s.login_cookie(s.user()).await.refresh;
    let request = s.refresh_request(&json!({})).cookie("other", b"caf\xe9").cookie(REFRESH_COOKIE, &token);
    s.send(request).await.expect_status(200);
}

/// C7: a refused refresh clears the cookie when its token can never count again.
pub async fn c7_a_dead_cookie_is_cleared(s: &Subject) {
    // Unknown: no such session, or another family.
    let token = s.login_cookie(s.user()).await.refresh;
    for part in [RefreshPart::Session, RefreshPart::Family] {
        expect_cleared(&s.refresh_by_cookie(&with_other(&token, part)).await);
    }
    // Dead: signed out.
    s.send(s.logout_request(&json!({})).cookie(REFRESH_COOKIE, &token)).await.expect_empty();
    expect_cleared(&s.refresh_by_cookie(&token).await);
    // Reused, and then the live one, dead by that.
    let first = s.login_cookie(s.user()).await.refresh;
    let second = s.refresh_by_cookie(&first).await.set_cookie(REFRESH_COOKIE).value;
    s.clock.advance(Duration::from_secs(10));
    expect_cleared(&s.refresh_by_cookie(&first).await);
    expect_cleared(&s.refresh_by_cookie(&second).await);
    // Expired.
    let token = s.login_cookie(s.user()).await.refresh;
    s.clock.advance(Duration::from_secs(7 * 24 * 3600));
    expect_cleared(&s.refresh_by_cookie(&token).await);
    // In session mode the same.
    let cookie = s.login_session(s.user()).await;
    s.send(s.logout_request(&json!({"mode": "session"})).cookie(SESSION_COOKIE, &cookie)).await.expect_empty();
    let response = s.refresh_session(&cookie).await;
    response.expect_credentials_refused();
    response.expect_cleared(SESSION_COOKIE, "Lax");
}

/// C7: it is left alone when another tab may hold a good one: mangled, of a generation that does not fit, never issued.
pub async fn c7_a_doubtful_cookie_is_left_alone(s: &Subject) {
    let token = s.login_cookie(s.user()).await.refresh;
    for doubtful in [
        "garbage".to_owned(),
        token[..100].to_owned(),
        format!("{token}x"),
        with_other(&token, RefreshPart::Generation),
        with_other(&token, RefreshPart::Secret),
    ] {
        let response = s.refresh_by_cookie(&doubtful).await;
        response.expect_credentials_refused();
        response.expect_cookies_left_alone();
    }
    let response = s.refresh_session("garbage").await;
    response.expect_credentials_refused();
    response.expect_cookies_left_alone();
    s.refresh_by_cookie(&token).await.expect_status(200);
}

/// C7: a bad token from the body says nothing about the cookie.
pub async fn c7_a_dead_body_token_leaves_the_cookie_alone(s: &Subject) {
    let good = s.login_cookie(s.user()).await.refresh;
    let dead = s.login(s.user()).await.refresh;
    s.send(s.logout_request(&json!({"refresh_token": dead}))).await.expect_empty();
    for mode in ["json", "cookie"] {
        let body = json!({"refresh_token": dead, "mode": mode});
        let response = s.send(s.refresh_request(&body).cookie(REFRESH_COOKIE, &good)).await;
        response.expect_credentials_refused();
        response.expect_cookies_left_alone();
    }
    s.refresh_by_cookie(&good).await.expect_status(200);
}

#[track_caller]
fn expect_cleared(response: &Response) {
    response.expect_credentials_refused();
    response.expect_cleared(REFRESH_COOKIE, "Lax");
}
