//! The audit trail, read at a shell; and what is done at a shell, in the trail.

use std::io::{BufRead as _, BufReader};

use auth_core::store::{EventRecord, EventStore as _};
use auth_core::{ClientInfo, Clock as _, Email, ErrorKind, LoginRequest, Password};

use super::*;

#[tokio::test]
async fn what_happened_is_told_and_so_is_what_is_done_at_the_shell() {
    for kind in Kind::SHARED {
        let Some(mut world) = World::migrated(kind).await else { continue };
        world.run(&["audit", "tail"]).succeeds().says(&["nothing is recorded", "AUDIT_TRAIL"]);
        world.set("AUDIT_TRAIL", "1");
        let id = world.add(&["ada@example.com"]);
        let server = world.server().await;
        assert_eq!(login(&server, "wrong").await, Err(ErrorKind::InvalidCredentials));
        assert_eq!(login(&server, PASSWORD).await, Ok(()));
        server.flush_events().await.expect("is up");
        world.run(&["user", "suspend", &id]).succeeds();

        let kinds = |args: &[&str]| -> Vec<String> {
            let tail = world.json(&[&["audit", "tail"], args].concat());
            let events = tail["events"].as_array().expect("events");
            events.iter().map(|event| event["type"].as_str().expect("a name").to_owned()).collect()
        };
        let all = kinds(&[]);
        let places = ["user_created", "login_failed", "login_succeeded", "user_changed"]
            .map(|name| all.iter().position(|kind| kind == name).unwrap_or_else(|| panic!("no {name}: {all:?}")));
        assert!(places.is_sorted(), "{kind:?}: the newest is at the end: {all:?}");
        assert_eq!(kinds(&["--kind", "login_failed"]), ["login_failed"]);
        assert_eq!(kinds(&["-n", "1", "--user", "ada@example.com"]), ["user_changed"], "{kind:?}");
        world.run(&["audit", "tail"]).succeeds().says(&["refused", "192.0.2.7", &id, "what status"]);
        for nobody in ["bob@example.com", "nobody"] {
            world.run(&["audit", "tail", "--user", nobody]).refuses(&["no such user"]);
        }
        // What happened to somebody is there when they are gone.
        world.run(&["user", "delete", &id, "--yes"]).succeeds();
        let last = kinds(&["--user", &id]);
        assert_eq!(last.last().map(String::as_str), Some("user_deleted"), "{kind:?} {last:?}");
    }
}

#[tokio::test]
async fn whoever_follows_sees_what_happens_now() {
    let Some(mut world) = World::migrated(Kind::Sqlite).await else { return };
    world.set("AUDIT_TRAIL", "1");
    let ada = auth_core::UserId::new(&world.add(&["ada@example.com"])).expect("an id");
    let server = world.server().await;
    assert_eq!(login(&server, PASSWORD).await, Ok(()));
    server.flush_events().await.expect("is up");
    let mut process =
        world.command(&["audit", "tail", "--follow", "--json", "--user", "ada@example.com"]).spawn().expect("starts");
    let mut lines = BufReader::new(process.stdout.take().expect("is piped")).lines();
    let mut until = |name: &str| {
        for line in lines.by_ref() {
            let event: Value = serde_json::from_str(&line.expect("text")).expect("an object a line");
            if event["type"] == name {
                return;
            }
        }
        panic!("it ended before {name}");
    };
    until("login_succeeded");
    world.run(&["user", "suspend", "ada@example.com"]).succeeds();
    until("user_changed");
    // What was counted comes later than it happened, and behind what is known.
    let old = auth_core::SystemClock.now().before(std::time::Duration::from_secs(4 * 60));
    let id = auth_core::UserId::generate(old, &auth_core::SystemRandom::new()).expect("random bytes");
    let late = EventRecord {
        id: id.as_str().parse().expect("is a UUIDv7"),
        at: old,
        kind: auth_core::EventName::new("login_throttled").expect("is short"),
        times: 5000,
        outcome: auth_core::Outcome::Refused,
        user: Some(ada),
        actor: None,
        session: None,
        token: None,
        ip: None,
        user_agent: None,
        details: None,
    };
    world.database.as_ref().expect("a database").store().await.append_events(&[late]).await.expect("appends");
    until("login_throttled");
    process.kill().expect("runs on");
    process.wait().expect("ends");
}

async fn login(server: &Auth, password: &str) -> Result<(), ErrorKind> {
    let email = Email::parse("ada@example.com").expect("an address");
    let client = ClientInfo::new(Some([192, 0, 2, 7].into()), None);
    let request = LoginRequest::new(email, Password::new(password));
    server.login(request, &client).await.map(drop).map_err(|error| error.kind())
}
