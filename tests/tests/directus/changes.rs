//! What is changed in Directus ends sessions here, although nobody tells us (requirement R9).

use auth_core::store::FactorStore as _;
use auth_core::{ErrorKind, store::SessionMode};
use auth_testkit::contract::Authenticator;
use auth_tests::databases::Kind;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn r9_every_change_of_credentials_in_directus_ends_the_sessions() {
    for kind in Kind::SHARED {
        let Some(world) = World::on(kind, Mode::ReadOnly).await else { continue };
        let open = async || {
            let client = ClientInfo::default();
            let pair = pair(world.auth.open_session(&id(USER), SessionMode::Json, &client).await.expect("a session"));
            let cookie = world.auth.open_session(&id(USER), SessionMode::Session, &client).await.expect("a session");
            let Grant::Session(cookie) = cookie.grant else { panic!("in this mode") };
            (pair.1, cookie)
        };
        for change in [
            format!("password = '{}'", "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHRzYWx0$aGFzaA"),
            "tfa_secret = 'JBSWY3DPEHPK3PXQ'".to_owned(),
            "tfa_secret = NULL".to_owned(),
            "email = 'other@example.com'".to_owned(),
            "provider = 'google'".to_owned(),
            format!("role = '{ADMINISTRATOR}'"),
        ] {
            let (refresh, cookie) = open().await;
            world.fixture.run(&format!("UPDATE directus_users SET last_page = '/x' WHERE id = '{USER}'")).await;
            let (_, refresh) = pair(world.refresh(&refresh).await.expect("nothing that matters changed"));
            world.auth.verify_session(&cookie).await.expect("nothing that matters changed");

            world.fixture.run(&format!("UPDATE directus_users SET {change} WHERE id = '{USER}'")).await;
            let cookie = kind_of(world.auth.verify_session(&cookie).await);
            assert_eq!(cookie, Some(ErrorKind::InvalidToken), "{kind:?} {change}: the first use after it");
            // Also within the grace, in which nothing is written.
            assert_eq!(world.refresh(&refresh).await.err(), Some(ErrorKind::SessionOver), "{kind:?} {change}");
        }
        let (refresh, _) = open().await;
        world.fixture.run(&format!("UPDATE directus_users SET status = 'suspended' WHERE id = '{USER}'")).await;
        assert_eq!(world.refresh(&refresh).await.err(), Some(ErrorKind::SessionOver), "{kind:?}");
        world.fixture.run(&format!("UPDATE directus_users SET status = 'active' WHERE id = '{USER}'")).await;
        assert_eq!(world.refresh(&refresh).await.err(), Some(ErrorKind::SessionOver), "{kind:?}: revived");
    }
}

fn kind_of<T>(result: Result<T, AuthError>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

/// The secret that counts is the one that Directus has now; a code of one that stays counts once all the same.
#[tokio::test(flavor = "multi_thread")]
async fn m1_m5_the_factor_here_follows_the_one_in_directus() {
    for kind in Kind::SHARED {
        let Some(world) = World::on(kind, Mode::ReadOnly).await else { continue };
        let set = async |change: &str| {
            world.fixture.run(&format!("UPDATE directus_users SET {change} WHERE id = '{TFA}'")).await;
        };
        let login = async |code: &str| world.login_with("tfa@example.com", "Passw0rd-tfa", code).await.map(drop);
        let now = world.clock.now();
        let (first, second) = (Authenticator::new("JBSWY3DPEHPK3PXP"), Authenticator::new("GEZDGNBVGY3TQOJQ"));
        assert_eq!(login(&first.code(now)).await, Ok(()), "{kind:?}");
        set("role = NULL, email = 'tfa2@example.com'").await;
        set("email = 'tfa@example.com'").await;
        assert_eq!(login(&first.code(now)).await, Err(ErrorKind::InvalidOtp), "{kind:?}: a code taken twice");

        set("tfa_secret = 'GEZDGNBVGY3TQOJQ'").await;
        assert_eq!(login(&first.code_after(now, 1)).await, Err(ErrorKind::InvalidOtp), "{kind:?}: the old secret");
        assert_eq!(login(&second.code(now)).await, Ok(()), "{kind:?}");
        set("tfa_secret = NULL").await;
        assert_eq!(world.login("tfa@example.com", "Passw0rd-tfa").await.map(drop), Ok(()), "{kind:?}");
        assert!(world.ours.second_factor(&id(TFA)).await.expect("reads").active.is_none(), "{kind:?}");
    }
}

/// Many requests find out about one change: the sessions end once, and one that is opened after it lives.
#[tokio::test(flavor = "multi_thread")]
async fn r9_many_find_out_about_one_change() {
    for kind in Kind::SHARED {
        let Some(world) = World::on(kind, Mode::ReadOnly).await else { continue };
        let client = ClientInfo::default();
        world.auth.open_session(&id(USER), SessionMode::Json, &client).await.expect("a session");
        let before = world.ours.epoch(&id(USER)).await.expect("reads");
        world.fixture.run(&format!("UPDATE directus_users SET email = 'new@example.com' WHERE id = '{USER}'")).await;
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let auth = world.auth.clone();
            tasks.spawn(async move { auth.find_user(&id(USER)).await.expect("reads").expect("a user").epoch });
        }
        let epochs = tasks.join_all().await;
        let after = world.ours.epoch(&id(USER)).await.expect("reads");
        assert_eq!(after.0, before.0 + 1, "{kind:?}");
        assert!(epochs.iter().all(|epoch| *epoch == Some(after)), "{kind:?}: {epochs:?}");
    }
}
