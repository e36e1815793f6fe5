//! What a verification costs in instructions, beside the HMAC in it: the same on a busy machine as on an idle one.
//! `cargo bench -p auth-tests --bench instructions` runs itself under valgrind, prints the ratios, and fails when a
//! verification takes more than [`BOUND`] times its HMAC.
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
use auth_core::store::memory::MemoryStore;
use auth_core::{Auth, AuthConfig, KeyRing, TokenKey};
use auth_tests::tokens::{KEY_PAIR, SECRET, Shape, bearer, token, token_by_key_pair};
use ring::hmac;

const BOUND: f64 = 1.35;

/// What a remembered signature of a public key may cost over the HMAC of a secret.
const REMEMBERED_BOUND: f64 = 2.0;

const JOBS: [&str; 8] = [
    "hmac", "verify", "verify, EdDSA, remembered", "verify, EdDSA, first time", "verify, Directus",
    "verify, a claim more", "guard", "jsonwebtoken",
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
    let [_, (_, verify), (_, remembered), ..] = instructions;
    if cfg!(debug_assertions) || (verify <= hmac * BOUND && remembered <= verify * REMEMBERED_BOUND) {
        return ExitCode::SUCCESS;
    }
    println!(
        "a verification takes more than {BOUND} times its HMAC, or a remembered signature {REMEMBERED_BOUND} times that"
    );
    ExitCode::FAILURE
}

/// Of one repetition: what many take more than few.
fn instructions(job: &str) -> f64 {
    const FEW: f64 = 100.0;
    const MANY: f64 = 300.0;
    (collected(job, MANY) - collected(job, FEW)) / (MANY - FEW)
}

fn collected(job: &str, times: f64) -> f64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
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
        repeat(times, || auth.verify(black_box(&token)).expect("good"));
    };
    match job {
        "hmac" => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
            let token = token(Shape::Ours);
            let signed = token.rsplit_once('.').expect("a signature").0;
            repeat(times, || hmac::sign(&key, black_box(signed).as_bytes()));
        }
        "verify" => verify(Shape::Ours),
        "verify, EdDSA, remembered" => verify_by_key_pair(times, 100),
        "verify, EdDSA, first time" => verify_by_key_pair(times, 0),
        "verify, Directus" => verify(Shape::Directus),
        "verify, a claim more" => verify(Shape::WithClaims),
        "guard" => {
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
            repeat(times, || {
                let verdict = guard.check(black_box(&head));
                assert!(matches!(verdict, Verdict::Allowed(_)));
                verdict
            });
        }
        "jsonwebtoken" => {
            let key = jsonwebtoken::DecodingKey::from_secret(SECRET.as_bytes());
            let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS256);
            validation.set_issuer(&["auth"]);
            let token = token(Shape::Ours);
            repeat(times, || {
                jsonwebtoken::decode::<serde_json::Value>(black_box(&token), &key, &validation).expect("good")
            });
        }
        other => panic!("no job `{other}`"),
    }
}

/// The same token again and again, where so many verified tokens are remembered.
fn verify_by_key_pair(times: u32, remembered: usize) {
    let mut config = AuthConfig::new(SECRET);
    config.signing_keys = Some(TokenKey::from_jwk(KEY_PAIR).and_then(KeyRing::new).expect("a key pair"));
    config.verified_tokens = remembered;
    let auth = Auth::builder(MemoryStore::new()).config(config).build().expect("a configuration");
    let token = token_by_key_pair();
    repeat(times, || auth.verify(black_box(&token)).expect("good"));
}

fn repeat<T>(times: u32, mut work: impl FnMut() -> T) {
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
