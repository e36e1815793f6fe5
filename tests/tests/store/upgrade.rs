//! A database that an older version made, with people signed in: the upgrade keeps them.

use std::time::Duration;

use auth_core::store::{Revoked, SessionMode, SessionStore as _};
use auth_core::{
    Auth, AuthConfig, ClientInfo, Clock as _, Email, Grant, LoginRequest, NewUser, Password, RefreshToken, SessionId,
    Timestamp,
};
use auth_sea_orm::SeaOrmStore;
use auth_testkit::ManualClock;
use auth_tests::databases::{Database, Kind};
use sea_orm::{ConnectionTrait as _, DatabaseConnection};
use sea_orm_migration::MigratorTraitSelf as _;

/// The migrations of the first version.
const FIRST_VERSION: u32 = 3;

/// Rows as the first version wrote them, which knew no column of later ones.
struct Before {
    tokens: Vec<RefreshToken>,
    ended: SessionId,
}

fn auth(store: SeaOrmStore, clock: &ManualClock) -> Auth {
    let config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
    Auth::builder(store).config(config).clock(clock.clone()).build().expect("a configuration")
}

const PASSWORD: &str = "correct horse";

fn email() -> Email {
    Email::parse("ada@example.com").expect("an address")
}

/// Fills a database of the newest version, and takes it back to the first.
async fn first_version(store: &SeaOrmStore, db: &DatabaseConnection, clock: &ManualClock) -> Before {
    store.migrate().await.expect("migrate");
    let auth = auth(store.clone(), clock);
    let user = auth.create_user(NewUser::new(email(), Password::new(PASSWORD))).await.expect("a user");
    let client = ClientInfo::default();
    let open = async || {
        let tokens = auth.open_session(&user, SessionMode::Json, &client).await.expect("a session");
        let Grant::Pair { access, refresh, .. } = tokens.grant else { panic!("a pair") };
        let session = auth.verify(access.expose_secret()).expect("good").session().expect("of a session");
        (refresh, session)
    };
    let mut tokens = Vec::new();
    for _ in 0..3 {
        tokens.push(open().await.0);
    }
    let (ended_token, ended) = open().await;
    auth.logout(&ended_token, &client).await.expect("logs out");
    let all = u32::try_from(store.migrator().migrations().len()).expect("a few");
    store.migrator().down(db, Some(all - FIRST_VERSION)).await.expect("down");
    Before { tokens, ended }
}

#[tokio::test]
async fn an_upgrade_keeps_users_and_sessions() {
    for kind in Kind::SHARED {
        let Some(database) = Database::fresh(kind).await else { continue };
        let store = SeaOrmStore::connect(database.url()).await.expect("connect");
        let db = database.connection().await;
        let clock = ManualClock::stopped();
        let before = first_version(&store, &db, &clock).await;
        // The first version went on working on it: a user whose epoch it raised.
        db.execute_unprepared("INSERT INTO auth_user_state (user_id, cred_epoch) VALUES ('somebody', 7)")
            .await
            .expect("insert");

        store.migrate().await.expect("migrate");
        clock.advance(Duration::from_secs(60));
        let auth = auth(store.clone(), &clock);
        let client = ClientInfo::default();
        for token in &before.tokens {
            auth.refresh(token, &client).await.expect("is still signed in");
        }
        auth.login(LoginRequest::new(email(), Password::new(PASSWORD)), &client).await.expect("signs in");
        let since = clock.now().before(Duration::from_secs(3600));
        assert_eq!(
            store.revoked_since(since).await.expect("revoked_since"),
            [Revoked::Session(before.ended)],
            "{kind:?}: ended before the upgrade"
        );
        let everything = store.revoked_since(Timestamp::default()).await.expect("revoked_since");
        assert_eq!(everything.len(), 1, "{kind:?}: of the user with an epoch nothing is known, so nobody is refused");
    }
}
