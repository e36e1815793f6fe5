//! What a guard costs: a verification beside the HMAC in it and beside `jsonwebtoken`, and a guarded handler beside a
//! bare one, in process. `cargo bench -p auth-tests` prints the times and then the ratios.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::PathBuf;
use std::time::Duration;

use actix_web::dev::Service as _;
use actix_web::{App, test, web};
use auth_axum::RequireAuth;
use auth_core::store::SessionMode;
use auth_core::store::memory::MemoryStore;
use auth_core::{Auth, AuthConfig, ClientInfo, Email, Grant, NewUser, Password, RevocationFeed, SystemClock};
use auth_testkit::{TestAuth, TestUser};
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use criterion::Criterion;
use ring::hmac;
use tower::ServiceExt as _;

const SECRET: &str = "7hQx2vN9-for-benches-alone-Lk4bT8w";

struct Fixture {
    auth: Auth,
    token: String,
    runtime: tokio::runtime::Runtime,
}

impl Fixture {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let test = TestAuth::with(AuthConfig::new(SECRET));
        let token = runtime.block_on(test.token(TestUser::new("0193c1b2-7c1f-7a2b-9d3e-4f5a6b7c8d9e").role("editor")));
        // The same keys on the clock of the system, which a real guard reads.
        let auth = Auth::builder(MemoryStore::new())
            .config(AuthConfig::new(SECRET))
            .clock(SystemClock)
            .build()
            .expect("a configuration");
        Self { auth, token, runtime }
    }
}

fn verify(criterion: &mut Criterion, fixture: &Fixture) {
    let token = fixture.token.as_str();
    let (signed, _) = token.rsplit_once('.').expect("a signature");
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let slow_key = jsonwebtoken::DecodingKey::from_secret(SECRET.as_bytes());
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS256);
    validation.set_issuer(&["auth"]);

    let mut group = criterion.benchmark_group("verify");
    group.bench_function("hmac", |b| b.iter(|| hmac::sign(&key, black_box(signed).as_bytes())));
    group.bench_function("ours", |b| b.iter(|| fixture.auth.verify(black_box(token)).expect("good")));
    group.bench_function("jsonwebtoken", |b| {
        b.iter(|| jsonwebtoken::decode::<serde_json::Value>(black_box(token), &slow_key, &validation).expect("good"));
    });
    group.finish();
}

/// As many revoked sessions as a node may know of, and tokens of a thousand others, so that no line of the set stays in
/// the first cache by itself.
fn revocations(criterion: &mut Criterion, fixture: &Fixture) {
    const REVOKED: u32 = 100_000;
    const TOKENS: usize = 1000;

    let (store, nobody) = (MemoryStore::new(), ClientInfo::default());
    let with = |feed: Option<RevocationFeed>| {
        let mut config = AuthConfig::new(SECRET);
        config.revocation_feed = feed;
        Auth::builder(store.clone()).config(config).build().expect("a configuration")
    };
    let mut feed = RevocationFeed::default();
    feed.stale_after = Duration::from_secs(86_400);
    let (without, with) = (with(None), with(Some(feed)));
    let tokens: Vec<String> = fixture.runtime.block_on(async {
        let email = Email::parse("ada@example.com").expect("an address");
        let user = without.create_user(NewUser::new(email, Password::new("correct horse"))).await.expect("a user");
        let open = async || without.open_session(&user, SessionMode::Json, &nobody).await.expect("a session").grant;
        for _ in 0..REVOKED {
            let Grant::Pair { refresh, .. } = open().await else { panic!("a pair") };
            without.logout(&refresh, &nobody).await.expect("ends");
        }
        let mut tokens = Vec::with_capacity(TOKENS);
        for _ in 0..TOKENS {
            let Grant::Pair { access, .. } = open().await else { panic!("a pair") };
            tokens.push(access.expose_secret().to_owned());
        }
        with.poll_revocations().await.expect("polls");
        tokens
    });

    let mut group = criterion.benchmark_group("revocation");
    for (name, auth) in [("without", &without), ("with_100000", &with)] {
        let mut next = tokens.iter().cycle();
        group.bench_function(format!("verify_{name}"), |b| {
            b.iter(|| auth.verify(black_box(next.next().expect("a cycle"))).expect("good"));
        });
        let router: Router = Router::new().route("/", get(async || "hello")).route_layer(RequireAuth::new(auth));
        let mut next = tokens.iter().cycle();
        group.bench_function(format!("guarded_{name}"), |b| {
            b.iter(|| {
                let header = format!("Bearer {}", next.next().expect("a cycle"));
                let request = http::Request::get("/").header("authorization", header);
                let request = request.body(Body::empty()).expect("a request");
                let response = fixture.runtime.block_on(router.clone().oneshot(request)).expect("infallible");
                assert!(response.status().is_success());
                response
            });
        });
    }
    group.finish();
}

fn axum_handlers(criterion: &mut Criterion, fixture: &Fixture) {
    let bare: Router = Router::new().route("/", get(async || "hello"));
    let guarded = bare.clone().route_layer(RequireAuth::new(&fixture.auth));
    let header = format!("Bearer {}", fixture.token);
    let mut group = criterion.benchmark_group("axum");
    for (name, router) in [("bare", bare), ("guarded", guarded)] {
        group.bench_function(name, |b| {
            b.iter(|| {
                let request = http::Request::get("/").header("authorization", &header);
                let request = request.body(Body::empty()).expect("a request");
                let response = fixture.runtime.block_on(router.clone().oneshot(request)).expect("infallible");
                assert!(response.status().is_success());
                response
            });
        });
    }
    group.finish();
}

fn actix_handlers(criterion: &mut Criterion, fixture: &Fixture) {
    let bare =
        fixture.runtime.block_on(test::init_service(App::new().service(web::resource("/").get(async || "hello"))));
    let guard = auth_actix_web::RequireAuth::new(&fixture.auth);
    let guarded = App::new().service(web::resource("/").wrap(guard).get(async || "hello"));
    let guarded = fixture.runtime.block_on(test::init_service(guarded));
    let header = format!("Bearer {}", fixture.token);
    let request = || test::TestRequest::get().insert_header(("authorization", header.as_str())).to_request();
    let mut group = criterion.benchmark_group("actix-web");
    group.bench_function("bare", |b| {
        b.iter(|| {
            let response = fixture.runtime.block_on(bare.call(request())).expect("an answer");
            assert!(response.status().is_success());
        });
    });
    group.bench_function("guarded", |b| {
        b.iter(|| {
            let response = fixture.runtime.block_on(guarded.call(request())).expect("an answer");
            assert!(response.status().is_success());
        });
    });
    group.finish();
}

/// The ratios of this run, from the medians that criterion wrote.
fn print_ratios() {
    let median = |group: &str, name: &str| -> Option<f64> {
        let folder = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("../target"), PathBuf::from);
        let file = folder.join("criterion").join(group).join(name).join("new/estimates.json");
        let estimates: BTreeMap<String, serde_json::Value> = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
        estimates.get("median")?.get("point_estimate")?.as_f64()
    };
    println!("\n| ratio | value |\n|---|---|");
    for (what, group, above, below) in [
        ("verify over HMAC alone", "verify", "ours", "hmac"),
        ("jsonwebtoken over HMAC alone", "verify", "jsonwebtoken", "hmac"),
        ("verify, 100,000 revoked over no feed", "revocation", "verify_with_100000", "verify_without"),
        ("axum guarded, 100,000 revoked over no feed", "revocation", "guarded_with_100000", "guarded_without"),
        ("axum: bare over guarded, in process", "axum", "bare", "guarded"),
        ("actix-web: bare over guarded, in process", "actix-web", "bare", "guarded"),
    ] {
        if let (Some(above), Some(below)) = (median(group, above), median(group, below)) {
            println!("| {what} | {:.2} |", above / below);
        }
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let fixture = Fixture::new();
    verify(&mut criterion, &fixture);
    revocations(&mut criterion, &fixture);
    axum_handlers(&mut criterion, &fixture);
    actix_handlers(&mut criterion, &fixture);
    criterion.final_summary();
    print_ratios();
}
