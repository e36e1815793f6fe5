//! What the doctor sees, and what `init` writes, which is healthy.

use super::*;

fn finding<'a>(report: &'a Value, subject: &str, level: &str) -> &'a str {
    let all = report["findings"].as_array().expect("findings");
    let found = all.iter().find(|one| one["subject"] == subject && one["level"] == level);
    found.unwrap_or_else(|| panic!("no {level} of {subject}: {report:#}"))["what"].as_str().expect("a text")
}

#[tokio::test]
async fn what_init_writes_is_good_and_for_its_owner_alone() {
    let mut world = World::without_database();
    world.settings.clear();
    world.run(&["init"]).succeeds().says(&["auth.env", "keys.pem", "authctl migrate"]);
    let text = std::fs::read_to_string(world.path("auth.env")).expect("is written");
    let settings: Vec<_> = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    assert_eq!(settings.len(), 4, "{text}");
    for name in ["SECRET", "DATABASE_URL", "SIGNING_KEYS", "MFA_KEYS"] {
        let value = settings.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).expect(name);
        world.set(name, value);
    }
    #[cfg(unix)]
    for file in ["auth.env", "keys.pem"] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(world.path(file)).expect("is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    world.run(&["migrate"]).succeeds();
    world.add(&["ada@example.com", "--admin"]);
    world.run(&["doctor"]).succeeds().says(&["a server can start with it", "EdDSA"]);

    let keys = std::fs::read_to_string(world.path("keys.pem")).expect("is there");
    world.run(&["init"]).refuses(&["auth.env is there already", "nothing was written"]);
    std::fs::remove_file(world.path("auth.env")).expect("is removed");
    world.run(&["init"]).refuses(&["keys.pem is there already"]);
    assert!(!Path::new(&world.path("auth.env")).exists(), "half of it was written");
    assert_eq!(std::fs::read_to_string(world.path("keys.pem")).expect("is there"), keys);
    world.run(&["init", "nowhere"]).refuses(&["no folder"]);
    std::fs::create_dir(world.path("with, comma")).expect("a folder");
    world.run(&["init", "with, comma"]).refuses(&["another folder"]);
}

#[tokio::test]
async fn the_doctor_names_what_is_wrong_and_what_to_do() {
    for kind in Kind::SHARED {
        let Some(mut world) = World::migrated(kind).await else { continue };
        world.add(&["ada@example.com"]);
        let report = world.run(&["doctor", "--json"]).succeeds().json();
        finding(&report, "database", "good");
        finding(&report, "clock", "good");
        finding(&report, "hash cost", "good");
        assert!(finding(&report, "admins", "warning").contains("nobody"), "{kind:?}");
        for (name, value) in [
            ("PUBLIC_URL", "http://app.example.com"),
            ("TRUSTED_PROXIES", "10.0.0.0/8,0.0.0.0/0"),
            ("ALLOWED_ORIGINS", "http://other.example.com"),
            ("LOGIN_THROTTLE", "off"),
            ("SESSION_COOKIE_DOMAIN", "example.com"),
        ] {
            world.set(name, value);
        }
        let report = world.run(&["doctor", "--json"]).ends(1).json();
        assert!(finding(&report, "proxies", "problem").contains("0.0.0.0/0"), "{kind:?}");
        assert!(finding(&report, "cookies", "problem").contains("PUBLIC_URL"));
        assert!(finding(&report, "cookies", "warning").contains("session_token"));
        finding(&report, "origins", "warning");
        finding(&report, "throttle", "warning");
        world.run(&["doctor"]).ends(1).says(&["→", "TRUSTED_PROXIES"]);
    }
}

#[tokio::test]
async fn the_doctor_goes_on_without_a_database_or_a_configuration() {
    let mut world = World::without_database();
    world.run(&["doctor"]).ends(1).says(&["good", "configuration", "problem", "DATABASE_URL"]);
    world.set("SECRET", "short");
    let Some(database) = Database::fresh(Kind::Sqlite).await else { return };
    world.set("DATABASE_URL", database.url());
    world.run(&["doctor"]).ends(1).says(&["has 5 bytes", "openssl rand", "authctl migrate"]);
}

#[tokio::test]
async fn the_doctor_sees_hashes_that_no_server_here_would_take() {
    let Some(world) = World::migrated(Kind::Sqlite).await else { return };
    let strong = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE";
    let mut with_room = World::without_database();
    with_room.settings.clone_from(&world.settings);
    for (name, value) in [("HASH_MEMORY", "65536"), ("HASH_TIME", "3"), ("HASH_PARALLELISM", "4")] {
        with_room.set(name, value);
    }
    let file = world.write("users.csv", &format!("email,password_hash\nada@example.com,\"{strong}\"\n"));
    world.run(&["user", "add", "--from", &file]).ends(1).says(&["line 2", "max_hash"]);
    with_room.run(&["user", "add", "--from", &file]).succeeds();
    world.run(&["doctor"]).ends(1).says(&["hashes", "HASH_MEMORY=65536"]);
}

#[tokio::test]
async fn the_doctor_misses_a_pepper() {
    let Some(mut world) = World::migrated(Kind::Sqlite).await else { return };
    world.set("PASSWORD_PEPPER", "the-current-pepper-Zq3Xw8Kd5Nf7Rt");
    world.add(&["ada@example.com"]);
    let hashes = |world: &World, level| finding(&world.run(&["doctor", "--json"]).json(), "hashes", level).to_owned();
    assert!(hashes(&world, "good").contains("can be verified"));
    world.set("PASSWORD_PEPPER", "another-pepper-entirely-Zq3Xw8Kd5");
    assert!(hashes(&world, "problem").contains("pepper"));
}

/// A database has addresses and hashes: what is made here is for its owner, and what somebody else made is found.
#[cfg(unix)]
#[tokio::test]
async fn a_database_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut world = World::without_database();
    let file = world.path("app.db");
    world.set("DATABASE_URL", &format!("sqlite://{file}?mode=rwc"));
    world.run(&["migrate"]).succeeds();
    world.add(&["ada@example.com"]);
    let mode = || std::fs::metadata(&file).expect("is there").permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).expect("is ours");
    world.run(&["doctor"]).ends(1).says(&["can be read by others", "chmod 600"]);
    assert_eq!(mode(), 0o644, "that is not for us to change");
}

#[cfg(unix)]
#[test]
fn the_doctor_sees_a_key_that_others_can_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut world = World::without_database();
    let file = world.path("keys.pem");
    world.run(&["key", "generate", "--file", &file]).succeeds();
    world.set("SIGNING_KEYS", &format!("file:{file}"));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).expect("is ours");
    world.run(&["doctor"]).ends(1).says(&["can be read by others", &format!("chmod 600 {file}")]);
}

#[test]
fn hash_parameters_are_found_for_a_time() {
    let world = World::without_database();
    let report = world.run(&["bench", "hash", "--target", "5000", "--memory", "9216", "--json"]).succeeds().json();
    assert_eq!(report["chosen"]["HASH_MEMORY"], 9216, "{report}");
    let passes = report["chosen"]["HASH_TIME"].as_u64().expect("a number");
    assert!((4..=64).contains(&passes), "{report}");
    world.run(&["bench", "hash", "--target", "0"]).ends(2);
}

#[test]
fn there_are_completions_for_every_shell() {
    let world = World::without_database();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        world.run(&["completions", shell]).succeeds().says(&["set-password"]);
    }
    world.run(&["completions", "fishing"]).ends(2).says(&["fish"]);
}

#[test]
fn colours_are_for_those_who_want_them() {
    let mut world = World::without_database();
    let file = world.path("keys.pem");
    world.run(&["key", "generate", "--file", &file]).succeeds();
    let list = ["key", "list", "--file", &file];
    assert!(!world.run(&list).out.contains('\u{1b}'), "no terminal");
    world.set("CLICOLOR_FORCE", "1");
    assert!(world.run(&list).out.contains('\u{1b}'), "asked for");
    world.run(&[&list[..], &["--json"]].concat()).succeeds().json();
    world.set("NO_COLOR", "1");
    world.set("CLICOLOR_FORCE", "0");
    assert!(!world.run(&list).out.contains('\u{1b}'), "not wanted");
}
