//! Keys that rotate while two services run: the one that signs and publishes, and one that only checks.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

use std::time::Duration;

use auth_core::store::SessionMode;
use auth_core::store::memory::MemoryStore;
use auth_core::{
    Auth, AuthConfig, ClientInfo, Email, ErrorKind, Grant, JwksUrl, KeyAlgorithm, KeyRing, MfaRequired, NewUser,
    Password, RevocationFeed, TokenKey, UserId, Verifier,
};
use auth_testkit::ManualClock;
use auth_testkit::contract::Request;
use auth_tests::servers::{Framework, Server};
use serde_json::{Value, json};

const PASSWORD: &str = "correct horse battery staple";

fn key(algorithm: KeyAlgorithm) -> TokenKey {
    let pem = TokenKey::generate_pem(algorithm).expect("random bytes");
    TokenKey::from_pem(pem.expose_secret()).expect("ours")
}

fn config(keys: KeyRing) -> AuthConfig {
    let mut config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
    config.signing_keys = Some(keys);
    config
}

async fn issuer(config: AuthConfig) -> (Auth, UserId) {
    let auth = Auth::builder(MemoryStore::new()).config(config).build().expect("a configuration");
    let email = Email::parse("ada@example.com").expect("an address");
    let user = auth.create_user(NewUser::new(email, Password::new(PASSWORD))).await.expect("a user");
    (auth, user)
}

async fn sign_in(server: &Server) -> String {
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    let response = Request::post("/auth/login").json(&body).send(server.addr).await;
    response.json()["data"]["access_token"].as_str().expect("a token").to_owned()
}

async fn published(server: &Server) -> Value {
    let response = Request::get("/auth/jwks").send(server.addr).await;
    assert_eq!(response.status, 200, "{response}");
    response.json()
}

/// What the service that signs and the one that checks say of a token.
async fn statuses(issuer: &Server, service: &Server, token: &str) -> [u16; 2] {
    let here = Request::get("/guarded").bearer(token).send(issuer.addr).await;
    let there = Request::get("/").bearer(token).send(service.addr).await;
    assert!(there.status != 200 || there.json()["user"].is_string(), "{there}");
    [here.status, there.status]
}

fn verifier(issuer: &Server) -> Verifier {
    let url = JwksUrl::parse(&format!("http://{}/auth/jwks", issuer.addr)).expect("this machine");
    Auth::verifier(url).build().expect("a configuration")
}

/// Both frameworks on either side: two keys verify during the overlap, one signs, and a removed one stops its tokens.
#[tokio::test(flavor = "multi_thread")]
async fn j11_a_rotation_over_two_services() {
    for framework in Framework::ALL {
        let [old, next] = [key(KeyAlgorithm::EdDsa), key(KeyAlgorithm::Es256)];
        let ring = |signing: &TokenKey, verifying: &TokenKey| {
            KeyRing::new(signing.clone()).and_then(|ring| ring.verifying(verifying.clone())).expect("two keys")
        };
        let (auth, _) = issuer(config(KeyRing::new(old.clone()).expect("signs"))).await;
        let server = framework.serve(&auth, "").await;
        let verifier = verifier(&server);
        let service = framework.serve_guarded(verifier.guard()).await;

        // The next key is published before it signs, so that nobody has to ask in a hurry.
        auth.replace_keys(&ring(&old, &next)).expect("good");
        let first = sign_in(&server).await;
        assert_eq!(statuses(&server, &service, &first).await, [200, 200]);
        let kids: Vec<_> = published(&server).await["keys"].as_array().expect("keys").iter().map(kid).collect();
        assert_eq!(kids, [old.kid(), next.kid()].map(|kid| kid.expect("a name").to_owned()));

        auth.replace_keys(&ring(&next, &old)).expect("good");
        let second = sign_in(&server).await;
        for token in [&first, &second] {
            assert_eq!(statuses(&server, &service, token).await, [200, 200]);
        }

        auth.replace_keys(&KeyRing::new(next).expect("signs")).expect("good");
        assert_eq!(statuses(&server, &service, &first).await, [401, 200], "it has not asked again");
        assert_eq!(statuses(&server, &service, &second).await, [200, 200]);
        assert_eq!(published(&server).await["keys"].as_array().map(Vec::len), Some(1));
        let one_left = KeyRing::verify_only(vec![]).expect("an empty ring");
        verifier.replace_keys(&one_left).expect("good");
        assert_eq!(statuses(&server, &service, &second).await, [200, 401], "a key that is removed there stops there");
    }
}

fn kid(key: &Value) -> String {
    assert_eq!(key.as_object().map(|members| members.contains_key("d")), Some(false), "{key}");
    key["kid"].as_str().expect("a name").to_owned()
}

/// From the secret to a key pair without signing anybody out.
#[tokio::test]
async fn j11_a_secret_is_followed_by_a_key_pair() {
    let (auth, user) = issuer(AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7")).await;
    let token = access(&auth, &user).await;
    let secret = TokenKey::hs256("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7").expect("long enough");
    let next = key(KeyAlgorithm::EdDsa);
    let both = KeyRing::new(next.clone()).and_then(|ring| ring.verifying(secret)).expect("two keys");
    auth.replace_keys(&both).expect("good");
    assert!(auth.verify(&token).is_ok());
    let after = access(&auth, &user).await;
    auth.replace_keys(&KeyRing::new(next).expect("signs")).expect("good");
    assert_eq!(auth.verify(&token).expect_err("gone").kind(), ErrorKind::InvalidToken);
    assert!(auth.verify(&after).is_ok());
    let public = KeyRing::verify_only([key(KeyAlgorithm::EdDsa)]).expect("a key");
    assert_eq!(auth.replace_keys(&public).expect_err("no key signs").field(), "signing_keys");
    assert!(auth.verify(&after).is_ok(), "the old ones stay");
}

async fn access(auth: &Auth, user: &UserId) -> String {
    let tokens = auth.open_session(user, SessionMode::Json, &ClientInfo::default()).await.expect("a session");
    let Grant::Pair { access, .. } = tokens.grant else { panic!("a pair") };
    access.expose_secret().to_owned()
}

/// A token that was verified before, and is remembered, is refused once its session was revoked.
#[tokio::test]
async fn r8_a_remembered_token_is_refused_once_its_session_was_revoked() {
    let mut config = config(KeyRing::new(key(KeyAlgorithm::EdDsa)).expect("signs"));
    config.revocation_feed = Some(RevocationFeed::default());
    let (auth, user) = issuer(config).await;
    let token = access(&auth, &user).await;
    auth.poll_revocations().await.expect("is up");
    for _ in 0..3 {
        assert!(auth.verify(&token).is_ok());
    }
    auth.end_sessions_of(&user).await.expect("ends");
    auth.poll_revocations().await.expect("is up");
    assert_eq!(auth.verify(&token).expect_err("revoked").kind(), ErrorKind::InvalidToken);
}

/// Whoever must set up a second factor first gets the same answer from every service.
#[tokio::test]
async fn j8_an_enrolment_token_opens_no_other_service() {
    for framework in Framework::ALL {
        let mut config = config(KeyRing::new(key(KeyAlgorithm::EdDsa)).expect("signs"));
        config.mfa_required = MfaRequired::Everybody;
        let (auth, user) = issuer(config).await;
        let server = framework.serve(&auth, "").await;
        let service = framework.serve_guarded(verifier(&server).guard()).await;
        let token = access(&auth, &user).await;
        // The service knows no key yet, and has to ask for this one first.
        assert_eq!(statuses(&server, &service, &token).await, [403, 403]);
    }
}

#[tokio::test]
async fn a_service_that_only_checks_takes_no_session_cookie_and_no_other_audience() {
    let mut config = config(KeyRing::new(key(KeyAlgorithm::EdDsa)).expect("signs"));
    config.audience = Some("notes".to_owned());
    let public = TokenKey::from_pem(&config.signing_keys.as_ref().expect("keys").keys()[0].public_pem().expect("one"));
    let keys = KeyRing::verify_only([public.expect("ours")]).expect("a key");
    let clock = ManualClock::stopped();
    let auth = Auth::builder(MemoryStore::new()).config(config).clock(clock.clone()).build().expect("a configuration");
    let email = Email::parse("ada@example.com").expect("an address");
    let user = auth.create_user(NewUser::new(email, Password::new(PASSWORD))).await.expect("a user");
    let token = access(&auth, &user).await;
    let checks = |audience: Option<&str>, issuer: &str| {
        let builder = Auth::verifier(keys.clone()).issuer(issuer).clock(clock.clone());
        let builder = match audience {
            Some(audience) => builder.audience(audience),
            None => builder,
        };
        builder.build().expect("a configuration")
    };
    let notes = checks(Some("notes"), "auth");
    assert_eq!(notes.verify(&token).expect("good").user(), &user);
    for other in [checks(Some("mail"), "auth"), checks(None, "auth"), checks(Some("notes"), "elsewhere")] {
        assert_eq!(other.verify(&token).expect_err("not for it").kind(), ErrorKind::InvalidToken);
    }
    let tokens = auth.open_session(&user, SessionMode::Session, &ClientInfo::default()).await.expect("a session");
    let Grant::Session(session) = tokens.grant else { panic!("a session token") };
    assert_eq!(notes.verify(session.expose_secret()).expect_err("no access token").kind(), ErrorKind::InvalidToken);
    clock.advance(Duration::from_secs(900));
    assert_eq!(notes.verify(&token).expect_err("over").kind(), ErrorKind::TokenExpired);
}
