//! Users from a CSV file.

use std::fmt::Write as _;

use auth_core::store::UserDirectory as _;
use sea_orm::ConnectionTrait as _;

use super::*;

/// The hash of [`PASSWORD`], made by a server.
async fn hash(world: &World) -> String {
    world.add(&["model@example.com"]);
    let (auth, _) = world.auth().await;
    let id = world.user("model@example.com")["id"].as_str().expect("an id").to_owned();
    let id = auth_core::UserId::new(&id).expect("an id");
    let user = auth.find_user(&id).await.expect("is up").expect("is there");
    user.password.expect("has one").as_phc().to_owned()
}

#[tokio::test]
async fn users_come_from_a_file_and_sign_in_with_what_they_had() {
    for kind in Kind::SHARED {
        let Some(world) = World::migrated(kind).await else { continue };
        let hash = hash(&world).await;
        let file = world.write(
            "users.csv",
            &format!(
                "email,password_hash,id,role,status,admin_access\n\
                 ada@example.com,\"{hash}\",42,editor,,true\n\
                 bob@example.com,,,,suspended,\n"
            ),
        );
        let add = ["user", "add", "--from", &file];
        let report = world.run(&[&add[..], &["--dry-run", "--json"]].concat()).succeeds().json();
        assert_eq!((&report["good"], &report["created"]), (&2.into(), &0.into()), "{kind:?} {report}");
        let report = world.json(&add);
        assert_eq!((&report["created"], &report["existing"]), (&2.into(), &0.into()), "{kind:?} {report}");
        let ada = world.user("ada@example.com");
        assert_eq!((&ada["id"], &ada["role"], &ada["admin_access"]), (&"42".into(), &"editor".into(), &true.into()));
        let bob = world.user("bob@example.com");
        assert_eq!((&bob["status"], &bob["has_password"]), (&"suspended".into(), &false.into()), "{kind:?}");
        let (auth, _) = world.auth().await;
        let email = auth_core::Email::parse("ada@example.com").expect("an address");
        let request = auth_core::LoginRequest::new(email, auth_core::Password::new(PASSWORD));
        auth.login(request, &auth_core::ClientInfo::default()).await.expect("signs in");
        // Who is there stays as is.
        world.run(&["user", "set-role", "42", "author"]).succeeds();
        let again = world.run(&[&add[..], &["--json"]].concat()).ends(3).json();
        assert_eq!((&again["created"], &again["existing"]), (&0.into(), &2.into()), "{kind:?} {again}");
        assert_eq!(world.user("42")["role"], "author", "{kind:?}");
    }
}

#[tokio::test]
async fn a_file_with_bad_lines_makes_nobody_unless_they_are_left_out() {
    for kind in Kind::SHARED {
        let Some(world) = World::migrated(kind).await else { continue };
        let lines = "email,password_hash,status,admin_access\n\
                     ada@example.com,,,\n\
                     nobody,,,\n\
                     bob@example.com,$2y$10$bcrypt,,\n\
                     cyd@example.com,,happy,\n\
                     dan@example.com,,,perhaps\n\
                     eve@example.com\n\
                     ADA@example.com,,,\n";
        let file = world.write("users.csv", lines);
        let add = ["user", "add", "--from", &file];
        let refused = world.run(&add);
        refused.ends(1).says(&["line 3", "line 4", "line 5", "line 6", "line 7", "nobody was made", "--skip-bad"]);
        assert!(!refused.out.contains("line 2") && !refused.out.contains("line 8"), "{refused:?}");
        assert_eq!(world.json(&["user", "list"])["users"].as_array().map(Vec::len), Some(0), "{kind:?}");
        let report = world.run(&[&add[..], &["--skip-bad", "--json"]].concat()).ends(1).json();
        let counts = ["created", "existing", "bad"].map(|name| report[name].as_u64().expect("a number"));
        assert_eq!(counts, [1, 1, 5], "{kind:?} {report}");
    }
}

/// Lines end as they end, a quotation mark that is not closed spoils one of them, and the numbers are those of an editor.
#[tokio::test]
async fn a_line_is_a_user_however_lines_end() {
    for end in ["\n", "\r\n"] {
        let Some(world) = World::migrated(Kind::Sqlite).await else { return };
        let lines = [
            "\u{feff}email,role", "ada@example.com,\"chief editor\"", "", "nobody,editor", "bob@example.com,\"editor",
            "cyd@example.com,edi\"tor\"", "\"dan@example.com\",\"say \"\"x\"\"\"", "eve@example.com,editor",
        ];
        let file = world.write("users.csv", &(lines.join(end) + end + &"x".repeat(70_000) + end + "fay@example.com,x"));
        let add = ["user", "add", "--from", &file];
        let problems = world.run(&[&add[..], &["--json"]].concat()).ends(1).json()["problems"].clone();
        let numbers: Vec<_> = problems.as_array().expect("a list").iter().map(|one| one["line"].clone()).collect();
        assert_eq!(numbers, [4, 5, 9], "{end:?} {problems}");
        assert!(problems[1]["problem"].as_str().is_some_and(|text| text.contains("not closed")), "{problems}");
        let made = world.run(&[&add[..], &["--skip-bad", "--json"]].concat()).ends(1).json();
        assert_eq!((&made["created"], &made["bad"]), (&5.into(), &3.into()), "{end:?} {made}");
        assert_eq!(world.user("dan@example.com")["role"], "say \"x\"");
        world.run(&[&add[..], &["--status", "suspended"]].concat()).ends(2);
    }
}

/// Whoever was made by a file is in the trail as well; and a pipe is told from a file, since it can be read but once.
#[tokio::test]
async fn who_comes_from_a_file_is_in_the_trail() {
    for kind in Kind::SHARED {
        let Some(mut world) = World::migrated(kind).await else { continue };
        world.set("AUDIT_TRAIL", "1");
        let id = world.add(&["ada@example.com"]);
        let mut text = "email,id,admin_access\nada@example.com,,\n".to_owned();
        for n in 0..600 {
            writeln!(text, "user-{n}@example.com,{n},{}", n == 7).expect("a string");
        }
        let file = world.write("users.csv", &text);
        world.run(&["user", "add", "--from", &file]).ends(3);
        let events = world.json(&["audit", "tail", "-n", "1000", "--kind", "user_created"])["events"].clone();
        let users: Vec<_> = events.as_array().expect("events").iter().map(|event| event["user"].clone()).collect();
        assert_eq!(users.len(), 601, "{kind:?}");
        assert!(users.contains(&"7".into()) && users[0] == id.as_str(), "{kind:?}");
    }
    let Some(world) = World::migrated(Kind::Sqlite).await else { return };
    world.run_with(&["user", "add", "--from", "/dev/stdin"], "email\nada@example.com\n").refuses(&["read twice"]);
}

#[tokio::test]
async fn a_file_that_is_none_of_ours_is_refused_before_its_first_line() {
    let Some(world) = World::migrated(Kind::Sqlite).await else { return };
    for (text, words) in [
        ("email,password\nada@example.com,secret\n", &["`password`", "only hashes"][..]),
        ("email,phone\nada@example.com,1\n", &["`phone`", "admin_access"]),
        ("id\n1\n", &["does not name the column `email`"]),
        ("", &["does not name the column `email`"]),
    ] {
        let file = world.write("users.csv", text);
        world.run(&["user", "add", "--from", &file]).refuses(words);
    }
    world.run(&["user", "add", "--from", "missing.csv"]).refuses(&["missing.csv cannot be read"]);
    world.run(&["user", "add", "ada@example.com", "--from", "users.csv"]).ends(2);
}

#[tokio::test]
async fn f4_a_database_that_fails_half_way_keeps_whole_batches_and_the_file_may_be_read_again() {
    let Some(world) = World::migrated(Kind::Sqlite).await else { return };
    let db = world.database.as_ref().expect("a database").connection().await;
    // After the first batch.
    db.execute_unprepared(
        "CREATE TRIGGER full BEFORE INSERT ON auth_user WHEN (SELECT COUNT(*) FROM auth_user) >= 700 BEGIN SELECT RAISE(ABORT, 'full'); END",
    )
    .await
    .expect("a trigger");
    let mut lines = "email\n".to_owned();
    (0..1200).for_each(|n| writeln!(lines, "user-{n}@example.com").expect("a string"));
    let file = world.write("users.csv", &lines);
    let add = ["user", "add", "--from", &file];
    let stopped = world.run(&[&add[..], &["--json"]].concat());
    stopped.ends(5).says(&["stopped half way"]);
    assert_eq!((&stopped.json()["created"], &stopped.json()["interrupted"]), (&500.into(), &true.into()));
    db.execute_unprepared("DROP TRIGGER full").await.expect("is gone");
    db.close().await.expect("closes");
    let again = world.run(&[&add[..], &["--json"]].concat()).ends(3).json();
    assert_eq!((&again["created"], &again["existing"]), (&700.into(), &500.into()));
}

/// Whoever is impatient knows afterwards what was done, and how to go on.
#[tokio::test(flavor = "multi_thread")]
async fn f4_an_import_that_is_told_to_stop_says_how_far_it_came() {
    const USERS: u64 = 30_000;
    let Some(world) = World::migrated(Kind::Sqlite).await else { return };
    let (_, store) = world.auth().await;
    let mut lines = "email\n".to_owned();
    (0..USERS).for_each(|n| writeln!(lines, "user-{n}@example.com").expect("a string"));
    let file = world.write("users.csv", &lines);
    let add = ["user", "add", "--from", &file, "--json"];
    let process = world.command(&add).spawn().expect("authctl starts");
    while store.count().await.expect("counts") == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let pid = process.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().expect("kill").success());
    let stopped = Outcome::of(&process.wait_with_output().expect("authctl ends"));
    stopped.ends(5).says(&["stopped half way", "Run it again"]);
    let (report, there) = (stopped.json(), store.count().await.expect("counts"));
    assert_eq!((&report["created"], &report["interrupted"]), (&there.into(), &true.into()), "{report}");
    assert!(there % 500 == 0 && there < USERS, "{there} users: batches are whole, and not all of them are there");
    let again = world.run(&add).ends(3).json();
    assert_eq!((&again["created"], &again["existing"]), (&(USERS - there).into(), &there.into()));
}
