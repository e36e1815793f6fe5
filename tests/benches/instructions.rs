//! What a verification costs in instructions, beside the HMAC in it: the same on a busy machine as on an idle one.
//! `cargo bench -p auth-tests --bench instructions` runs itself under valgrind, prints the ratios, and fails when a
//! verification takes more than [`BOUND`] times its HMAC; or when metrics and the audit trail cost a guarded request or a
//! login more than they may.
//!
//! valgrind has no SHA instructions, so the HMAC is that of a processor without them.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

use std::hint::black_box;
use std::process::{Command, ExitCode};

use auth_core::http::{HeaderLines, RequestHead, Verdict};
use auth_core::store::Store;
use auth_core::store::memory::MemoryStore;
use auth_core::{AuditTrail, Auth, AuthConfig, ClientInfo, Email, KeyRing, LoginRequest, NewUser, Password, TokenKey};
use auth_sea_orm::SeaOrmStore;
use auth_tests::databases::{Database, Kind};
use auth_tests::tokens::{KEY_PAIR, SECRET, Shape, bearer, token, token_by_key_pair};
use ring::hmac;

const BOUND: f64 = 1.35;

/// What a remembered signature of a public key may cost over the HMAC of a secret.
const REMEMBERED_BOUND: f64 = 2.0;

/// What a guarded request may cost that is counted, for Prometheus, where there is an audit trail, over one that is not.
const WATCHED_GUARD_BOUND: f64 = 1.02;

/// The same for a login over SQLite.
const WATCHED_LOGIN_BOUND: f64 = 1.01;

const JOBS: [&str; 11] = [
    "hmac", "verify", "verify, EdDSA, remembered", "verify, EdDSA, first time", "verify, Directus",
    "verify, a claim more", "guard", "guard, watched", "jsonwebtoken", "login", "login, watched",
];

fn main() -> ExitCode {
    // cargo passes `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    if let [job, times] = arguments.as_slice() {
        work(job, times.parse().expect("a number"));
        return ExitCode::SUCCESS;
    }
    let instructions = JOBS.map(|job| (job, instructions(job)));
    let hmac = instructions[0].1;
    println!("\n| work | instructions | over the HMAC |\n|---|---|---|");
    for (job, count) in instructions {
        println!("| {job} | {count:.0} | {:.2} |", count / hmac);
    }
    // What is not optimised says nothing: that is `cargo test --benches`.
    let of = |job: &str| instructions.iter().find(|(other, _)| *other == job).expect("one of them").1;
    let mut is_good = true;
    for (job, base, bound) in [
        ("verify", "hmac", BOUND),
        ("verify, EdDSA, remembered", "verify", REMEMBERED_BOUND),
        ("guard, watched", "guard", WATCHED_GUARD_BOUND),
        ("login, watched", "login", WATCHED_LOGIN_BOUND),
    ] {
        let ratio = of(job) / of(base);
        println!("{job} over {base}: {ratio:.4}, at most {bound}");
        is_good &= ratio <= bound;
    }
    if is_good || cfg!(debug_assertions) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Of one repetition: what many take more than few.
fn instructions(job: &str) -> f64 {
    // A hash takes seconds under valgrind.
    let (few, many) = if job.starts_with("login") { (2.0, 12.0) } else { (100.0, 300.0) };
    (collected(job, many) - collected(job, few)) / (many - few)
}

fn collected(job: &str, times: f64) -> f64 {
    // A login is done by several threads. Of the rest only the work itself is counted: what is prepared for it takes another
    // time each time, as the clock of the recorder does, which is measured until it is steady.
    let only: &[_] =
        if job.starts_with("login") { &[] } else { &["--collect-atstart=no", "--toggle-collect=*counted_work*"] };
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .args(only)
        .arg(std::env::current_exe().expect("a path"))
        .args([job, &times.to_string()])
        .output()
        .expect("valgrind: install the package of that name");
    let text = String::from_utf8_lossy(&output.stderr);
    let count = text.lines().find_map(|line| line.split_once("Collected : ")).map(|(_, count)| count.trim().parse());
    count.and_then(Result::ok).unwrap_or_else(|| panic!("{job}: {text}"))
}

fn work(job: &str, times: u32) {
    let auth = Auth::builder(MemoryStore::new()).config(AuthConfig::new(SECRET)).build().expect("a configuration");
    let verify = |shape: Shape| {
        let token = token(shape);
        counted_work(times, || auth.verify(black_box(&token)).expect("good"));
    };
    match job {
        "hmac" => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
            let token = token(Shape::Ours);
            let signed = token.rsplit_once('.').expect("a signature").0;
            counted_work(times, || hmac::sign(&key, black_box(signed).as_bytes()));
        }
        "verify" => verify(Shape::Ours),
        "verify, EdDSA, remembered" => verify_by_key_pair(times, 100),
        "verify, EdDSA, first time" => verify_by_key_pair(times, 0),
        "verify, Directus" => verify(Shape::Directus),
        "verify, a claim more" => verify(Shape::WithClaims),
        "guard" => guard(&auth, times),
        "guard, watched" => guard(&watched(AuthConfig::new(SECRET), MemoryStore::new()), times),
        "login" => login(times, |store| Auth::builder(store).config(AuthConfig::new(SECRET)).build().expect("one")),
        "login, watched" => login(times, |store| watched(AuthConfig::new(SECRET), store)),
        "jsonwebtoken" => {
            let key = jsonwebtoken::DecodingKey::from_secret(SECRET.as_bytes());
            let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS256);
            validation.set_issuer(&["auth"]);
            let token = token(Shape::Ours);
            counted_work(times, || {
                jsonwebtoken::decode::<serde_json::Value>(black_box(&token), &key, &validation).expect("good")
            });
        }
        other => panic!("no job `{other}`"),
    }
}

/// With everything on that counts and keeps.
fn watched(mut config: AuthConfig, store: impl Store) -> Auth {
    metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder().expect("the only one");
    config.audit_trail = Some(AuditTrail::default());
    Auth::builder(store).config(config).build().expect("a configuration")
}

fn guard(auth: &Auth, times: u32) {
    let guard = auth.guard();
    let lines = Authorization(bearer(&token(Shape::Ours)));
    let head = RequestHead {
        method: "GET",
        path: "/notes",
        query: None,
        authority: None,
        peer: None,
        stripped: None,
        headers: &lines,
    };
    counted_work(times, || {
        let verdict = guard.check(black_box(&head));
        assert!(matches!(verdict, Verdict::Allowed(_)));
        verdict
    });
}

/// Logins one after another, and until their events are kept, if there are any.
fn login(times: u32, auth: impl FnOnce(SeaOrmStore) -> Auth) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let database = Database::fresh(Kind::Sqlite).await.expect("always there");
        let auth = auth(database.store().await);
        let (email, password) = (Email::parse("ada@example.com").expect("an address"), "a password of ada");
        auth.create_user(NewUser::new(email.clone(), Password::new(password))).await.expect("a user");
        for _ in 0..times {
            let request = LoginRequest::new(email.clone(), Password::new(password));
            auth.login(request, &ClientInfo::default()).await.expect("the right password");
        }
        auth.flush_events().await.expect("a store that works");
    });
}

/// The same token again and again, where so many verified tokens are remembered.
fn verify_by_key_pair(times: u32, remembered: usize) {
    let mut config = AuthConfig::new(SECRET);
    config.signing_keys = Some(TokenKey::from_jwk(KEY_PAIR).and_then(KeyRing::new).expect("a key pair"));
    config.verified_tokens = remembered;
    let auth = Auth::builder(MemoryStore::new()).config(config).build().expect("a configuration");
    let token = token_by_key_pair();
    counted_work(times, || auth.verify(black_box(&token)).expect("good"));
}

/// Never inlined: callgrind knows it by its name.
#[inline(never)]
fn counted_work<T>(times: u32, mut work: impl FnMut() -> T) {
    for _ in 0..times {
        black_box(work());
    }
}

struct Authorization(String);

impl HeaderLines for Authorization {
    fn each<'a>(&'a self, name: &str, line: &mut dyn FnMut(&'a [u8])) {
        if name == "authorization" {
            line(self.0.as_bytes());
        }
    }
}
