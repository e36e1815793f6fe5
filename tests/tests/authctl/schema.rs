//! Databases that are away, empty, old, new or locked.

use sea_orm::ConnectionTrait as _;

use super::*;

#[tokio::test]
async fn tables_are_made_looked_at_and_taken_back() {
    for kind in Kind::SHARED {
        let Some(world) = World::on(kind).await else { continue };
        let statuses = |report: &Value| -> Vec<String> {
            let all = report["migrations"].as_array().expect("migrations");
            all.iter().map(|one| one["status"].as_str().expect("a status").to_owned()).collect()
        };
        let before = world.run(&["migrate", "--status", "--json"]);
        assert!(statuses(&before.ends(3).json()).iter().all(|status| status == "pending"), "{kind:?} {before:?}");
        // Looking made nothing.
        world.run(&["user", "list"]).refuses(&["none of our tables", "authctl migrate"]);
        let made = world.json(&["migrate"])["applied"].as_array().expect("names").len();
        assert_eq!(made, statuses(&world.json(&["migrate", "--status"])).len(), "{kind:?}");
        assert_eq!(world.json(&["migrate"])["applied"].as_array().map(Vec::len), Some(0), "{kind:?}: a second time");

        world.run(&["migrate", "--down"]).refuses(&["will be lost", "--yes", "Nothing was done"]);
        world.run(&["migrate", "--status"]).succeeds();
        world.run(&["migrate", "--down", "2", "--yes"]).succeeds();
        world.run(&["user", "list"]).refuses(&["not up to date", "2 migrations", "authctl migrate"]);
        let after = statuses(&world.run(&["migrate", "--status", "--json"]).ends(3).json());
        assert_eq!(after.iter().filter(|status| *status == "pending").count(), 2, "{kind:?}");
        world.run(&["migrate"]).succeeds();
        world.run(&["migrate", "--down", "99", "--yes"]).succeeds();
        world.run(&["migrate"]).succeeds();
        world.run(&["user", "list"]).succeeds();
    }
}

#[tokio::test]
async fn the_tables_of_a_newer_version_are_left_alone() {
    for kind in Kind::SHARED {
        let Some(world) = World::migrated(kind).await else { continue };
        let db = world.database.as_ref().expect("a database").connection().await;
        let insert = "INSERT INTO auth_migrations (version, applied_at) VALUES ('auth_m29990101_000001_flying', 0)";
        db.execute_unprepared(insert).await.expect("inserts");
        db.close().await.expect("closes");
        for args in [&["user", "list"][..], &["migrate"], &["migrate", "--down", "--yes"]] {
            world.run(args).refuses(&["newer version"]);
        }
        world.run(&["migrate", "--status"]).ends(3).says(&["auth_m29990101_000001_flying", "of a newer version"]);
    }
}

#[test]
fn a_database_that_is_not_there_is_told_from_a_url_that_is_wrong() {
    let mut world = World::without_database();
    world.run(&["user", "list"]).refuses(&["DATABASE_URL", "--database"]);
    let file = world.path("missing.db");
    for (url, words) in [
        ("nonsense", &["no database URL", "sqlite://file"][..]),
        ("postgres://user:pa@ss@host:port/name", &["cannot be read"]),
        (&format!("sqlite://{file}"), &["cannot be opened", "?mode=rwc"]),
        ("postgres://ada:hidden@127.0.0.1:1/app", &["cannot be opened", "see that it runs"]),
    ] {
        world.set("DATABASE_URL", url);
        let outcome = world.run(&["user", "list"]);
        outcome.refuses(words);
        assert!(!outcome.err.contains("hidden") && !outcome.err.contains("pa@ss"), "{outcome:?}");
    }
    assert!(!Path::new(&file).exists(), "looking made a database");
}

#[test]
fn the_command_line_shows_no_password_when_it_is_wrong() {
    let world = World::without_database();
    let outcome = world.run(&["user", "list", "postgres://ada:hidden@host/app"]);
    outcome.ends(2);
    assert!(!outcome.err.contains("hidden"), "{outcome:?}");
    for args in [&[][..], &["user"], &["user", "add"], &["user", "set-role", "ada@example.com"], &["fly"]] {
        world.run(args).ends(2).says(&["Usage"]);
    }
    world.run(&["--help"]).succeeds().says(&["Exit codes", "migrate", "doctor"]);
}

/// Another program writes, and does not stop.
#[tokio::test]
async fn a_locked_file_is_said_to_be_locked_and_nothing_is_half_done() {
    let Some(world) = World::migrated(Kind::Sqlite).await else { return };
    let id = world.add(&["ada@example.com"]);
    let db = world.database.as_ref().expect("a database").connection().await;
    db.execute_unprepared("BEGIN IMMEDIATE").await.expect("begins");
    world.run(&["user", "delete", &id, "--yes"]).refuses(&["locked", "run it again"]);
    world.run_with(&["user", "add", "bob@example.com", "--stdin"], PASSWORD).refuses(&["locked"]);
    db.execute_unprepared("ROLLBACK").await.expect("ends");
    db.close().await.expect("closes");
    assert_eq!(world.json(&["user", "list"])["users"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_setting_that_cannot_be_is_named() {
    let Some(mut world) = World::migrated(Kind::Sqlite).await else { return };
    world.add(&["ada@example.com"]);
    for (name, value) in
        [("SECRET", "short"), ("SECRET", ""), ("HASH_TIME", "many"), ("SIGNING_KEYS", "file:/nowhere.pem")]
    {
        let before = world.settings.clone();
        world.set(name, value);
        let outcome = world.run(&["user", "suspend", "ada@example.com"]);
        outcome.refuses(&["configuration"]);
        assert!(outcome.err.to_uppercase().contains(name), "{outcome:?}");
        world.settings = before;
    }
    assert_eq!(world.user("ada@example.com")["status"], "active");
}
