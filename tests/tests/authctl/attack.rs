//! What strangers wrote, shown to whoever has a shell; and what whoever has a shell must not give away.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use auth_core::store::SessionMode;
use auth_core::{ClientInfo, Email, LoginRequest, NewUser, Password, Role};
use auth_tests::directus::DirectusFixture;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::*;

/// Sets a title, clears the screen by one character, and turns the order of what follows.
const EVIL: &str = "\u{1b}]0;pwned\u{7}\u{9b}2J\u{202e}evil";

fn assert_harmless(outcome: &Outcome, what: &str) {
    let text = format!("{}{}", outcome.out, outcome.err);
    let steers = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(!text.contains(steers), "{what}: {outcome:#?}");
    assert!(text.contains("evil"), "{what} proves nothing: {outcome:#?}");
}

#[tokio::test]
async fn what_strangers_wrote_steers_no_terminal() {
    let Some(mut world) = World::migrated(Kind::Sqlite).await else { return };
    world.set("AUDIT_TRAIL", "1");
    let auth = world.server().await;
    let email = Email::parse("ada@example.com").expect("an address");
    let mut user = NewUser::new(email.clone(), Password::new(PASSWORD));
    user.role = Some(Role::new("\u{202e}evil").expect("is short"));
    let id = auth.create_user(user).await.expect("a user");
    let client = ClientInfo::new(Some([192, 0, 2, 7].into()), Some(EVIL));
    auth.open_session(&id, SessionMode::Json, &client).await.expect("a session");
    auth.login(LoginRequest::new(email, Password::new(PASSWORD)), &client).await.expect("signs in");
    auth.flush_events().await.expect("stores");
    // Behind the back of whatever checks what comes in.
    let db = world.database.as_ref().expect("a database").connection().await;
    sea_orm::ConnectionTrait::execute_unprepared(
        &db,
        &format!("UPDATE auth_session SET user_agent = '{EVIL}'; UPDATE auth_events SET user_agent = '{EVIL}'"),
    )
    .await
    .expect("updates");

    let token = [json!({"alg": EVIL, "kid": "evil"}), json!({"id": EVIL, "exp": 1, "\u{9b}2J\u{202e}": 5})]
        .map(|part| URL_SAFE_NO_PAD.encode(part.to_string()))
        .join(".");
    for format in [&[][..], &["--json"]] {
        for args in [
            &["session", "list", "ada@example.com"][..],
            &["audit", "tail"],
            &["user", "list"],
            &["user", "show", "ada@example.com"],
        ] {
            assert_harmless(world.run(&[args, format].concat()).succeeds(), &format!("{args:?} {format:?}"));
        }
        let inspect = world.run_with(&[&["token", "inspect"], format].concat(), &format!("{token}.c2ln"));
        assert_harmless(inspect.succeeds(), &format!("inspect {format:?}"));
    }
    let told = world.json(&["session", "list", "ada@example.com"]);
    assert_eq!(told["sessions"][0]["user_agent"], EVIL, "scripts get what is there");
}

/// Whoever sends a file of users, or filled the Directus that is left.
#[tokio::test]
async fn what_is_imported_steers_no_terminal() {
    let Some(world) = World::migrated(Kind::Sqlite).await else { return };
    let Some(directus) = DirectusFixture::on(Kind::Sqlite).await else { return };
    directus
        .run(&format!("UPDATE directus_users SET email = '{EVIL}', provider = '{EVIL}' WHERE email LIKE 'sso@%'"))
        .await;
    let good_header = world.write("users.csv", &format!("email,role\n{EVIL},{EVIL}\n"));
    let bad_header = world.write("columns.csv", &format!("email,{EVIL}\n"));
    for format in [&[][..], &["--json"]] {
        let lines = world.run(&[&["user", "add", "--from", &good_header], format].concat());
        assert_harmless(lines.ends(1), &format!("lines {format:?}"));
        let header = world.run(&[&["user", "add", "--from", &bad_header], format].concat());
        assert_harmless(header.ends(4), &format!("header {format:?}"));
        let users = world.run(&[&["import", "directus", directus.database.url(), "--dry-run"], format].concat());
        assert_harmless(users.ends(1), &format!("users {format:?}"));
    }
}

/// Whoever lists processes sees arguments: there is no option that takes a secret. What holds one is for its owner alone,
/// however the umask is.
#[test]
fn no_secret_is_an_argument_and_no_key_is_for_others() {
    let world = World::without_database();
    for args in [
        &["user", "add", "ada@example.com", "--password", "correct horse"][..],
        &["user", "set-password", "ada@example.com", "correct horse"],
        &["token", "verify", "eyJhbGciOiJIUzI1NiJ9.e30.c2ln"],
        &["doctor", "--secret", SECRET],
    ] {
        world.run(args).ends(2);
    }
    let program = env!("CARGO_BIN_EXE_ctl");
    let line = format!("umask 0; {program} init && SIGNING_KEYS=file:keys.pem exec {program} key rotate");
    let mut shell = Command::new("sh");
    let output = shell.args(["-c", &line]).env_clear().current_dir(world.folder.path()).output().expect("a shell");
    assert!(output.status.success(), "{output:?}");
    let mut files = 0;
    for entry in fs::read_dir(world.folder.path()).expect("a folder") {
        let entry = entry.expect("an entry");
        let mode = entry.metadata().expect("is there").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.path());
        files += 1;
    }
    assert!(files >= 2, "init wrote two");
}
