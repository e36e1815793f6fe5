//! Users sign in with what they have in Directus, on every database.

use auth_core::store::{UserStatus, UserStore as _};
use auth_core::{Email, ErrorKind};
use auth_sea_orm::SeaOrmStore;
use auth_sea_orm::directus::{DirectusDatabase, DirectusStore};
use auth_testkit::contract::Authenticator;
use auth_tests::databases::{Database, Kind};
use auth_tests::directus::{DirectusFixture, written};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn everybody_signs_in_with_the_password_of_directus_or_not_at_all() {
    for kind in Kind::SHARED {
        let Some(world) = World::on(kind, Mode::ReadOnly).await else { continue };
        world.store.check().await.expect("the tables of Directus");
        let before = world.fixture.users().await;
        for row in written()["users"].as_array().expect("rows") {
            let text = |name: &str| row[name].as_str();
            let email = text("email").expect("an address");
            let may = text("status") == Some("active") && text("provider") == Some("default");
            let needs_code = text("tfa_secret").is_some();
            let outcome = world.login(email, text("plain_password").unwrap_or("Passw0rd-sso")).await;
            match (may, needs_code) {
                (true, false) => {
                    let (access, refresh) = pair(outcome.expect(email));
                    let identity = world.auth.verify(access.expose_secret()).expect("our own token");
                    assert_eq!(identity.user().as_str(), text("id").expect("an id"), "{kind:?}");
                    assert_eq!(identity.role().map(|role| role.as_str()), text("role"), "{kind:?}");
                    let is_admin = text("role").is_some();
                    assert_eq!((identity.is_admin(), identity.has_app_access()), (is_admin, is_admin), "{kind:?}");
                    world.refresh(&refresh).await.expect("refreshes");
                }
                (true, true) => assert_eq!(outcome.err(), Some(ErrorKind::InvalidOtp), "{kind:?} {email}"),
                (false, _) => assert_eq!(outcome.err(), Some(ErrorKind::InvalidCredentials), "{kind:?} {email}"),
            }
            let wrong = world.login(email, "Passw0rd-wrong").await;
            assert_eq!(wrong.err(), Some(ErrorKind::InvalidCredentials), "{kind:?} {email}");
        }
        assert_eq!(world.login("ADMIN@Example.com", "d1r3ctu5-Admin").await.map(drop), Ok(()), "{kind:?}");
        assert_eq!(world.fixture.users().await, before, "{kind:?}: a row of Directus was written");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m1_a_code_of_a_secret_of_80_bits_is_taken_once() {
    for kind in Kind::SHARED {
        let Some(world) = World::on(kind, Mode::ReadOnly).await else { continue };
        let app = Authenticator::new("JBSWY3DPEHPK3PXP");
        let login = async |code: &str| world.login_with("tfa@example.com", "Passw0rd-tfa", code).await.map(drop);
        let now = world.clock.now();
        assert_eq!(login(&app.wrong_code(now)).await, Err(ErrorKind::InvalidOtp), "{kind:?}");
        assert_eq!(login(&app.code(now)).await, Ok(()), "{kind:?}");
        assert_eq!(login(&app.code(now)).await, Err(ErrorKind::InvalidOtp), "{kind:?}: taken twice");
        assert_eq!(login(&app.code_after(now, 1)).await, Ok(()), "{kind:?}");
        // What is kept of it in our tables is sealed.
        let seen = auth_core::store::FactorStore::second_factor(&world.ours, &id(TFA)).await.expect("reads");
        let sealed = seen.active.expect("a factor").secret;
        assert!(!sealed.as_bytes().windows(10).any(|bytes| bytes == b"Hello!\xDE\xAD\xBE\xEF"), "{kind:?}");
    }
}

/// By the user, by the role, by a parent of the role; not when a policy holds for some addresses alone.
#[tokio::test(flavor = "multi_thread")]
async fn access_is_what_all_policies_grant_together() {
    for kind in Kind::SHARED {
        let Some(world) = World::on(kind, Mode::ReadOnly).await else { continue };
        let granted = async || {
            let user = world.store.find_by_id(&id(USER)).await.expect("reads").expect("a user");
            (user.app_access, user.admin_access)
        };
        assert_eq!(granted().await, (false, false), "{kind:?}");

        let policy = |n: u8| format!("0000000{n}-0000-4000-8000-000000000000");
        let (app, admin, office) = (policy(1), policy(2), policy(3));
        let (yes, no) = if kind == Kind::Postgres { ("true", "false") } else { ("1", "0") };
        for (id, admin_access, app_access, addresses) in
            [(&app, no, yes, "NULL"), (&admin, yes, no, "''"), (&office, yes, yes, "'192.0.2.0/24,10.0.0.1'")]
        {
            let sql = format!(
                r#"INSERT INTO directus_policies ("id", "name", "admin_access", "app_access", "ip_access")
                   VALUES ('{id}', 'a policy', {admin_access}, {app_access}, {addresses})"#
            );
            world.fixture.run(&sql).await;
        }
        let (child, parent) = (policy(4), policy(5));
        for (id, above) in [(&parent, format!("'{child}'")), (&child, format!("'{parent}'"))] {
            // Each is the parent of the other: the circle ends.
            let sql =
                format!(r#"INSERT INTO directus_roles ("id", "name", "parent") VALUES ('{id}', 'a role', {above})"#);
            world.fixture.run(&sql).await;
        }
        let attach = async |n: u8, column: &str, to: &str, policy: &str| {
            let sql = format!(
                r#"INSERT INTO directus_access ("id", "{column}", "policy") VALUES ('0000000{n}-0000-4000-8000-00000000000a', '{to}', '{policy}')"#
            );
            world.fixture.run(&sql).await;
        };
        attach(1, "user", USER, &office).await;
        assert_eq!(granted().await, (false, false), "{kind:?}: a policy for addresses");
        attach(2, "user", USER, &app).await;
        assert_eq!(granted().await, (true, false), "{kind:?}: by the user");
        attach(3, "role", &parent, &admin).await;
        assert_eq!(granted().await, (true, false), "{kind:?}: the role is nobody's yet");
        world.fixture.run(&format!("UPDATE directus_users SET role = '{child}' WHERE id = '{USER}'")).await;
        assert_eq!(granted().await, (true, true), "{kind:?}: by a parent of the role");
    }
}

/// Databases of Directus fold case, and MySQL's accents and trailing spaces as well.
#[tokio::test(flavor = "multi_thread")]
async fn e1_an_address_is_compared_by_its_bytes_whatever_the_collation() {
    for kind in Kind::SHARED {
        let Some(world) = World::on(kind, Mode::ReadOnly).await else { continue };
        let find = async |text: &str| {
            let found = world.store.find_by_email(&Email::parse(text).expect(text)).await.expect("reads");
            found.map(|user| user.id)
        };
        world
            .fixture
            .run(&format!("UPDATE directus_users SET email = 'jos\u{e9}@example.com' WHERE id = '{PW}'"))
            .await;
        assert_eq!(find("jose@example.com").await, None, "{kind:?}: an accent");
        assert_eq!(find("jos\u{e9}@example.com").await, Some(id(PW)), "{kind:?}");
        assert_eq!(find("JOSE\u{301}@Example.COM").await, Some(id(PW)), "{kind:?}: one address, however it is typed");
        assert_eq!(find("m\u{131}ke@example.com").await, None, "{kind:?}");
        assert_eq!(find("user@example.com").await, Some(id(USER)), "{kind:?}");

        // Put there by hand; a unique index that folds case does not let it.
        if kind != Kind::MySql {
            world.fixture.run(&format!("UPDATE directus_users SET email = 'USER@example.com' WHERE id = '{PW}'")).await;
            assert_eq!(find("user@example.com").await, Some(id(USER)), "{kind:?}: the one as Directus writes it");
            assert_eq!(find("USER@example.com").await, Some(id(USER)), "{kind:?}");
        }
        // Ids have one spelling.
        for other in [USER.to_uppercase(), USER.replace('-', ""), format!("{USER} "), "'".to_owned()] {
            assert!(world.store.find_by_id(&id(&other)).await.expect("reads").is_none(), "{kind:?} {other}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_or_a_factor_that_we_do_not_know_lets_nobody_in() {
    let world = World::on(Kind::Sqlite, Mode::ReadOnly).await.expect("always there");
    for (name, expected) in [
        ("invited", UserStatus::Invited),
        ("unverified", UserStatus::Unverified),
        ("archived", UserStatus::Inactive),
        ("Active", UserStatus::Inactive),
        ("active", UserStatus::Active),
    ] {
        world.fixture.run(&format!("UPDATE directus_users SET status = '{name}' WHERE id = '{USER}'")).await;
        let user = world.store.find_by_id(&id(USER)).await.expect("reads").expect("a user");
        assert_eq!(user.status, expected, "{name}");
    }
    world.fixture.run(&format!("UPDATE directus_users SET tfa_secret = 'no base32!' WHERE id = '{USER}'")).await;
    let outcome = world.login("user@example.com", "Passw0rd-user").await;
    assert_eq!(outcome.err(), Some(ErrorKind::InvalidCredentials), "the factor is not left out");
    world.fixture.run(&format!("UPDATE directus_users SET tfa_secret = '' WHERE id = '{USER}'")).await;
    world.login("user@example.com", "Passw0rd-user").await.expect("an empty secret is none");
}

#[tokio::test(flavor = "multi_thread")]
async fn users_of_one_database_and_sessions_in_another() {
    for kind in Kind::SHARED {
        let Some(fixture) = DirectusFixture::on(kind).await else { continue };
        let elsewhere = Database::fresh(Kind::Sqlite).await.expect("always there");
        let ours = elsewhere.store().await;
        let store = DirectusStore::connect(fixture.database.url(), ours, &config()).await.expect("opens");
        let auth = store.builder().config(config()).build().expect("a configuration");
        let tokens = auth.login(request("user@example.com", "Passw0rd-user"), &Default::default()).await.expect("in");
        auth.refresh(&pair(tokens).1, &Default::default()).await.expect("refreshes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_database_is_told_from_that_of_directus() {
    for kind in Kind::SHARED {
        let Some(database) = Database::fresh(kind).await else { continue };
        let ours: SeaOrmStore = database.store().await;
        let directus = DirectusDatabase::connect(database.url()).await.expect("connects");
        let error = directus.check().await.expect_err("there is no Directus");
        assert_eq!(error.table(), "directus_users", "{kind:?}");
        assert!(error.to_string().contains("upgraded to 11"), "{error}");
        drop(ours);
    }
}

/// What takes a statement more can be told from what does not.
#[tokio::test(flavor = "multi_thread")]
async fn g5_an_unknown_address_takes_as_many_statements_as_a_known_one() {
    let fixture = DirectusFixture::on(Kind::Sqlite).await.expect("always there");
    let ours = fixture.database.store().await;
    let mut db = fixture.database.connection().await;
    let count = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = count.clone();
    db.set_metric_callback(move |_| {
        counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    });
    let store = DirectusStore::new(DirectusDatabase::new(db), ours, &config()).expect("a configuration");
    let auth = store.builder().config(config()).build().expect("a configuration");
    let mut taken = Vec::new();
    // Once before it counts: whoever is seen for the first time is noted.
    for email in ["user@example.com", "user@example.com", "nobody@example.com", "susp@example.com", "sso@example.com"] {
        let login = auth.login(request(email, "Passw0rd-wrong"), &ClientInfo::default()).await;
        assert_eq!(super::kind(login).err(), Some(ErrorKind::InvalidCredentials));
        taken.push(count.swap(0, std::sync::atomic::Ordering::Relaxed));
    }
    assert!(taken[1] > 0 && taken[1] == taken[2], "{taken:?}");
}
