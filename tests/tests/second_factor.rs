//! The second factor over real databases with real concurrency: codes count once, whoever is first, and nothing of them is
//! in the database.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use auth_core::store::memory::MemoryStore;
use auth_core::store::{FactorStore as _, SessionMode, StoreErrorKind, UserChange, UserDirectory as _};
use auth_core::{
    Auth, AuthConfig, AuthEvent, ClientInfo, Clock as _, Email, EnableFactor, ErrorKind, EventKind, EventSink,
    FactorProof, Grant, Identity, LoginRequest, LoginThrottle, MfaKey, MfaRequired, NewUser, OneTimePassword, Password,
    Tokens, UserId,
};
use auth_testkit::contract::{Authenticator, PERIOD};
use auth_testkit::{Fault, FaultyStore, ManualClock, Moment, Operation};
use auth_tests::databases::{Database, Kind};
use auth_tests::elsewhere::Elsewhere;

const PASSWORD: &str = "correct horse battery staple";

/// An `Auth` over a store that can fail, with one user who has no factor yet.
#[derive(Clone)]
struct World {
    auth: Auth,
    store: FaultyStore,
    clock: ManualClock,
    user: UserId,
    events: Events,
}

/// The events of a test, and what is done at some of them.
#[derive(Clone, Default)]
struct Events {
    seen: Arc<Mutex<Vec<EventKind>>>,
    then: Arc<Mutex<Option<(EventKind, Then)>>>,
}

type Then = Box<dyn FnMut() + Send>;

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Events")
    }
}

impl EventSink for Events {
    fn record(&self, event: &AuthEvent<'_>) {
        self.seen.lock().expect("no panic").push(event.kind);
        if let Some((kind, then)) = &mut *self.then.lock().expect("no panic")
            && event.kind == *kind
        {
            then();
        }
    }
}

/// A user's phone and the codes on paper.
struct Enrolled {
    app: Authenticator,
    codes: Vec<String>,
}

impl World {
    fn over(store: FaultyStore, config: AuthConfig, user: UserId) -> Self {
        let (clock, events) = (ManualClock::stopped(), Events::default());
        let auth = Auth::builder(store.clone()).config(config).clock(clock.clone()).events(events.clone()).build();
        Self { auth: auth.expect("a configuration"), store, clock, user, events }
    }

    async fn new(store: FaultyStore, config: AuthConfig) -> Self {
        let mut world = Self::over(store, config, UserId::new("-").expect("an id"));
        let user = world.auth.create_user(NewUser::new(email(), Password::new(PASSWORD))).await;
        world.user = user.expect("a user");
        world
    }

    async fn memory() -> Self {
        Self::new(FaultyStore::new(MemoryStore::new()), config()).await
    }

    async fn login(&self, otp: Option<&str>) -> Result<Tokens, ErrorKind> {
        let mut request = LoginRequest::new(email(), Password::new(PASSWORD));
        if let Some(otp) = otp {
            request = request.otp(OneTimePassword::new(otp));
        }
        self.auth.login(request, &ClientInfo::default()).await.map_err(|error| error.kind())
    }

    async fn identity(&self, otp: Option<&str>) -> Identity {
        identity(&self.auth, &self.login(otp).await.expect("signs in"))
    }

    async fn enrol(&self, identity: &Identity) -> Enrolled {
        let new = self
            .auth
            .generate_second_factor(identity, Password::new(PASSWORD), &ClientInfo::default())
            .await
            .expect("a secret");
        let secret = new.secret.expose_secret();
        let app = Authenticator::new(&secret);
        let request = EnableFactor::new(&secret, proof(&app.code(self.clock.now()))).with_recovery_codes();
        let codes = self.auth.enable_second_factor(identity, request, &ClientInfo::default()).await.expect("enables");
        self.next_step();
        Enrolled { app, codes: codes.iter().map(|code| code.expose_secret().to_string()).collect() }
    }

    fn next_step(&self) {
        self.clock.advance(Duration::from_secs(PERIOD.unsigned_abs()));
    }

    fn events(&self) -> Vec<EventKind> {
        std::mem::take(&mut *self.events.seen.lock().expect("no panic"))
    }
}

fn config() -> AuthConfig {
    let mut config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
    // They come as fast as they can.
    config.login_throttle = LoginThrottle::Off;
    config
}

fn email() -> Email {
    Email::parse("ada@example.com").expect("an address")
}

fn proof(otp: &str) -> FactorProof {
    FactorProof::new(OneTimePassword::new(otp))
}

fn identity(auth: &Auth, tokens: &Tokens) -> Identity {
    let Grant::Pair { access, .. } = &tokens.grant else { panic!("a pair") };
    auth.verify(access.expose_secret()).expect("good")
}

async fn on_every_database(check: impl AsyncFn(World, &Database)) {
    for kind in Kind::SHARED {
        let Some(database) = Database::fresh(kind).await else { continue };
        let world = World::new(FaultyStore::new(database.store().await), config()).await;
        check(world, &database).await;
    }
}

/// Many logins at once, as tasks; how many got in, and the refusals.
async fn log_in_at_once(world: &World, otp: &str, times: usize) -> (usize, Vec<ErrorKind>) {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..times {
        let (world, otp) = (world.clone(), otp.to_owned());
        tasks.spawn(async move { world.login(Some(&otp)).await.map(drop) });
    }
    let outcomes = tasks.join_all().await;
    let refused: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.err()).collect();
    (outcomes.len() - refused.len(), refused)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m1_of_parallel_logins_with_one_code_one_gets_in() {
    on_every_database(async |world, _| {
        let enrolled = world.enrol(&world.identity(None).await).await;
        for _ in 0..3 {
            let code = enrolled.app.code(world.clock.now());
            let (in_, refused) = log_in_at_once(&world, &code, 16).await;
            assert_eq!((in_, refused), (1, vec![ErrorKind::InvalidOtp; 15]));
            world.next_step();
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m7_of_parallel_logins_with_one_recovery_code_one_gets_in() {
    on_every_database(async |world, _| {
        let enrolled = world.enrol(&world.identity(None).await).await;
        world.events();
        for (code, left) in enrolled.codes.iter().take(2).zip([9, 8]) {
            let (in_, refused) = log_in_at_once(&world, code, 16).await;
            assert_eq!((in_, refused), (1, vec![ErrorKind::InvalidOtp; 15]));
            let events = world.events();
            let used: Vec<_> =
                events.iter().filter(|event| matches!(event, EventKind::RecoveryCodeUsed { .. })).collect();
            assert_eq!(used, [&EventKind::RecoveryCodeUsed { left }]);
            assert_eq!(events.iter().filter(|event| **event == EventKind::OtpRefused).count(), 15);
        }
    })
    .await;
}

/// A login and a factor change at once: a session that survives has what the account has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r9_a_login_beside_enabling_is_refused_or_ended() {
    on_every_database(async |world, _| {
        let client = ClientInfo::default();
        for _ in 0..4 {
            let identity = world.identity(None).await;
            let mut tasks = tokio::task::JoinSet::new();
            for _ in 0..6 {
                let world = world.clone();
                tasks.spawn(async move { world.login(None).await.map(|tokens| tokens.session) });
            }
            let enrolled = world.enrol(&identity).await;
            for outcome in tasks.join_all().await {
                match outcome {
                    Ok(session) => {
                        let sessions = world.auth.sessions(&identity).await.expect("the session that asks lives");
                        assert!(sessions.iter().all(|alive| alive.id != session), "a session of one factor lives");
                    }
                    Err(kind) => assert!(matches!(kind, ErrorKind::InvalidOtp | ErrorKind::InvalidCredentials)),
                }
            }
            let otp = enrolled.app.code(world.clock.now());
            world.auth.disable_second_factor(&identity, proof(&otp), &client).await.expect("disables");
            world.next_step();
        }
    })
    .await;
}

/// The password changes after it was checked and the code was taken, just before the session is opened.
#[tokio::test]
async fn m8_a_login_is_bound_to_the_password_that_was_checked() {
    let world = World::memory().await;
    let enrolled = world.enrol(&world.identity(None).await).await;
    let (store, user) = (world.store.clone(), world.user);
    let change_password = move || {
        let change = UserChange::default();
        let mut update = pin!(store.update(
            &user,
            &change,
            auth_core::store::UpdateTerms::default(),
            auth_core::Timestamp::default()
        ));
        assert!(update.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready(), "memory does not wait");
    };
    let at = EventKind::RecoveryCodeUsed { left: 9 };
    *world.events.then.lock().expect("no panic") = Some((at, Box::new(change_password)));
    assert_eq!(world.login(Some(&enrolled.codes[0])).await.map(drop), Err(ErrorKind::InvalidCredentials));
    *world.events.then.lock().expect("no panic") = None;
    world.login(Some(&enrolled.codes[1])).await.expect("signs in");
}

/// The dump of a database in use: neither the secret in any form, nor a code, nor a recovery code.
#[tokio::test]
async fn m3_the_database_file_holds_no_secret_and_no_code() {
    let database = Database::fresh(Kind::Sqlite).await.expect("always there");
    let world = World::new(FaultyStore::new(database.store().await), config()).await;
    let identity = world.identity(None).await;
    let pending = world
        .auth
        .generate_second_factor(&identity, Password::new(PASSWORD), &ClientInfo::default())
        .await
        .expect("a secret");
    let new = world
        .auth
        .generate_second_factor(&identity, Password::new(PASSWORD), &ClientInfo::default())
        .await
        .expect("a secret");
    let mut secrets: Vec<Vec<u8>> = Vec::new();
    for secret in [pending.secret.expose_secret(), new.secret.expose_secret()] {
        let bytes = base32(&secret);
        secrets.extend([secret.as_bytes().to_vec(), hex(&bytes), bytes]);
    }
    let code = Authenticator::new(&new.secret.expose_secret()).code(world.clock.now());
    let request = EnableFactor::new(&new.secret.expose_secret(), proof(&code)).with_recovery_codes();
    let codes = world.auth.enable_second_factor(&identity, request, &ClientInfo::default()).await.expect("enables");
    for code in &codes {
        let text = code.expose_secret();
        secrets.extend([text.as_bytes().to_vec(), text.replace('-', "").into_bytes()]);
    }
    world.login(Some(&codes[0].expose_secret())).await.expect("signs in");

    let file = database.file().expect("a file");
    let mut dump = std::fs::read(&file).expect("the file");
    dump.extend(std::fs::read(file.with_extension("db-wal")).expect("the log"));
    let holds = |bytes: &[u8]| dump.windows(bytes.len()).any(|window| window == bytes);
    let stored = world.store.second_factor(&world.user).await.expect("reads").active.expect("a factor");
    assert!(holds(stored.secret.as_bytes()), "the dump has the sealed secret");
    assert!(secrets.len() == 26);
    for secret in &secrets {
        assert!(secret.len() >= 20 && !holds(secret), "a secret of {} bytes is in the dump", secret.len());
    }
}

fn base32(text: &str) -> Vec<u8> {
    let bits: String = text
        .bytes()
        .map(|c| format!("{:05b}", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".bytes().position(|a| a == c).expect("base32")))
        .collect();
    bits.as_bytes().chunks_exact(8).map(|byte| byte.iter().fold(0, |value, bit| value * 2 + (bit - b'0'))).collect()
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
}

/// A new key in front: the next login seals the secret under it, and then the old key can go.
#[tokio::test]
async fn m3_a_login_seals_the_secret_under_the_newest_key() {
    let key = |seed: u8| MfaKey::new(std::array::from_fn(|i| (i as u8).wrapping_mul(37) ^ seed));
    let with_keys = |keys: Vec<MfaKey>| {
        let mut config = config();
        config.mfa_keys = keys;
        config
    };
    on_every_database(async |first, _| {
        let enrolled = first.enrol(&first.identity(None).await).await;
        let sealed = async || first.store.second_factor(&first.user).await.expect("reads").active.expect("a factor");
        let under = |keys| World::over(first.store.clone(), with_keys(keys), first.user);
        let login = async |world: &World| {
            world.clock.advance(Duration::from_millis(
                u64::try_from(first.clock.now().millis_since(world.clock.now()).max(0)).expect("positive"),
            ));
            let outcome = world.login(Some(&enrolled.app.code(world.clock.now()))).await.map(drop);
            first.next_step();
            outcome
        };
        // Sealed under the key that comes from the secret: configuring one locks nobody out.
        let before = sealed().await;
        let second = under(vec![key(1)]);
        login(&second).await.expect("signs in");
        let after = sealed().await;
        assert_ne!(before.secret, after.secret);
        let third = under(vec![key(2), key(1)]);
        // The database refuses just then: the login goes on, and the next one seals.
        let fault = Fault::new(StoreErrorKind::Unavailable, Moment::BeforeWork).times(1);
        third.store.fail(Operation::Reseal, fault);
        login(&third).await.expect("signs in");
        assert_eq!(sealed().await.secret, after.secret);
        login(&third).await.expect("signs in");
        assert_ne!(sealed().await.secret, after.secret);
        login(&under(vec![key(2)])).await.expect("the old key is not needed any more");
        // Under keys of which none opens it, nobody gets in without a recovery code.
        let wrong = under(vec![key(3)]);
        assert_eq!(login(&wrong).await, Err(ErrorKind::InvalidOtp));
        wrong.login(Some(&enrolled.codes[0])).await.expect("signs in");
    })
    .await;
}

/// Whoever lost everything is helped by somebody who vouches.
#[tokio::test]
async fn m5_a_reset_removes_the_factor_and_ends_all_sessions() {
    on_every_database(async |world, _| {
        let identity = world.identity(None).await;
        assert!(!world.auth.reset_second_factor(&world.user).await.expect("resets"));
        let enrolled = world.enrol(&identity).await;
        assert_eq!(world.login(None).await.map(drop), Err(ErrorKind::InvalidOtp));
        world.events();
        assert!(world.auth.reset_second_factor(&world.user).await.expect("resets"));
        assert_eq!(world.events(), [EventKind::MfaReset]);
        let over = world.auth.sessions(&identity).await.expect_err("all sessions are over");
        assert_eq!(over.kind(), ErrorKind::InvalidToken);
        world.login(None).await.expect("signs in");
        world.login(Some(&enrolled.codes[0])).await.expect("ignored");
        assert!(!world.auth.reset_second_factor(&world.user).await.expect("resets"));
    })
    .await;
}

/// Whatever the store cannot answer is an outage, and never a way in.
#[tokio::test]
async fn f2_an_outage_lets_nobody_in_and_burns_no_password() {
    let world = World::memory().await;
    let enrolled = world.enrol(&world.identity(None).await).await;
    for operation in [Operation::SecondFactor, Operation::AcceptStep, Operation::Open] {
        let fault = Fault::new(StoreErrorKind::Unavailable, Moment::BeforeWork).times(1);
        world.store.fail(operation, fault);
        let code = enrolled.app.code(world.clock.now());
        assert_eq!(world.login(Some(&code)).await.map(drop), Err(ErrorKind::Unavailable), "{operation:?}");
        world.next_step();
    }
    // The answer is lost after the code was taken: it stays taken.
    let code = enrolled.app.code(world.clock.now());
    let lost = Fault::new(StoreErrorKind::Unavailable, Moment::AfterWork).times(1);
    world.store.fail(Operation::AcceptStep, lost);
    assert_eq!(world.login(Some(&code)).await.map(drop), Err(ErrorKind::Unavailable));
    assert_eq!(world.login(Some(&code)).await.map(drop), Err(ErrorKind::InvalidOtp));
    world.next_step();
    world.login(Some(&enrolled.app.code(world.clock.now()))).await.expect("signs in");
}

/// The store is asked about the factor only once the password is right.
#[tokio::test]
async fn g5_a_wrong_password_asks_for_no_factor() {
    let world = World::memory().await;
    world.enrol(&world.identity(None).await).await;
    world.store.reset_calls();
    world.events();
    let request = LoginRequest::new(email(), Password::new("wrong horse")).otp(OneTimePassword::new("123456"));
    let error = world.auth.login(request, &ClientInfo::default()).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::InvalidCredentials);
    assert_eq!((world.store.total_calls(), world.store.calls(Operation::FindByEmail)), (1, 1));
    assert_eq!(world.events(), [EventKind::LoginFailed]);
    assert_eq!(world.login(None).await.map(drop), Err(ErrorKind::InvalidOtp));
    assert_eq!(world.events(), [EventKind::OtpAsked]);
}

/// What is for enrolment alone is no access token to anybody who asks the library.
#[tokio::test]
async fn j8_an_enrol_token_is_no_access_token_to_the_library() {
    let mut must = config();
    must.mfa_required = MfaRequired::Everybody;
    let world = World::new(FaultyStore::new(MemoryStore::new()), must).await;
    let refused = |result: Result<Identity, auth_core::AuthError>| result.map(drop).map_err(|error| error.kind());
    let tokens = world.login(None).await.expect("signs in");
    let Grant::Pair { access, .. } = &tokens.grant else { panic!("a pair") };
    assert_eq!(refused(world.auth.verify(access.expose_secret())), Err(ErrorKind::EnrolmentRequired));
    for mode in [SessionMode::Json, SessionMode::Session] {
        let opened = world.auth.open_session(&world.user, mode, &ClientInfo::default()).await.expect("opens");
        let result = match &opened.grant {
            Grant::Pair { access, .. } => world.auth.verify(access.expose_secret()),
            Grant::Session(token) => world.auth.verify_session(token).await,
        };
        assert_eq!(refused(result), Err(ErrorKind::EnrolmentRequired));
    }
}

/// The factor is keyed by the user's id in our own tables, wherever the user lives.
#[tokio::test]
async fn m5_users_of_the_app_have_second_factors() {
    on_every_database(async |world, _| {
        let users = Elsewhere(MemoryStore::new());
        let auth = |policy: MfaRequired| {
            let mut config = config();
            config.mfa_required = policy;
            let builder = Auth::builder(world.store.clone()).config(config).clock(world.clock.clone());
            builder.users(users.clone()).build().expect("a configuration")
        };
        let (lenient, strict) = (auth(MfaRequired::Nobody), auth(MfaRequired::Everybody));
        let user = lenient.create_user(NewUser::new(email(), Password::new(PASSWORD))).await.expect("a user");
        let lenient = World { auth: lenient, user, ..world.clone() };
        let strict = World { auth: strict, user, ..world.clone() };
        let cookie = async |otp: Option<&str>| {
            let mut request = LoginRequest::new(email(), Password::new(PASSWORD)).mode(SessionMode::Session);
            if let Some(otp) = otp {
                request = request.otp(OneTimePassword::new(otp));
            }
            let tokens = strict.auth.login(request, &ClientInfo::default()).await.expect("signs in");
            let Grant::Session(token) = tokens.grant else { panic!("a session token") };
            strict.auth.verify_session(&token).await.map_err(|error| error.kind())
        };
        assert_eq!(cookie(None).await.map(drop), Err(ErrorKind::EnrolmentRequired));
        let enrolled = lenient.enrol(&lenient.identity(None).await).await;
        assert_eq!(strict.login(None).await.map(drop), Err(ErrorKind::InvalidOtp));
        let identity = cookie(Some(&enrolled.app.code(world.clock.now()))).await.expect("may do everything");
        assert_eq!(identity.aal(), 2);
        assert!(strict.auth.reset_second_factor(&user).await.expect("resets"));
        assert_eq!(cookie(None).await.map(drop), Err(ErrorKind::EnrolmentRequired));
    })
    .await;
}
