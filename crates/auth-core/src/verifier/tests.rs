//! A verifier against a server that publishes keys over a real socket, and misbehaves as told.
#![allow(clippy::expect_used, clippy::panic, reason = "test code: a failed expectation is its result")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::*;
use crate::error::ErrorKind;
use crate::http::head::TestLines;
use crate::http::{RequestHead, Verdict};
use crate::service::LoginRequest;
use crate::{ClientInfo, Email, Grant, KeyAlgorithm, NewUser, Password, TokenKey};

/// Answers every request with what it was told last.
struct Publisher {
    address: SocketAddr,
    answer: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
}

impl Publisher {
    fn start(answer: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let publisher = Self {
            address: listener.local_addr().expect("bound"),
            answer: Arc::new(Mutex::new(answer)),
            asked: Arc::default(),
        };
        let (answer, asked) = (publisher.answer.clone(), publisher.asked.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answer = answer.lock().expect("no panic").clone();
                asked.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || respond(&stream, &answer));
            }
        });
        publisher
    }

    fn url(&self) -> JwksUrl {
        JwksUrl::parse(&format!("http://{}/auth/jwks", self.address)).expect("this machine")
    }

    fn says(&self, answer: String) {
        *self.answer.lock().expect("no panic") = answer;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn verifier(&self) -> Verifier {
        Auth::verifier(self.url()).build().expect("a configuration")
    }
}

fn respond(mut stream: &TcpStream, answer: &str) {
    let mut reader = BufReader::new(stream.try_clone().expect("a handle"));
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
        line.clear();
    }
    // The client may have gone away, as from an answer that is too long.
    let _ = stream.write_all(answer.as_bytes());
}

fn ok(body: &str) -> String {
    with_control("max-age=3600", body)
}

fn with_control(control: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\ncache-control: {control}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

fn redirect(body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

/// A server of ours, one of its access tokens, and what it publishes.
struct Issuer {
    auth: Auth,
    jwks: String,
}

impl Issuer {
    fn new(algorithm: KeyAlgorithm) -> Self {
        let pem = TokenKey::generate_pem(algorithm).expect("random bytes");
        let mut config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
        config.hash_threads = 1;
        config.signing_keys = Some(KeyRing::parse(pem.expose_secret()).expect("ours"));
        let auth = Auth::builder(MemoryStore::new()).config(config).build().expect("a configuration");
        let jwks = String::from_utf8(auth.inner.keys.jwks()).expect("text");
        Self { auth, jwks }
    }

    async fn token(&self) -> String {
        let (email, password) = (Email::parse("ada@example.com").expect("an address"), Password::new("correct horse"));
        let user = NewUser::new(email.clone(), password.clone());
        let _ = self.auth.create_user(user).await;
        let login = self.auth.login(LoginRequest::new(email, password), &ClientInfo::default()).await;
        let Grant::Pair { access, .. } = login.expect("signs in").grant else { panic!("a login in JSON mode") };
        access.expose_secret().to_owned()
    }
}

/// What a guard of the verifier answers, once it has asked whom it wants to.
async fn status(verifier: &Verifier, token: &str) -> u16 {
    let value = format!("Bearer {token}");
    let lines = [("authorization", value.as_bytes())];
    let lines = TestLines(&lines);
    verifier.guard().decide(&RequestHead::test("GET", None, &lines)).await.map_or_else(|reply| reply.status(), |_| 200)
}

#[tokio::test]
async fn keys_come_with_the_first_token_and_are_not_asked_for_again() {
    for algorithm in [KeyAlgorithm::EdDsa, KeyAlgorithm::Es256] {
        let issuer = Issuer::new(algorithm);
        let publisher = Publisher::start(ok(&issuer.jwks));
        let (verifier, token) = (publisher.verifier(), issuer.token().await);
        let all = (0..16).map(|_| status(&verifier, &token));
        for status in futures_all(all).await {
            assert_eq!(status, 200);
        }
        assert_eq!(verifier.verify(&token).expect("good").role(), None);
        assert_eq!(publisher.asked(), 1);
    }
}

/// All of them at once.
async fn futures_all<F: Future + Send>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut pending = false;
        for (future, output) in &mut futures {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(ready) => *output = Some(ready),
                    std::task::Poll::Pending => pending = true,
                }
            }
        }
        if pending { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    futures.into_iter().filter_map(|(_, output)| output).collect()
}

#[tokio::test(start_paused = true)]
async fn j11_a_key_that_was_published_since_is_fetched_and_one_that_is_gone_is_refused() {
    let [old, next] = [Issuer::new(KeyAlgorithm::EdDsa), Issuer::new(KeyAlgorithm::EdDsa)];
    let publisher = Publisher::start(ok(&old.jwks));
    let verifier = publisher.verifier();
    let [old_token, next_token] = [old.token().await, next.token().await];
    assert_eq!(status(&verifier, &old_token).await, 200);
    publisher.says(ok(&next.jwks));
    assert_eq!(status(&verifier, &next_token).await, 401, "asked a moment ago");
    tokio::time::advance(Duration::from_secs(11)).await;
    assert_eq!(status(&verifier, &next_token).await, 200);
    assert_eq!(status(&verifier, &old_token).await, 401);
    assert_eq!(publisher.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn names_that_nobody_has_ask_once_in_ten_seconds() {
    let issuer = Issuer::new(KeyAlgorithm::EdDsa);
    let publisher = Publisher::start(ok(&issuer.jwks));
    let verifier = publisher.verifier();
    verifier.fetch_keys().await.expect("keys");
    tokio::time::advance(Duration::from_secs(11)).await;
    for i in 0..100 {
        let stranger = Issuer::new(KeyAlgorithm::EdDsa).auth.inner.keys.jwks().len();
        assert_eq!(
            status(&verifier, &unsigned(&json!({ "alg": "EdDSA", "kid": format!("k{i}{stranger}") }))).await,
            401
        );
    }
    assert_eq!(publisher.asked(), 2);
}

fn unsigned(header: &Value) -> String {
    use base64::Engine as _;
    let encode = |text: String| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    let payload = json!({ "id": "u1", "iss": "auth", "exp": 4_000_000_000_u64, "iat": 1 }).to_string();
    format!("{}.{}.{}", encode(header.to_string()), encode(payload), encode("s".repeat(48)))
}

/// Nothing in a token makes the verifier ask anybody, but for a name that a key could have.
#[tokio::test(start_paused = true)]
async fn j4_hostile_headers_fetch_nothing() {
    let issuer = Issuer::new(KeyAlgorithm::EdDsa);
    let publisher = Publisher::start(ok(&issuer.jwks));
    let verifier = publisher.verifier();
    verifier.fetch_keys().await.expect("keys");
    tokio::time::advance(Duration::from_secs(60)).await;
    let known = issuer.auth.inner.config.signing_keys.as_ref().and_then(|ring| ring.keys()[0].kid());
    let url = format!("http://{}/evil", publisher.address);
    let headers = [
        json!({ "alg": "none" }),
        json!({ "alg": "None", "kid": "k" }),
        json!({ "alg": "HS256", "kid": "unknown" }),
        json!({ "alg": "EdDSA" }),
        json!({ "alg": "EdDSA", "kid": "" }),
        json!({ "alg": "EdDSA", "kid": "../../../../etc/passwd" }),
        json!({ "alg": "EdDSA", "kid": "x' OR '1'='1" }),
        json!({ "alg": "EdDSA", "kid": url }),
        json!({ "alg": "EdDSA", "kid": "k".repeat(65) }),
        json!({ "alg": "EdDSA", "kid": "k".repeat(1 << 20) }),
        json!({ "alg": "EdDSA", "kid": known, "jku": url }),
        json!({ "alg": "EdDSA", "kid": known, "x5u": url }),
        json!({ "alg": "EdDSA", "kid": known, "jwk": { "kty": "OKP" } }),
        json!({ "alg": "EdDSA", "kid": "unknown", "crit": ["exp"] }),
        json!({ "alg": "EdDSA", "kid": "unknown", "b64": false }),
        json!({ "alg": "EdDSA", "kid": "unknown", "typ": "session+jwt" }),
        json!({ "alg": "dir", "enc": "A256GCM", "kid": "unknown" }),
    ];
    for header in headers {
        assert_eq!(status(&verifier, &unsigned(&header)).await, 401, "{header}");
    }
    assert_eq!(publisher.asked(), 1);
}

/// Slow, down, huge, garbage, too many keys: 503 before there were keys, and the keys that are known go on after.
#[tokio::test]
async fn a_server_that_misbehaves_breaks_nothing() {
    let issuer = Issuer::new(KeyAlgorithm::EdDsa);
    let token = issuer.token().await;
    let key: Value = serde_json::from_str(&issuer.jwks).expect("JSON");
    let many: Vec<_> = (0..10_000)
        .map(|i| {
            let mut key = key["keys"][0].clone();
            key["kid"] = json!(format!("k{i}"));
            key
        })
        .collect();
    let bad = [
        ("refused", "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n".to_owned()),
        ("gone", "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned()),
        ("elsewhere", "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n".to_owned()),
        ("elsewhere, with keys", redirect(&issuer.jwks)),
        ("no key", ok(r#"{"keys":[]}"#)),
        ("no key of ours", ok(r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#)),
        ("no HTTP", "garbage\r\n\r\n".to_owned()),
        ("closed", String::new()),
        ("no JSON", ok("<html>")),
        ("no set", ok(r#"{"keys":{}}"#)),
        ("10,000 keys", ok(&json!({ "keys": many }).to_string())),
        ("65 keys", ok(&json!({ "keys": many[..65] }).to_string())),
        ("huge", ok(&format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(300_000)))),
    ];
    for (name, answer) in bad {
        let publisher = Publisher::start(answer.clone());
        let fresh = publisher.verifier();
        assert_eq!(status(&fresh, &token).await, 503, "{name}");
        assert_eq!(status(&fresh, "nonsense").await, 401, "{name}: what is no token is nobody's key");

        publisher.says(ok(&issuer.jwks));
        let knows = publisher.verifier();
        knows.fetch_keys().await.expect("keys");
        publisher.says(answer);
        knows.auth.inner.remote_keys.as_ref().expect("published").next_try_now();
        assert_eq!(knows.fetch_keys().await.expect_err(name).kind(), ErrorKind::Unavailable);
        assert_eq!(status(&knows, &token).await, 200, "{name}");
    }
}

#[tokio::test]
async fn what_is_no_key_of_ours_in_a_set_is_passed_over() {
    let issuer = Issuer::new(KeyAlgorithm::Es256);
    let mut set: Value = serde_json::from_str(&issuer.jwks).expect("JSON");
    let keys = set["keys"].as_array_mut().expect("keys");
    let secret = json!({ "kty": "oct", "alg": "HS256", "kid": "s", "k": "a".repeat(43) });
    for other in [secret, json!({ "kty": "EC", "crv": "P-521" }), json!({ "use": "enc", "kty": "RSA" }), json!(7)] {
        keys.insert(0, other);
    }
    let publisher = Publisher::start(ok(&set.to_string()));
    let verifier = publisher.verifier();
    assert_eq!(status(&verifier, &issuer.token().await).await, 200);
    assert_eq!(verifier.auth.inner.keys.jwks().len(), issuer.jwks.len(), "one key is left");
}

#[tokio::test(start_paused = true)]
async fn keys_that_got_old_go_on_while_new_ones_are_fetched_for_a_day_at_most() {
    let issuer = Issuer::new(KeyAlgorithm::EdDsa);
    let publisher = Publisher::start(with_control("max-age=1", &issuer.jwks));
    let (verifier, token) = (publisher.verifier(), issuer.token().await);
    assert_eq!(status(&verifier, &token).await, 200);
    publisher.says(String::new());
    for _ in 0..20 {
        assert_eq!(status(&verifier, &token).await, 200);
    }
    assert_eq!(publisher.asked(), 1, "a second is raised to a minute");
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(status(&verifier, &token).await, 200, "nobody waits for it");
    let remote = verifier.auth.inner.remote_keys.as_ref().expect("published");
    while publisher.asked() < 2 || remote.is_trying() {
        tokio::task::yield_now().await;
    }
    tokio::time::advance(Duration::from_secs(24 * 3600)).await;
    assert_eq!(verifier.verify(&token).expect_err("too old").kind(), ErrorKind::Unavailable);
    publisher.says(ok(&issuer.jwks));
    verifier.fetch_keys().await.expect("back");
    assert!(verifier.verify(&token).is_ok());
}

/// Whoever hangs up takes no keys from others, and does not make them be asked for again.
#[tokio::test]
async fn a_client_that_hangs_up_abandons_no_attempt() {
    let issuer = Issuer::new(KeyAlgorithm::EdDsa);
    let publisher = Publisher::start(ok(&issuer.jwks));
    let (verifier, token) = (publisher.verifier(), issuer.token().await);
    for _ in 0..50 {
        let mut asked = Box::pin(status(&verifier, &token));
        let polled = std::future::poll_fn(|context| std::task::Poll::Ready(asked.as_mut().poll(context))).await;
        assert!(polled.is_pending() || publisher.asked() == 1);
    }
    assert_eq!(status(&verifier, &token).await, 200);
    assert_eq!(publisher.asked(), 1);
}

/// The session cookie of the issuer, on the same host.
#[test]
fn a_session_cookie_is_nobodys_where_tokens_are_only_checked() {
    let issuer = Issuer::new(KeyAlgorithm::EdDsa);
    let keys = issuer.auth.inner.config.signing_keys.as_ref().expect("keys").keys().to_vec();
    let verifier = Auth::verifier(KeyRing::verify_only(keys).expect("a key")).build().expect("a configuration");
    let lines: [(&str, &[u8]); 1] = [("cookie", b"__Host-session_token=a.b.c")];
    let lines = TestLines(&lines);
    let verdict = verifier.guard().optional().check(&RequestHead::test("GET", None, &lines));
    assert!(matches!(verdict, Verdict::Allowed(_)), "{verdict:?}");
}

#[test]
fn only_https_and_this_machine_are_asked_for_keys() {
    for good in ["https://auth.example.com/auth/jwks", "http://localhost:8055/auth/jwks", "http://[::1]/j"] {
        assert!(JwksUrl::parse(good).is_ok(), "{good}");
    }
    for bad in [
        "http://auth.example.com/jwks",
        "http://localhost.evil.example/",
        "https://ada:secret@auth.example.com/jwks",
        "file:///etc/passwd",
        "",
        "https://",
    ] {
        assert!(JwksUrl::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn how_long_keys_are_fresh_is_what_the_server_says_within_limits() {
    for (control, expected) in [
        ("max-age=600", 600),
        ("public, max-age=300, stale-while-revalidate=86400", 300),
        ("max-age=\"120\"", 120),
        ("max-age=0", 60),
        ("max-age=99999999999999999999", 300),
        ("max-age=86400", 3600),
        ("no-store", 300),
        ("", 300),
    ] {
        assert_eq!(remote::max_age(control), expected, "{control}");
    }
}
