//! Size, type and framing of a body (requirement G10).

use serde_json::{Value, json};

use crate::contract::{REALM, Refusal, Request, Subject};

/// The most that a body may have, in bytes.
const LIMIT: usize = 16 * 1024;

const ROUTES: [&str; 3] = ["/auth/login", "/auth/refresh", "/auth/logout"];

/// G10: a body of exactly the limit is read, one byte more is too much, framed either way.
pub async fn g10_the_limit_is_exact(s: &Subject) {
    let fits = padded(s, LIMIT);
    let too_large = padded(s, LIMIT + 1);
    for chunk in [1024, 16 * 1024, 100 * 1024] {
        let request = || Request::post(s.path("/auth/login")).header("Content-Type", "application/json");
        s.send(request().body(&fits)).await.expect_status(200);
        s.send(request().chunked(&fits, chunk)).await.expect_status(200);
        expect_too_large(&s.send(request().body(&too_large)).await);
        expect_too_large(&s.send(request().chunked(&too_large, chunk)).await);
    }
}

/// G10: up to 1 MiB, a client that sends all of its body before it reads still gets its 413 over a whole connection.
pub async fn g10_a_large_body_gets_its_answer(s: &Subject) {
    for route in ROUTES {
        for size in [LIMIT + 1, 100_000, 1 << 20] {
            let request = || Request::post(s.path(route)).header("Content-Type", "application/json").writes_first();
            expect_too_large(&s.send(request().body(vec![b' '; size])).await);
            expect_too_large(&s.send(request().chunked(vec![b' '; size], 64 * 1024)).await);
        }
    }
    s.login(s.user()).await;
}

/// G10: of a body without end no more than needed is read, and the server lives on.
pub async fn g10_a_huge_body_does_no_harm(s: &Subject) {
    let request = || Request::post(s.path("/auth/login")).header("Content-Type", "application/json").unrecorded();
    for request in [request().body(vec![b'['; 24 << 20]), request().chunked(vec![b'['; 24 << 20], 1 << 20)] {
        if let Some(response) = s.send_at_all(request).await {
            response.expect_status(413);
        }
    }
    s.login(s.user()).await;
}

/// G10: JSON that nests deeply is refused, wherever it nests, and the server lives on.
pub async fn g10_deeply_nested_json_is_refused(s: &Subject) {
    let depth = 8_000;
    let (arrays, ends) = ("[".repeat(depth), "]".repeat(depth));
    let objects = r#"{"a":"#.repeat(2_000) + "1" + &"}".repeat(2_000);
    for body in [
        format!("{arrays}{ends}"),
        arrays.clone(),
        objects.clone(),
        format!(r#"{{"email":{arrays}{ends}}}"#),
        format!(r#"{{"unknown":{arrays}{ends},"email":"a@example.com","password":"b"}}"#),
        format!(r#"{{"unknown":{objects},"email":"a@example.com","password":"b"}}"#),
    ] {
        for route in ROUTES {
            let response = s.send(Request::post(s.path(route)).json_text(&body)).await;
            response.expect_status(400);
            assert_eq!(response.error()["extensions"]["code"], "INVALID_PAYLOAD", "{response}");
        }
    }
    let over_the_limit = Request::post(s.path("/auth/login")).json_text("[".repeat(100_000));
    expect_too_large(&s.send(over_the_limit).await);
    s.login(s.user()).await;
}

/// G10, C4: a body that does not say it is JSON is refused, right credentials or not.
pub async fn g10_only_json_is_read(s: &Subject) {
    let body = Subject::credentials(s.user(), "json").to_string();
    for route in ROUTES {
        for kind in [
            Some("text/plain"),
            Some("text/plain; charset=utf-8"),
            Some("application/x-www-form-urlencoded"),
            Some("multipart/form-data; boundary=x"),
            Some("application/jsonp"),
            Some("application/json2"),
            Some("text/plain; application/json"),
            Some("application"),
            Some(""),
            None,
        ] {
            let request = Request::post(s.path(route)).body(&body);
            let request = match kind {
                Some(kind) => request.header("Content-Type", kind),
                None => request,
            };
            let response = s.send(request).await;
            response.expect_status(415);
            assert_eq!(response.error()["extensions"]["code"], "UNSUPPORTED_MEDIA_TYPE", "{kind:?}\n{response}");
            response.expect_cookies_left_alone();
        }
    }
    let form = Request::post(s.path("/auth/login"))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(format!("email={}&password=x", s.user().email));
    s.send(form).await.expect_status(415);
}

/// G10: two content types are not JSON alone.
pub async fn g10_two_content_types_are_refused(s: &Subject) {
    let body = Subject::credentials(s.user(), "json").to_string();
    for (first, second) in [("application/json", "text/plain"), ("text/plain", "application/json")] {
        let request = Request::post(s.path("/auth/login")).header("Content-Type", first).header("Content-Type", second);
        let response = s.send(request.body(&body)).await;
        assert!((400..500).contains(&response.status), "{first}, {second}\n{response}");
    }
}

/// JSON may say its charset, in any case.
pub async fn json_may_say_its_charset(s: &Subject) {
    let body = Subject::credentials(s.user(), "json").to_string();
    for kind in [
        "application/json", "application/json; charset=utf-8", "application/json;charset=UTF-8", "APPLICATION/JSON",
        "application/json ; charset=\"utf-8\"",
    ] {
        let request = Request::post(s.path("/auth/login")).header("Content-Type", kind).body(&body);
        s.send(request).await.expect_status(200);
    }
}

/// A body in pieces is a body.
pub async fn a_chunked_body_is_read(s: &Subject) {
    let body = Subject::credentials(s.user(), "json").to_string();
    for size in [1, 7, 1000] {
        let request = Request::post(s.path("/auth/login")).header("Content-Type", "application/json");
        s.send(request.chunked(&body, size)).await.expect_status(200);
    }
    let untyped = Request::post(s.path("/auth/login")).chunked(&body, 10);
    s.send(untyped).await.expect_status(415);
}

/// Without a body there is nothing of a wrong type: what is missing is named.
pub async fn an_empty_body_is_an_empty_object(s: &Subject) {
    for (route, reason) in [
        ("/auth/login", r#""email" is required"#),
        ("/auth/refresh", "The refresh token is required in either the payload or cookie"),
        ("/auth/logout", "The refresh token is required in either the payload or cookie"),
    ] {
        let request = || Request::post(s.path(route));
        for request in [
            request(),
            request().body(""),
            request().chunked("", 1),
            request().json_text(""),
            request().json_text("{}"),
            request().header("Content-Type", "text/plain"),
        ] {
            s.send(request).await.expect_invalid(reason);
        }
    }
}

/// B2: who asks is known before anything of what is asked is read; and whoever may ask hears of a bad body from the
/// guard, as of everything else.
pub async fn b2_who_asks_comes_before_what_is_asked(s: &Subject) {
    let token = s.login(s.user()).await.access;
    let invalid = format!(r#"Bearer realm="{REALM}", error="invalid_request""#);
    for route in [
        "/auth/password/change", "/users/me/tfa/generate", "/users/me/tfa/enable", "/users/me/tfa/disable",
        "/users/me/tfa/recovery-codes",
    ] {
        for (request, status) in unreadable(&Request::post(s.path(route))) {
            s.send(request.clone()).await.expect_refused(Refusal::NoToken);
            s.send(request.clone().bearer("no.good.token")).await.expect_refused(Refusal::Invalid);
            let response = s.send(request.bearer(&token)).await;
            response.expect_status(status);
            let challenge = (status == 400).then_some(invalid.as_str());
            assert_eq!(response.header("www-authenticate").as_deref(), challenge, "{route}\n{response}");
        }
        // B4: what the token in the query asks of caches and links holds for these answers too.
        let in_query = s.path(&format!("{route}?access_token={token}"));
        for (request, status) in unreadable(&Request::post(in_query)) {
            let response = s.send(request).await;
            response.expect_status(status);
            assert_eq!(response.header("cache-control").as_deref(), Some("private, no-store"), "{route}\n{response}");
            assert_eq!(response.header("referrer-policy").as_deref(), Some("no-referrer"), "{route}\n{response}");
        }
    }
}

/// The request with each kind of body that no route takes, and what it gets when its sender may ask.
pub(super) fn unreadable(request: &Request) -> [(Request, u16); 4] {
    [
        (request.clone().json_text("{"), 400),
        (request.clone().json_text("[]"), 400),
        (request.clone().header("Content-Type", "text/plain").body("{}"), 415),
        (request.clone().json_text(vec![b' '; LIMIT + 1024]), 413),
    ]
}

/// Right credentials in a body of exactly `size` bytes.
fn padded(s: &Subject, size: usize) -> Vec<u8> {
    let mut body = Subject::credentials(s.user(), "json");
    body["pad"] = json!("");
    let missing = size - body.to_string().len();
    body["pad"] = Value::String("x".repeat(missing));
    let body = body.to_string().into_bytes();
    assert_eq!(body.len(), size);
    body
}

#[track_caller]
fn expect_too_large(response: &crate::contract::Response) {
    let reason = "request entity too large";
    response.expect_error(413, "INVALID_PAYLOAD", &format!("Invalid payload. {reason}."));
    assert_eq!(response.error()["extensions"]["reason"], reason, "{response}");
}
