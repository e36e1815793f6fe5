use std::task::{Context, Poll};

use proptest::prelude::*;

use super::*;
use crate::http::head::TestLines;

const JSON: Single<'static> = Single::One(b"application/json");

fn problem(body: &str) -> String {
    match Fields::parse(body.as_bytes(), JSON) {
        Ok(_) => "fine".to_owned(),
        Err(Problem::Payload(reason)) => reason.to_string(),
        Err(other) => format!("{other:?}"),
    }
}

#[test]
fn g10_json_is_refused_where_it_breaks_without_an_echo() {
    let deep = format!("{}1{}", "{\"a\":".repeat(2000), "}".repeat(2000));
    for (body, expected) in [
        ("{}", "fine"),
        (" {\n} ", "fine"),
        ("{", "malformed JSON at line 1 column 1"),
        ("{\n  \"a\" 1}", "malformed JSON at line 2 column 7"),
        ("{\"a\":1,}", "malformed JSON at line 1 column 8"),
        ("{'a':1}", "malformed JSON at line 1 column 2"),
        ("{} {}", "malformed JSON at line 1 column 4"),
        ("nope", "malformed JSON at line 1 column 2"),
        (" ", "malformed JSON at line 1 column 1"),
        ("{\"a\":1e999}", "malformed JSON at line 1 column 10"),
        ("{\"a\":\"\u{1}\"}", "malformed JSON at line 1 column 7"),
        ("[]", "\"value\" must be of type object"),
        ("7", "\"value\" must be of type object"),
        ("null", "\"value\" must be of type object"),
        ("\"x\"", "\"value\" must be of type object"),
        (&deep, "malformed JSON at line 1 column 636"),
    ] {
        let shown = &body[..body.len().min(40)];
        assert_eq!(problem(body), expected, "{shown}");
    }
}

#[test]
fn e2_a_key_that_is_there_twice_is_refused_at_any_depth() {
    for body in [
        r#"{"email":"a","email":"b"}"#, r#"{"email":"a","\u0065mail":"b"}"#, r#"{"x":{"a":1,"a":2}}"#,
        r#"{"x":[{"a":1,"a":2}]}"#,
    ] {
        let problem = problem(body);
        assert!(problem.starts_with("duplicate key at line 1 column "), "{body}: {problem}");
    }
}

#[test]
fn g10_only_json_by_its_content_type_is_read() {
    for (content_type, expected) in [
        (Single::One(b"application/json".as_slice()), true),
        (Single::One(b"Application/JSON; charset=utf-8"), true),
        (Single::One(b" application/json ;x"), true),
        (Single::One(b"text/plain"), false),
        (Single::One(b"application/x-www-form-urlencoded"), false),
        (Single::One(b"multipart/form-data; boundary=application/json"), false),
        (Single::One(b"text/plain; application/json"), false),
        (Single::One(b"application/jsonp"), false),
        (Single::One(b"\xff"), false),
        (Single::One(b""), false),
        (Single::Several, false),
        (Single::Absent, false),
    ] {
        assert_eq!(Fields::parse(b"{}", content_type).is_ok(), expected, "{content_type:?}");
        assert!(Fields::parse(b"", content_type).is_ok(), "no body needs no content type");
    }
}

struct Chunks(Vec<Result<Vec<u8>, ()>>);

impl Stream for Chunks {
    type Item = Result<Vec<u8>, ()>;

    fn poll_next(mut self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready((!self.0.is_empty()).then(|| self.0.remove(0)))
    }
}

async fn read_chunks(chunks: Vec<Result<Vec<u8>, ()>>) -> Result<Fields, Problem> {
    let lines = TestLines(&[("content-type", b"application/json")]);
    read(Chunks(chunks), &RequestHead::test("POST", None, &lines), Duration::from_secs(5)).await
}

#[tokio::test]
async fn g10_a_body_is_read_up_to_its_limit() {
    let of_length = |length: usize| format!("{{\"pad\":\"{}\"}}", "x".repeat(length - 10)).into_bytes();
    let chunked = |bytes: Vec<u8>| bytes.chunks(1000).map(|chunk| Ok(chunk.to_vec())).collect::<Vec<_>>();
    let exact = of_length(Route::BODY_LIMIT);
    assert_eq!(exact.len(), Route::BODY_LIMIT);
    assert!(read_chunks(chunked(exact)).await.is_ok());
    assert!(matches!(read_chunks(chunked(of_length(Route::BODY_LIMIT + 1))).await, Err(Problem::TooLarge)));
    assert!(matches!(read_chunks(vec![Ok(vec![b'x'; 10 << 20])]).await, Err(Problem::TooLarge)));
    let broken = read_chunks(vec![Ok(b"{".to_vec()), Err(())]).await;
    assert!(matches!(broken, Err(Problem::Payload(Reason::Broken))));
}

#[tokio::test(start_paused = true)]
async fn g10_a_body_that_does_not_arrive_is_not_waited_for() {
    struct Never;
    impl Stream for Never {
        type Item = Result<Vec<u8>, ()>;
        fn poll_next(self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            Poll::Pending
        }
    }
    let lines = TestLines(&[]);
    let read = read(Never, &RequestHead::test("POST", None, &lines), Duration::from_secs(10)).await;
    assert!(matches!(read, Err(Problem::TooSlow)));
}

proptest! {
    #[test]
    fn g10_no_body_panics(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Fields::parse(&body, JSON);
    }

    #[test]
    fn g10_what_looks_like_json_does_not_panic(body in r#"[{}\[\]":,a1\\ u0]{0,60}"#) {
        let _ = Fields::parse(body.as_bytes(), JSON);
    }
}
