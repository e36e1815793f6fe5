//! Whoever is the first to look after a change in Directus sees it at once: a link, a token, a demand for a factor.

use auth_core::{ErrorKind, MfaRequired, NewPersonalToken, PersonalTokens, Role, TokenName};
use auth_testkit::contract::forge;
use auth_testkit::mail::{MemoryMailer, token_in};
use auth_tests::databases::Kind;
use serde_json::json;

use super::*;

const CHANGES: [&str; 3] =
    ["email = 'moved@example.com'", "role = 'e45e7e8d-9012-4199-8eaf-ad184fc8f519'", "tfa_secret = 'JBSWY3DPEHPK3PXQ'"];

/// Over the users of `world`, with mails and tokens.
fn auth(world: &World, mailer: &MemoryMailer) -> Auth {
    let mut config = config();
    config.public_url = Some("https://auth.example.com".to_owned());
    config.personal_tokens = Some(PersonalTokens::default());
    let builder = world.store.builder().config(config).clock(world.clock.clone());
    builder.mailer(mailer.clone()).build().expect("a configuration")
}

async fn change(world: &World, change: &str) {
    world.fixture.run(&format!("UPDATE directus_users SET {change} WHERE id = '{USER}'")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s2_a_link_is_void_once_the_user_changed_in_directus() {
    for kind in Kind::SHARED {
        for what in CHANGES {
            let Some(world) = World::on(kind, Mode::Writable).await else { continue };
            let mailer = MemoryMailer::new();
            let auth = auth(&world, &mailer);
            world.login("user@example.com", "Passw0rd-user").await.expect("in");
            let email = Email::parse("user@example.com").expect("an address");
            auth.request_password_reset(email, None).await.expect("asks");
            let token = token_in(mailer.next().await.text());
            change(&world, what).await;
            let reset = auth.reset_password(&token, Password::new("the thief's own"), &ClientInfo::default()).await;
            assert_eq!(super::kind(reset), Err(ErrorKind::LinkUsed), "{kind:?} {what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r9_a_personal_token_ends_at_the_first_use_after_a_change_in_directus() {
    for kind in Kind::SHARED {
        for what in CHANGES {
            let Some(world) = World::on(kind, Mode::ReadOnly).await else { continue };
            let auth = auth(&world, &MemoryMailer::new());
            let client = ClientInfo::default();
            let (access, _) = pair(world.login("user@example.com", "Passw0rd-user").await.expect("in"));
            let identity = auth.verify(access.expose_secret()).expect("good");
            let request = NewPersonalToken::new(TokenName::new("a program").expect("a name"));
            let (_, token) = auth.create_personal_token(&identity, request, &client).await.expect("a token");
            auth.verify_opaque(&token, &client).await.expect("good");
            change(&world, what).await;
            let used = super::kind(auth.verify_opaque(&token, &client).await.map(drop));
            assert_eq!(used, Err(ErrorKind::InvalidToken), "{kind:?} {what}");
        }
    }
}

/// Directus asks for no code where we do: a login there does not get around it.
#[test]
fn m5_a_login_at_directus_is_no_way_around_a_demanded_factor() {
    let clock = ManualClock::stopped();
    let mut config = config();
    config.mfa_required = MfaRequired::Roles(vec![Role::new(ADMINISTRATOR).expect("a role")]);
    let store = auth_core::store::memory::MemoryStore::new();
    let auth = Auth::builder(store).config(config).clock(clock.clone()).build().expect("a configuration");
    let now = clock.now().as_secs();
    for (role, outcome) in [(ADMINISTRATOR, Err(ErrorKind::EnrolmentRequired)), (USER, Ok(()))] {
        let claims = json!({"id": ADMIN, "role": role, "app_access": true, "admin_access": true, "iat": now,
            "exp": now + 900, "iss": "directus"});
        let token = forge::hs256(SECRET.as_bytes(), forge::ACCESS_HEADER, &claims.to_string());
        assert_eq!(kind(auth.verify(&token)).map(drop), outcome, "{role}");
    }
}
