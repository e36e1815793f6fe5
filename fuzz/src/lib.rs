//! What is fuzzed, a function a target: bytes of a stranger through the public API, and what must hold whatever they are.
//! `fuzz_targets/` hands these to libFuzzer; `tests/tests/fuzz.rs` replays the corpus with them on every test run.
//!
//! Where a text has `TOKEN` in it, a good access token is put there: no fuzzer signs one.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    missing_docs,
    unreachable_pub,
    reason = "test code: a failed expectation is its result"
)]

mod tokens;
mod world;

use auth_core::http::{Verdict, strip_query_token};
pub use tokens::{access_token, refresh_token};
use world::{Lines, World, text};

pub type Target = fn(&[u8]);

/// Every target by its name, which is also that of its corpus.
pub const TARGETS: [(&str, Target); 6] = [
    ("access_token", access_token),
    ("refresh_token", refresh_token),
    ("cookie_header", cookie_header),
    ("authorization_header", authorization_header),
    ("login_body", login_body),
    ("query_string", query_string),
];

/// Lines of a `Cookie` header: none of them opens anything, and a refresh is refused.
pub fn cookie_header(data: &[u8]) {
    let world = World::shared();
    let lines = Lines::each_of("cookie", data);
    for method in ["GET", "POST"] {
        let guard = world.auth.guard();
        let reply = world.wait(guard.decide(&lines.head(method, None))).expect_err("let in");
        assert!((400..500).contains(&reply.status()), "{reply:?}");
    }
    for path in ["/auth/refresh", "/auth/logout"] {
        let (status, _) = world.post(path, &lines, br#"{"mode":"cookie"}"#);
        assert!(status == 204 && path == "/auth/logout" || (400..500).contains(&status), "{path}: {status}");
    }
}

/// Lines of an `Authorization` header: only `Bearer`, in any case, with the good token and once, opens a route.
pub fn authorization_header(data: &[u8]) {
    let world = World::shared();
    let data = world.with_token(data);
    let lines = Lines::each_of("authorization", &data);
    let good = |line: &[u8]| {
        line.split_at_checked(7)
            .is_some_and(|(scheme, token)| scheme.eq_ignore_ascii_case(b"bearer ") && token == world.token.as_bytes())
    };
    let expected = matches!(lines.values(), [line] if good(line));
    match world.auth.guard().check(&lines.head("GET", None)) {
        Verdict::Allowed(passage) => assert!(expected, "let in: {:?}", passage.checked.identity()),
        Verdict::Refused(reply) => assert!(!expected && (400..500).contains(&reply.status()), "{reply:?}"),
        Verdict::Ask(_) => panic!("there is no cookie"),
    }
}

/// A body of a login: an answer in JSON, and no error of ours.
pub fn login_body(data: &[u8]) {
    let (status, body) = World::shared().post("/auth/login", &Lines::none(), data);
    assert!(matches!(status, 200 | 400 | 401 | 413 | 429), "{status}");
    let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(body.get("data").is_some(), status == 200, "{body}");
    assert_eq!(body.get("errors").is_some(), status != 200, "{body}");
}

/// A query: what is stripped is gone, what is not is as it was, and only a token that was stripped opens a route.
pub fn query_string(data: &[u8]) {
    let world = World::shared();
    let data = world.with_token(data);
    let Some(query) = text(&data) else { return };
    let stripped = strip_query_token(query);
    if let Some(left) = stripped.as_ref().and_then(|stripped| stripped.query.as_deref()) {
        assert!(strip_query_token(left).is_none(), "still there: {left}");
        let mut before = query.split('&');
        assert!(left.split('&').all(|pair| before.any(|other| other == pair)), "{query} became {left}");
    }
    let lines = Lines::none();
    match world.auth.guard().check(&lines.head("GET", Some(query))) {
        Verdict::Allowed(passage) => {
            assert!(passage.stripped.is_some() && stripped.is_some(), "let in by {query}");
        }
        Verdict::Refused(reply) => assert!((400..500).contains(&reply.status()), "{reply:?}"),
        Verdict::Ask(_) => panic!("there is no cookie"),
    }
    let headers_only = world.auth.guard().headers_only().check(&lines.head("GET", Some(query)));
    assert!(matches!(headers_only, Verdict::Refused(_)), "let in by {query}");
}
