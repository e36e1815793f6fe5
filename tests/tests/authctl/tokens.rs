//! Tokens: made for a user, read, and checked.

use auth_core::store::memory::MemoryStore;
use auth_core::{ErrorKind, UserId};
use auth_testkit::contract::forge;
use auth_tests::servers::Framework;

use super::*;

#[tokio::test]
async fn a_token_that_was_issued_counts_at_the_server_until_its_session_ends() {
    for kind in Kind::SHARED {
        let Some(world) = World::migrated(kind).await else { continue };
        let id = world.add(&["ada@example.com", "--role", "editor"]);
        let issued = world.run(&["token", "issue", "ada@example.com", "--minutes", "2"]);
        let token = issued.succeeds().out.trim().to_owned();
        let (auth, _) = world.auth().await;
        let identity = auth.verify(&token).expect("counts");
        assert_eq!(identity.user(), &UserId::new(&id).expect("an id"), "{kind:?}");
        let lives =
            identity.expires_at().expect("expires").as_secs() - identity.issued_at().expect("is dated").as_secs();
        assert_eq!(lives, 120, "{kind:?}");
        // The user sees it, and so does whoever looks for it.
        let sessions = world.json(&["session", "list", &id]);
        assert_eq!(sessions["sessions"][0]["user_agent"], "authctl token issue", "{kind:?} {sessions}");
        assert!(issued.err.contains(sessions["sessions"][0]["id"].as_str().expect("an id")), "{issued:?}");
        world.run(&["session", "revoke", "--user", &id]).succeeds();
        assert_eq!(auth.sessions(&identity).await.expect_err("is over").kind(), ErrorKind::InvalidToken);

        world.run(&["user", "suspend", &id]).succeeds();
        world.run(&["token", "issue", &id]).refuses(&["suspended", "authctl user activate"]);
        world.run(&["token", "issue", &id, "--minutes", "61"]).ends(2);
    }
}

#[tokio::test]
async fn a_token_is_read_without_being_believed() {
    let Some(world) = World::migrated(Kind::Sqlite).await else { return };
    world.add(&["ada@example.com"]);
    let token = world.run(&["token", "issue", "ada@example.com"]).succeeds().out.clone();
    let (start, _) = token.trim().rsplit_once('.').expect("three parts");
    for token in [token.trim().to_owned(), format!("Bearer {start}.forged")] {
        world.run_with(&["token", "inspect"], &token).succeeds().says(&["NOT VERIFIED", "\"iss\": \"auth\"", "T"]);
        let json = world.run_with(&["token", "inspect", "--json"], &token).succeeds().json();
        assert_eq!((&json["verified"], &json["claims"]["aal"]), (&false.into(), &1.into()));
    }
    world.run_with(&["token", "inspect"], "nonsense").refuses(&["no JWT"]);
    world.run_with(&["token", "inspect"], "a.b!.c").refuses(&["base64url"]);
    world.run_with(&["token", "inspect"], "").refuses(&["standard input is empty"]);
    world.run(&["token", "inspect", &token]).ends(2);
}

#[tokio::test]
async fn a_token_that_does_not_count_is_told_why() {
    let Some(mut world) = World::migrated(Kind::Sqlite).await else { return };
    world.add(&["ada@example.com"]);
    let token = world.run(&["token", "issue", "ada@example.com"]).succeeds().out.clone();
    let verify =
        |world: &World, args: &[&str], token: &str| world.run_with(&[&["token", "verify"], args].concat(), token);
    assert_eq!(verify(&world, &["--json"], &token).succeeds().json()["valid"], true);
    let (start, _) = token.trim().rsplit_once('.').expect("three parts");
    verify(&world, &[], &format!("{start}.forged")).ends(1).says(&["not valid", "signature is not right"]);
    verify(&world, &[], "nonsense").ends(1).says(&["no JWT"]);
    verify(&world, &[], "").refuses(&["standard input is empty"]);

    let file = world.path("keys.pem");
    world.run(&["key", "generate", "--file", &file]).succeeds();
    world.set("SIGNING_KEYS", &format!("file:{file}"));
    verify(&world, &[], &token).ends(1).says(&["signature is not right"]);
    let signed = world.run(&["token", "issue", "ada@example.com"]).succeeds().out.clone();
    verify(&world, &[], &signed).succeeds().says(&["valid"]);
    verify(&world, &["--jwks", &file], &signed).succeeds();
    verify(&world, &["--jwks", &file, "--issuer", "elsewhere"], &signed).ends(1).says(&["issuer is auth", "elsewhere"]);
    verify(&world, &["--jwks", &file, "--audience", "notes"], &signed).ends(1).says(&["notes is expected"]);
    world.run(&["key", "generate", "--file", &file, "--force"]).succeeds();
    verify(&world, &["--jwks", &file], &signed).ends(1).says(&["signed with the key", "not among these"]);
    verify(&world, &["--jwks", "http://other.example.com/jwks"], &signed).refuses(&["https"]);
    verify(&world, &["--jwks", "https://127.0.0.1:1/jwks"], &signed).refuses(&["cannot be fetched"]);
    verify(&world, &["--jwks", "nowhere.json"], &signed).refuses(&["cannot be read"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn j11_a_token_is_checked_by_the_keys_that_a_server_publishes() {
    let Some(mut world) = World::migrated(Kind::Sqlite).await else { return };
    world.add(&["ada@example.com"]);
    let file = world.path("keys.pem");
    world.run(&["key", "generate", "--file", &file]).succeeds();
    let mut config = AuthConfig::new(SECRET);
    let text = std::fs::read_to_string(&file).expect("is there");
    config.signing_keys = Some(auth_core::KeyRing::parse(&text).expect("keys"));
    let auth = Auth::builder(MemoryStore::new()).config(config).build().expect("a configuration");
    let server = Framework::ALL[0].serve(&auth, "").await;
    world.set("SIGNING_KEYS", &format!("file:{file}"));
    let token = world.run(&["token", "issue", "ada@example.com"]).succeeds().out.clone();
    // Whoever checks has neither the secret nor the keys.
    world.settings.retain(|(name, _)| !["SECRET", "SIGNING_KEYS", "DATABASE_URL"].contains(name));
    let url = format!("http://{}/auth/jwks", server.addr);
    let header = forge::encode(r#"{"alg":"EdDSA","typ":"JWT","kid":"k-of-another"}"#);
    let (_, rest) = token.split_once('.').expect("three parts");
    let of_another = format!("{header}.{rest}");
    let verified = tokio::task::spawn_blocking(move || {
        [token, of_another].map(|token| world.run_with(&["token", "verify", "--jwks", &url], &token))
    });
    let [good, of_another] = verified.await.expect("ends");
    good.succeeds().says(&["valid"]);
    of_another.ends(1).says(&["signed with the key k-of-another", "not among these"]);
}
