//! Methods and paths.

use serde_json::json;

use crate::contract::{REFRESH_COOKIE, Request, Subject};

const POSTS: [&str; 6] = [
    "/auth/login", "/auth/refresh", "/auth/logout", "/auth/password/request", "/auth/password/reset",
    "/auth/password/change",
];
const GETS: [&str; 3] = ["/auth", "/auth/jwks", "/users/me"];

/// The list of providers is empty, and open to all.
pub async fn the_list_of_providers_is_empty(s: &Subject) {
    for request in [
        Request::get(s.path("/auth")),
        Request::get(s.path("/auth?sessionOnly")),
        Request::get(s.path("/auth")).bearer("garbage"),
    ] {
        let response = s.send(request).await;
        response.expect_status(200);
        assert_eq!(response.header("content-type").as_deref(), Some("application/json"), "{response}");
        let body = String::from_utf8_lossy(&response.body);
        assert_eq!(body, r#"{"data":[],"disableDefault":false}"#, "{response}");
    }
}

/// The public keys are open to all and may be kept; where a secret signs, there are none (J4).
pub async fn no_secret_is_published_as_a_key(s: &Subject) {
    let response = s.send(Request::get(s.path("/auth/jwks"))).await;
    response.expect_status(200);
    assert_eq!(response.header("content-type").as_deref(), Some("application/json"), "{response}");
    let kept = response.header("cache-control").expect("may be kept");
    assert!(kept.contains("public") && kept.contains("max-age="), "{response}");
    assert_eq!(response.json(), json!({ "keys": [] }), "{response}");
}

/// C8: GET changes nothing: the routes that change something answer POST alone.
pub async fn c8_only_post_changes_state(s: &Subject) {
    let token = s.login_cookie(s.user()).await.refresh;
    for route in POSTS {
        for method in ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"] {
            let request = Request::new(method, s.path(route)).cookie(REFRESH_COOKIE, &token);
            let response = s.send(request).await;
            assert_eq!(response.status, 405, "{method} {route}\n{response}");
            assert_eq!(methods(&response), ["POST"], "{method} {route}\n{response}");
            response.expect_cookies_left_alone();
        }
    }
    let next = s.refresh_by_cookie(&token).await;
    next.expect_status(200);
    assert_ne!(next.set_cookie(REFRESH_COOKIE).value, token, "it was rotated before");
}

/// C8: and the routes that read answer GET and HEAD.
pub async fn c8_readers_answer_get_and_head(s: &Subject) {
    for route in GETS {
        for method in ["OPTIONS", "POST", "PUT", "PATCH", "DELETE"] {
            let response = s.send(Request::new(method, s.path(route)).json(&json!({}))).await;
            assert_eq!(response.status, 405, "{method} {route}\n{response}");
            assert_eq!(methods(&response), ["GET", "HEAD"], "{method} {route}\n{response}");
        }
    }
    let response = s.send(Request::new("HEAD", s.path("/auth"))).await;
    response.expect_status(200);
    assert!(response.body.is_empty(), "an answer to HEAD has no body\n{response}");
}

/// A path that is not ours is answered by the framework, also one that would be ours if it were decoded: a rule of a
/// proxy for `/auth/login` is for that alone.
pub async fn an_unknown_path_is_not_found(s: &Subject) {
    for path in [
        "/auth/nope", "/auth/login/more", "/auth/Login", "/users", "/users/me/more", "/auth/log%69n", "/%61uth/login",
        "/auth%2Flogin", "/auth/login%2F", "/auth/login/", "/auth//login", "/graphql/syst%65m",
    ] {
        for request in [Request::get(s.path(path)), Request::post(s.path(path)).json(&json!({}))] {
            s.send(request.unrecorded()).await.expect_status(404);
        }
    }
}

/// B7: no answer tells about the inside: no path, no SQL, no panic.
pub async fn b7_errors_tell_nothing_about_the_inside(s: &Subject) {
    for request in [
        s.login_request(&json!({"email": "' OR 1=1 --@example.com", "password": "x"})),
        s.login_request(&json!({"email": "a'b@example.com", "password": "'; DROP TABLE users; --"})),
        s.login_request(&json!({"email": s.user().email, "password": "x", "otp": "\u{0}"})),
        s.refresh_request(&json!({"refresh_token": "' OR 1=1 --"})),
        Request::post(s.path("/auth/login")).json_text("{"),
        Request::get("/guarded").bearer("a.b.c"),
    ] {
        let response = s.send(request).await;
        assert!((400..500).contains(&response.status), "{response}");
        let _ = response.error();
        let text = response.to_string().to_lowercase();
        for word in ["sql", "panic", ".rs", "/src", "sqlite", "serde", "argon2", "stack", "thread"] {
            assert!(!text.contains(word), "tells `{word}`\n{response}");
        }
    }
}

fn methods(response: &crate::contract::Response) -> Vec<String> {
    let allow = response.header("allow").unwrap_or_default();
    let mut methods: Vec<String> = allow.split(',').map(|method| method.trim().to_owned()).collect();
    methods.sort();
    methods
}
