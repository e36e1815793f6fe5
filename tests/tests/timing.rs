//! Time must not tell which addresses have accounts (requirement G5): two samples of one run, taken in turn.
//!
//! In a process of its own, so that no other test runs beside it, and one after the other.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use auth_core::store::UserStatus;
use auth_core::store::memory::MemoryStore;
use auth_core::{
    Auth, AuthConfig, ClientInfo, Clock as _, Email, EnableFactor, ErrorKind, FactorProof, Grant, HashParams,
    LoginRequest, LoginThrottle, NewUser, OneTimePassword, Password, SystemClock,
};
use auth_testkit::ManualClock;
use auth_testkit::contract::{Authenticator, Request, Subject, Variant, seed};
use auth_testkit::mail::MemoryMailer;
use auth_tests::servers::Framework;

/// Held by each test while it measures.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// In each sample.
const SAMPLES: usize = 500;
/// A busy machine can push one run apart; a difference in the code shows in every run.
const RUNS: usize = 5;

/// Without a throttle, which would refuse the sixth guess before the work that is measured here.
fn config() -> AuthConfig {
    let mut config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
    config.login_throttle = LoginThrottle::Off;
    config
}

/// Which of a pair goes first is left to chance: were it always the same, each sample would have one hashing thread of
/// two to itself, and the threads would be compared instead of the code.
fn heads() -> bool {
    RandomState::new().hash_one(()) & 1 == 0
}

fn email(name: &str) -> Email {
    Email::parse(&format!("{name}@example.com")).expect("an address")
}

/// How far the medians of two logins that are refused are apart, a run each.
async fn gaps(auth: &Auth, pair: [(&str, &str); 2]) -> Vec<f64> {
    let mut gaps = Vec::new();
    for _ in 0..RUNS {
        let mut samples = [Vec::new(), Vec::new()];
        for _ in 0..100 {
            let order = if heads() { [0, 1] } else { [1, 0] };
            for n in order {
                let (name, password) = pair[n];
                let start = Instant::now();
                let request = LoginRequest::new(email(name), Password::new(password));
                auth.login(request, &ClientInfo::default()).await.expect_err("refused");
                samples[n].push(start.elapsed());
            }
        }
        samples.iter_mut().for_each(|times| times.sort());
        gaps.push((median(&samples[1]) / median(&samples[0]) - 1.0).abs());
    }
    gaps
}

fn median(sorted: &[Duration]) -> f64 {
    sorted[sorted.len() / 2].as_secs_f64()
}

/// The two-sided p of the Mann-Whitney U test, by its normal approximation.
fn mann_whitney(a: &[Duration], b: &[Duration]) -> f64 {
    let mut all: Vec<_> = a.iter().map(|time| (time, true)).chain(b.iter().map(|time| (time, false))).collect();
    all.sort();
    let rank_sum: f64 = all.iter().enumerate().filter(|(_, (_, is_a))| *is_a).map(|(rank, _)| rank as f64 + 1.0).sum();
    let (n, m) = (a.len() as f64, b.len() as f64);
    let u = rank_sum - n * (n + 1.0) / 2.0;
    let z = (u - n * m / 2.0) / (n * m * (n + m + 1.0) / 12.0).sqrt();
    // Abramowitz and Stegun 7.1.26, good to 1.5e-7.
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let poly =
        t * (0.254_829_592 + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    poly * (-x * x).exp()
}

/// A hash from before the parameters rose is cheaper, and its user must not be told apart by that. The work is made up
/// in whole passes, so the medians are close and not equal.
#[tokio::test]
async fn g5_a_user_with_a_cheaper_hash_cannot_be_told_from_none() {
    let _alone = ALONE.lock().await;
    let store = MemoryStore::new();
    let config = config();
    let mut raised = config.clone();
    raised.max_hash = HashParams::new(19_456, 4, 1).expect("in range");
    let before = Auth::builder(store.clone()).config(config).build().expect("a configuration");
    let after = Auth::builder(store).config(raised).build().expect("a configuration");
    before.create_user(NewUser::new(email("known"), Password::new("correct horse"))).await.expect("a user");
    let gaps = gaps(&after, [("known", "wrong horse"), ("unknown", "wrong horse")]).await;
    assert!(gaps.iter().any(|gap| *gap < 0.1), "the gap of the medians, a run each: {gaps:?}");
}

#[tokio::test]
async fn g5_known_unknown_and_suspended_addresses_take_the_same_time() {
    let _alone = ALONE.lock().await;
    let config = config();
    let auth = Auth::builder(MemoryStore::new()).config(config).build().expect("a configuration");
    for (name, status) in [("known", UserStatus::Active), ("suspended", UserStatus::Suspended)] {
        let mut user = NewUser::new(email(name), Password::new("correct horse"));
        user.status = status;
        auth.create_user(user).await.expect("a user");
    }
    let refused = async |name: &str, password: &str| {
        let start = Instant::now();
        let request = LoginRequest::new(email(name), Password::new(password));
        auth.login(request, &ClientInfo::default()).await.expect_err("refused");
        start.elapsed()
    };

    for (other, password) in [("unknown", "wrong horse"), ("suspended", "correct horse")] {
        let mut seen = Vec::new();
        let equal = async {
            for _ in 0..RUNS {
                let (mut known, mut others) = (Vec::new(), Vec::new());
                for _ in 0..SAMPLES {
                    let mut pair = [("known", "wrong horse", &mut known), (other, password, &mut others)];
                    if heads() {
                        pair.reverse();
                    }
                    for (name, password, times) in pair {
                        times.push(refused(name, password).await);
                    }
                }
                known.sort();
                others.sort();
                let gap = (median(&others) / median(&known) - 1.0).abs();
                let p = mann_whitney(&known, &others);
                seen.push((gap, p));
                if gap < 0.05 && p > 0.01 {
                    return true;
                }
            }
            false
        };
        assert!(equal.await, "{other} can be told from known: gap of the medians and p, a run each: {seen:?}");
    }
}

/// A refusal costs as much as the dearest hash may, which can be more than a match: whoever knows the password of a user
/// who may not sign in must not see that it is the right one. The gap was the half.
#[tokio::test]
async fn g4_the_right_password_of_a_suspended_user_costs_what_a_wrong_one_does() {
    let _alone = ALONE.lock().await;
    let mut config = config();
    config.hash = HashParams::new(47_104, 1, 1).expect("in range");
    config.max_hash = HashParams::new(47_104, 2, 1).expect("in range");
    let auth = Auth::builder(MemoryStore::new()).config(config).build().expect("a configuration");
    let mut user = NewUser::new(email("suspended"), Password::new("correct horse"));
    user.status = UserStatus::Suspended;
    auth.create_user(user).await.expect("a user");
    let gaps = gaps(&auth, [("suspended", "correct horse"), ("suspended", "wrong horse")]).await;
    assert!(gaps.iter().any(|gap| *gap < 0.1), "the gap of the medians, a run each: {gaps:?}");
}

/// Whoever has a second factor gets another answer once the password is right, and gets it no later: the statements that
/// ask for the factor come after the work that hides everything.
#[tokio::test]
async fn g5_right_and_wrong_passwords_take_the_same_time_with_a_second_factor() {
    let _alone = ALONE.lock().await;
    let mut config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
    config.login_throttle = LoginThrottle::Off;
    let auth = Auth::builder(MemoryStore::new()).config(config).build().expect("a configuration");
    let (email, client) = (Email::parse("known@example.com").expect("an address"), ClientInfo::default());
    auth.create_user(NewUser::new(email.clone(), Password::new("correct horse"))).await.expect("a user");
    let login = |password: &str| LoginRequest::new(email.clone(), Password::new(password));
    let tokens = auth.login(login("correct horse"), &client).await.expect("signs in");
    let Grant::Pair { access, .. } = tokens.grant else { panic!("a pair") };
    let identity = auth.verify(access.expose_secret()).expect("good");
    let new = auth
        .generate_second_factor(&identity, Password::new("correct horse"), &ClientInfo::default())
        .await
        .expect("a secret");
    let secret = new.secret.expose_secret();
    let code = Authenticator::new(&secret).code(SystemClock.now());
    let request = EnableFactor::new(&secret, FactorProof::new(OneTimePassword::new(code)));
    auth.enable_second_factor(&identity, request, &client).await.expect("enables");

    let refused = async |password: &str, expected: ErrorKind| {
        let request = login(password).otp(OneTimePassword::new("000000"));
        let start = Instant::now();
        let error = auth.login(request, &client).await.expect_err("refused");
        assert_eq!(error.kind(), expected);
        start.elapsed()
    };
    let mut seen = Vec::new();
    for _ in 0..RUNS {
        let (mut right, mut wrong) = (Vec::new(), Vec::new());
        for _ in 0..SAMPLES {
            let mut pair = [
                ("correct horse", ErrorKind::InvalidOtp, &mut right),
                ("wrong horse", ErrorKind::InvalidCredentials, &mut wrong),
            ];
            if heads() {
                pair.reverse();
            }
            for (password, expected, times) in pair {
                times.push(refused(password, expected).await);
            }
        }
        right.sort();
        wrong.sort();
        let gap = median(&right) / median(&wrong) - 1.0;
        seen.push(gap);
        if gap.abs() < 0.05 {
            eprintln!("gap of the medians, right against wrong password: {seen:?}");
            return;
        }
    }
    panic!("the gap of the medians, a run each: {seen:?}");
}

/// Over real sockets: the user is looked for, and the mail is written and sent, after the answer (requirement S1).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s1_asking_for_a_new_password_takes_the_same_time_for_all() {
    let _alone = ALONE.lock().await;
    for framework in Framework::ALL {
        let (store, clock, mailer) = (MemoryStore::new(), ManualClock::stopped(), MemoryMailer::new());
        let accounts = seed(&store, clock.now()).await;
        let builder = Auth::builder(store.clone()).config(Variant::Default.config()).clock(clock.clone());
        let auth = builder.mailer(mailer.clone()).build().expect("a configuration");
        let server = framework.serve(&auth, "").await;
        let s = Subject::new(server.addr, "", clock, Arc::new(store), accounts).with_mailer(mailer);
        let ask = async |email: &str| {
            let request = Request::post("/auth/password/request").json(&serde_json::json!({ "email": email }));
            let start = Instant::now();
            s.send(request.unrecorded()).await.expect_empty();
            start.elapsed()
        };
        for other in ["nobody@example.com", &s.accounts.suspended.email, &s.accounts.nopassword.email] {
            let mut seen = Vec::new();
            let equal = async {
                for _ in 0..RUNS {
                    let (mut known, mut others) = (Vec::new(), Vec::new());
                    for _ in 0..SAMPLES {
                        // So that the user gets a mail most times; it is sent beside later requests, whoever these are for.
                        s.clock.advance(Duration::from_secs(61));
                        let mut pair = [(s.user().email.as_str(), &mut known), (other, &mut others)];
                        if heads() {
                            pair.reverse();
                        }
                        for (email, times) in pair {
                            times.push(ask(email).await);
                        }
                    }
                    known.sort();
                    others.sort();
                    let (gap, p) = ((median(&others) / median(&known) - 1.0).abs(), mann_whitney(&known, &others));
                    seen.push((gap, p));
                    if gap < 0.05 && p > 0.01 {
                        return true;
                    }
                }
                false
            };
            let equal = equal.await;
            println!("{}: {other}: gap of the medians and p, a run each: {seen:?}", framework.name());
            assert!(equal, "{}: {other} can be told from known: {seen:?}", framework.name());
        }
        let sent = s.mailer.sent();
        assert!(sent.len() > SAMPLES, "{} mails: nothing was compared", sent.len());
        assert!(sent.iter().all(|mail| mail.to().as_typed() == s.user().email), "somebody else got a mail");
    }
}
