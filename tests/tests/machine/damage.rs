//! R7 to the last character: what was altered is refused without a look at the store, and what was forged without a
//! write. Everything is tried, nothing is drawn.

use auth_core::store::memory::MemoryStore;
use auth_core::store::{NewUserRecord, SessionMode, Store, UserStatus};
use auth_core::{
    Auth, AuthConfig, ClientInfo, Clock as _, Email, ErrorKind, Grant, RefreshToken, SessionToken, UserId,
};
use auth_testkit::{FaultyStore, ManualClock, Operation};
use auth_tests::databases::{Database, Kind};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Outside the alphabet: padding, the other base64, space, NUL, the dot of a JWT, two bytes in one character.
const FOREIGN: &str = "=+/ \0.~\u{e9}";

struct World {
    auth: Auth,
    store: FaultyStore,
    clock: ManualClock,
}

impl World {
    async fn over(store: impl Store) -> Self {
        let (store, clock) = (FaultyStore::new(store), ManualClock::stopped());
        let config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
        let auth = Auth::builder(store.clone()).config(config).clock(clock.clone()).build().expect("a configuration");
        Self { auth, store, clock }
    }

    async fn open(&self, user: &str, mode: SessionMode) -> Grant {
        use auth_core::store::UserStore as _;
        let record = NewUserRecord {
            id: UserId::new(user).expect("short"),
            email: Email::parse(&format!("{user}@example.com")).expect("an address"),
            password: None,
            status: UserStatus::Active,
            role: None,
            app_access: true,
            admin_access: false,
            created_at: self.clock.now(),
        };
        if self.auth.find_user(&record.id).await.expect("finds").is_none() {
            self.store.create(&record).await.expect("creates");
        }
        let opened = self.auth.open_session(&record.id, mode, &ClientInfo::default()).await;
        self.store.reset_calls();
        opened.expect("a session").grant
    }

    async fn refresh(&self, token: &str) -> Result<String, ErrorKind> {
        let tokens = self.auth.refresh(&RefreshToken::new(token), &ClientInfo::default()).await;
        tokens.map(|tokens| refresh_of(tokens.grant)).map_err(|error| error.kind())
    }

    async fn assert_nothing_was_written(&self, what: &str) {
        let loads = self.store.calls(Operation::Load);
        assert_eq!(self.store.total_calls(), loads, "{what}: something else than a look at the row");
    }
}

/// Every way to alter one place: each other character, one less, one more, two exchanged.
fn altered(token: &str, others: &str) -> Vec<String> {
    assert!(token.is_ascii());
    let mut all = Vec::new();
    for at in 0..token.len() {
        let (before, rest) = token.split_at(at);
        let (this, after) = rest.split_at(1);
        all.extend(others.chars().map(|other| format!("{before}{other}{after}")));
        all.extend(others.chars().take(3).map(|more| format!("{before}{more}{this}{after}")));
        all.push(format!("{before}{after}"));
        all.push(before.to_owned());
        if let Some(next) = after.get(..1) {
            all.push(format!("{before}{next}{this}{}", &after[1..]));
        }
    }
    all.retain(|text| text != token);
    all
}

/// All 103 places of a token, with every other character of the alphabet and more.
#[tokio::test]
async fn r7_any_altered_character_is_refused_and_the_store_is_not_asked() {
    let world = World::over(MemoryStore::new()).await;
    let first = refresh_of(world.open("ada", SessionMode::Json).await);
    let second = world.refresh(&first).await.expect("rotates");
    world.store.reset_calls();
    // The previous token is the one that could look stolen, and after the grace it would.
    world.clock.advance(std::time::Duration::from_secs(60));
    let others = format!("{ALPHABET}{FOREIGN}");
    let mut tried = 0;
    for token in [&first, &second] {
        for text in altered(token, &others) {
            assert_eq!(world.refresh(&text).await, Err(ErrorKind::InvalidCredentials), "{text:?}");
            world
                .auth
                .logout(&RefreshToken::new(&text), &ClientInfo::default())
                .await
                .expect("there is nothing to end");
            tried += 1;
        }
    }
    assert_eq!(world.store.total_calls(), 0);
    assert!(tried > 2 * 103 * 70, "{tried}");
    println!("R7: {tried} altered refresh tokens, no call of the store");
    world.refresh(&second).await.expect("the session lives on");
}

/// The session cookie is a JWT, and the signature covers all of it.
#[tokio::test]
async fn r7_any_altered_character_of_a_session_cookie_is_refused_and_the_store_is_not_asked() {
    let world = World::over(MemoryStore::new()).await;
    let Grant::Session(cookie) = world.open("ada", SessionMode::Session).await else { panic!("a cookie") };
    let altered = altered(cookie.expose_secret(), "Ag0_.=");
    for text in &altered {
        let token = SessionToken::new(text);
        let refused = world.auth.refresh_session(&token, &ClientInfo::default()).await.expect_err(text);
        assert_eq!(refused.kind(), ErrorKind::InvalidCredentials, "{text:?}");
        let refused = world.auth.verify_session(&token).await.expect_err(text);
        assert_eq!(refused.kind(), ErrorKind::InvalidToken, "{text:?}");
        world.auth.logout_session(&token, &ClientInfo::default()).await.expect("there is nothing to end");
    }
    assert_eq!(world.store.total_calls(), 0);
    println!("R7: {} altered session cookies, no call of the store", altered.len());
    world.auth.refresh_session(&cookie, &ClientInfo::default()).await.expect("the session lives on");
}

/// A session's id is no secret: it is in every access token. Somebody with an account of their own knows the format, and
/// has a family and secrets to put in. It ends nothing: not at a refresh, not at a logout, in no generation.
#[tokio::test]
async fn r7_a_guessed_family_writes_nothing_to_the_session_of_another_user() {
    let database = Database::fresh(Kind::Sqlite).await.expect("always there");
    for world in [World::over(MemoryStore::new()).await, World::over(database.store().await).await] {
        let first = refresh_of(world.open("victim", SessionMode::Json).await);
        let head = world.refresh(&first).await.expect("rotates");
        let own = Parts::of(&refresh_of(world.open("attacker", SessionMode::Json).await));
        let theirs = Parts::of(&head);
        world.clock.advance(std::time::Duration::from_secs(60));
        for generation in [0, 1, 2, 3, u64::from(u32::MAX), u64::MAX] {
            for family in [own.family, [0; 16], [0xff; 16], flipped(theirs.family)] {
                for secret in [own.secret, theirs.secret, Parts::of(&first).secret, [0; 32]] {
                    let forged = Parts { session: theirs.session, generation, family, secret }.encode();
                    assert_eq!(world.refresh(&forged).await, Err(ErrorKind::SessionOver), "generation {generation}");
                    let logout = world.auth.logout(&RefreshToken::new(&forged), &ClientInfo::default()).await;
                    logout.expect("there is nothing to end");
                    world.assert_nothing_was_written("a guessed family").await;
                }
            }
        }
        let next = world.refresh(&head).await.expect("the session lives on");

        // With the family but without the secret, or ahead of the row: refused for now, and nothing is written.
        world.store.reset_calls();
        world.clock.advance(std::time::Duration::from_secs(60));
        let theirs = Parts::of(&next);
        for generation in [theirs.generation - 1, theirs.generation, theirs.generation + 1, u64::MAX] {
            let forged = Parts { generation, secret: own.secret, ..theirs }.encode();
            assert_eq!(world.refresh(&forged).await, Err(ErrorKind::InvalidCredentials), "generation {generation}");
            world.assert_nothing_was_written("a guessed secret").await;
        }
        world.refresh(&next).await.expect("the session lives on");
    }
}

/// `0x01 | session 16 | generation 8 | family 16 | secret 32 | crc32 4`.
#[derive(Clone, Copy)]
struct Parts {
    session: [u8; 16],
    generation: u64,
    family: [u8; 16],
    secret: [u8; 32],
}

impl Parts {
    fn of(token: &str) -> Self {
        let bytes = URL_SAFE_NO_PAD.decode(token).expect("a refresh token");
        assert_eq!(bytes.len(), 77);
        Self {
            session: bytes[1..17].try_into().expect("16 bytes"),
            generation: u64::from_be_bytes(bytes[17..25].try_into().expect("8 bytes")),
            family: bytes[25..41].try_into().expect("16 bytes"),
            secret: bytes[41..73].try_into().expect("32 bytes"),
        }
    }

    fn encode(self) -> String {
        let mut bytes = vec![1];
        bytes.extend(self.session);
        bytes.extend(self.generation.to_be_bytes());
        bytes.extend(self.family);
        bytes.extend(self.secret);
        bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

/// One bit of the right family is wrong.
fn flipped(mut family: [u8; 16]) -> [u8; 16] {
    family[15] ^= 1;
    family
}

fn refresh_of(grant: Grant) -> String {
    match grant {
        Grant::Pair { refresh, .. } => refresh.expose_secret().to_owned(),
        Grant::Session(_) => panic!("not in this mode"),
    }
}
