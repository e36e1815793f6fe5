//! Sessions, seen from outside.

use auth_core::store::SessionMode;
use auth_core::{ClientInfo, UserId};
use sea_orm::ConnectionTrait as _;

use super::*;

#[tokio::test]
async fn r12_sessions_are_listed_and_ended() {
    for kind in Kind::SHARED {
        let Some(mut world) = World::migrated(kind).await else { continue };
        world.set("AUDIT_TRAIL", "1");
        let id = UserId::new(&world.add(&["ada@example.com"])).expect("an id");
        let (auth, _) = world.auth().await;
        let client = ClientInfo::new(Some([192, 0, 2, 7].into()), Some("a browser"));
        let mut opened = Vec::new();
        for mode in [SessionMode::Json, SessionMode::Session, SessionMode::Cookie] {
            opened.push(auth.open_session(&id, mode, &client).await.expect("a session").session.to_string());
        }
        let alive = || -> Vec<String> {
            let list = world.json(&["session", "list", "ada@example.com"]);
            let sessions = list["sessions"].as_array().expect("sessions");
            assert!(sessions.iter().all(|one| one["ip"] == "192.0.2.7" && one["user_agent"] == "a browser"), "{list}");
            let mut ids: Vec<_> = sessions.iter().map(|one| one["id"].as_str().expect("an id").to_owned()).collect();
            ids.sort();
            ids
        };
        assert_eq!(alive(), opened, "{kind:?}");
        world.run(&["session", "revoke", &opened[0]]).succeeds().says(&["ended", &opened[0]]);
        assert_eq!(alive(), opened[1..], "{kind:?}");
        world.run(&["session", "revoke", &opened[0]]).ends(1).says(&["not alive", &opened[0]]);
        // Both at once: one was over before, and only the other is an event.
        world.run(&["session", "revoke", &opened[0], &opened[1]]).ends(1).says(&["ended", &opened[1], "not alive"]);
        let events = world.json(&["audit", "tail", "--kind", "session_ended"])["events"].clone();
        let told: Vec<_> = events.as_array().expect("events").iter().map(|event| &event["session"]).collect();
        assert_eq!(told, [opened[0].as_str(), opened[1].as_str()], "{kind:?} {events}");
        assert_eq!(events[0]["user"], id.as_str(), "{kind:?} {events}");
        world.run(&["session", "revoke", "what"]).ends(2).says(&["UUID"]);
        assert_eq!(world.json(&["session", "revoke", "--user", "ada@example.com"])["ended"], 1, "{kind:?}");
        assert!(alive().is_empty());
        world.run(&["session", "list", "bob@example.com"]).refuses(&["no such user"]);
    }
}

#[tokio::test]
async fn f6_what_expired_long_ago_is_removed() {
    for kind in Kind::SHARED {
        let Some(world) = World::migrated(kind).await else { continue };
        let id = UserId::new(&world.add(&["ada@example.com"])).expect("an id");
        let (auth, _) = world.auth().await;
        for _ in 0..3 {
            auth.open_session(&id, SessionMode::Json, &ClientInfo::default()).await.expect("a session");
        }
        assert_eq!(world.json(&["session", "purge"])["sessions"], 0, "{kind:?}");
        let db = world.database.as_ref().expect("a database").connection().await;
        let month = 30 * 86_400_000_i64;
        db.execute_unprepared(&format!("UPDATE auth_session SET idle_expires_at = idle_expires_at - {month}"))
            .await
            .expect("ages");
        db.close().await.expect("closes");
        assert_eq!(world.json(&["session", "purge", "--days", "60"])["sessions"], 0, "{kind:?}");
        assert_eq!(world.json(&["session", "purge"])["sessions"], 3, "{kind:?}");
    }
}
