//! What needs another configuration than the contract has.

use async_graphql::{EmptyMutation, EmptySubscription, Object, Request, Schema};
use auth_core::http::{Endpoint, HeaderLines, Reply, RequestHead, Route};
use auth_core::store::memory::MemoryStore;
use auth_core::{Auth, AuthConfig};
use serde_json::{Value, json};

use super::*;

struct JsonLines;

impl HeaderLines for JsonLines {
    fn each<'a>(&'a self, name: &str, line: &mut dyn FnMut(&'a [u8])) {
        if name == "content-type" {
            line(b"application/json");
        }
    }
}

/// The one chunk of a body.
struct Body(Option<Vec<u8>>);

impl futures_core::Stream for Body {
    type Item = Result<Vec<u8>, std::io::Error>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(self.0.take().map(Ok))
    }
}

fn auth(endpoints: &[Endpoint]) -> Auth {
    let mut config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
    config.hash_threads = 1;
    Auth::builder(MemoryStore::new()).config(config).only(endpoints).build().expect("a configuration")
}

async fn ask(auth: &Auth, graphql: impl Into<Route>, document: &str) -> (u16, Value) {
    let head = RequestHead {
        method: "POST",
        path: "/",
        query: None,
        authority: None,
        peer: None,
        stripped: None,
        headers: &JsonLines,
    };
    let body = Body(Some(json!({"query": document}).to_string().into_bytes()));
    let reply: Reply = auth.handle(&graphql.into(), &head, body).await;
    (reply.status(), serde_json::from_slice(&reply.into_body()).expect("JSON"))
}

#[tokio::test]
async fn what_an_app_does_not_offer_is_not_there_in_graphql_either() {
    for (document, field) in [
        ("mutation { auth_login(email: \"a@example.com\", password: \"p\") { expires } }", "auth_login"),
        ("mutation { auth_refresh(refresh_token: \"a\") { expires } }", "auth_refresh"),
        ("mutation { auth_logout(refresh_token: \"a\") }", "auth_logout"),
        ("mutation { auth_password_request(email: \"a@example.com\") }", "auth_password_request"),
        ("mutation { auth_password_reset(token: \"a\", password: \"p\") }", "auth_password_reset"),
        ("mutation { users_me_tfa_generate(password: \"p\") { secret } }", "users_me_tfa_generate"),
        ("mutation { users_me_tfa_enable(otp: \"1\", secret: \"s\") }", "users_me_tfa_enable"),
        ("mutation { users_me_tfa_disable(otp: \"1\") }", "users_me_tfa_disable"),
        ("{ users_me { id } }", "users_me"),
    ] {
        let (status, answer) = ask(&auth(&[Endpoint::Providers]), GraphQl::system(), document).await;
        assert_eq!((status, &answer["data"]), (200, &json!({field: null})), "{answer}");
        assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer}");
    }
}

#[tokio::test]
async fn introspection_is_refused_where_it_is_off() {
    let auth = auth(&[Endpoint::Me]);
    let limits = Limits { introspection: Introspection::Refused, ..Limits::default() };
    let off = || GraphQl::system().limits(limits);
    for document in [
        "{ __schema { types { name } } }",
        "{ a: __type(name: \"Query\") { name } }",
        "{ ...f } fragment f on Query { __schema { types { name } } }",
        "{ ... @skip(if: true) { __schema { types { name } } } }",
        "mutation { __schema { types { name } } }",
    ] {
        let (status, answer) = ask(&auth, off(), document).await;
        assert_eq!(status, 400, "{answer}");
        assert!(!answer.to_string().contains("auth_"), "{answer}");
    }
    let (status, answer) = ask(&auth, off(), "mutation { auth_logn }").await;
    assert!(status == 400 && !answer.to_string().contains("auth_login"), "{answer}");
    assert_eq!(ask(&auth, off(), "{ __typename users_me { __typename id } }").await.0, 200);
    assert_eq!(ask(&auth, GraphQl::system(), "{ __schema { types { name } } }").await.0, 200);
}

#[tokio::test]
async fn limits_are_exact() {
    let auth = auth(&[Endpoint::Me]);
    let status = async |limits: Limits, document: &str| ask(&auth, GraphQl::system().limits(limits), document).await.0;
    let document = "{ users_me { id email } }";
    for (complexity, expected) in [(52, 200), (51, 400)] {
        assert_eq!(status(Limits { complexity, ..Limits::default() }, document).await, expected, "{complexity}");
    }
    for (depth, expected) in [(2, 200), (1, 400)] {
        assert_eq!(status(Limits { depth, ..Limits::default() }, document).await, expected, "{depth}");
    }
    let length = json!({"query": document}).to_string().len();
    for (body, expected) in [(length, 200), (length - 1, 413)] {
        assert_eq!(status(Limits { body, ..Limits::default() }, document).await, expected, "{body}");
    }
    let nested = |levels: usize| {
        let fragments = (0..levels).map(|n| format!("fragment f{n} on Query {{ ...f{} }} ", n + 1)).collect::<String>();
        format!("{{ ...f0 }} {fragments} fragment f{levels} on Query {{ users_me {{ id }} }}")
    };
    assert_eq!(status(Limits::default(), &nested(20)).await, 200);
    assert_eq!(status(Limits::default(), &nested(100)).await, 400);
}

/// With much more stack to fill than the default body has bytes.
#[test]
fn g10_no_document_overflows_the_stack_of_a_server() {
    let work = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let limits = Limits { body: 4 << 20, depth: 30, ..Limits::default() };
        let auth = auth(&[Endpoint::Me]);
        let chain: String = (0..20_000).map(|n| format!("fragment f{n} on Query{{...f{}}}", n + 1)).collect();
        for document in [
            format!("{{{}", "a{".repeat(500_000)),
            format!("{{a(b:{}", "[".repeat(500_000)),
            format!("{{a(b:{}", "{c:".repeat(500_000)),
            format!("query($a:{}", "[".repeat(500_000)),
            // As deep as the nesting goes, of every kind.
            format!("{{{}", "a{".repeat(nesting::DEEPEST - 1)),
            format!("{{a(b:{}1{})}}", "[".repeat(nesting::DEEPEST - 2), "]".repeat(nesting::DEEPEST - 2)),
            format!("{{a(b:{}1{})}}", "{c:".repeat(nesting::DEEPEST - 2), "}".repeat(nesting::DEEPEST - 2)),
            format!("{{{}b{}}}", "...{".repeat(nesting::DEEPEST - 2), "}".repeat(nesting::DEEPEST - 2)),
            format!("{{{}b{}}}", "a{".repeat(nesting::DEEPEST - 2), "}".repeat(nesting::DEEPEST - 2)),
            format!("{{...f0}} {chain}"),
            format!("{{a}} {chain} fragment f20000 on Query{{...f0}}"),
        ] {
            let (status, answer) = runtime.block_on(ask(&auth, GraphQl::system().limits(limits), &document));
            assert_eq!(status, 400, "{answer}");
        }
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(work).expect("a thread").join().expect("no overflow");
}

#[tokio::test]
async fn a_resolver_without_a_caller_says_nothing_of_it() {
    struct Query;
    #[Object]
    impl Query {
        #[graphql(guard = "RequireAuth::new()")]
        async fn guarded(&self) -> bool {
            true
        }
    }
    let schema = Schema::new(Query, EmptyMutation, EmptySubscription);
    let response = schema.execute(Request::new("{ guarded }")).await;
    assert_eq!(response.errors[0].message, "An unexpected error occurred.");
}
