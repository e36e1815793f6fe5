//! `authctl import directus`, on every pair of a database of Directus and one of ours that are of one kind.

use std::ffi::OsString;
use std::sync::Arc;

use auth_cli::Exit;
use auth_core::store::{EventFilter, EventStore as _, FactorStore as _, UserDirectory as _, UserStore as _};
use auth_core::{FactorSealer, HashParams};
use auth_sea_orm::directus::{Applied, ImportError, ImportMode};
use auth_testkit::contract::Authenticator;
use auth_tests::databases::{Database, Kind};
use auth_tests::directus::DirectusFixture;
use serde_json::Value;

use super::*;

const MFA_KEY: &str = "__39_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4eA";

struct Import {
    from: DirectusFixture,
    to: Database,
    secret: Option<&'static str>,
}

struct Outcome {
    exit: Exit,
    out: String,
    err: String,
}

impl Import {
    async fn on(kind: Kind) -> Option<Self> {
        let from = DirectusFixture::on(kind).await?;
        Some(Self { from, to: Database::fresh(kind).await?, secret: Some(SECRET) })
    }

    async fn run(&self, options: &[&str]) -> Outcome {
        authctl(self.from.database.url(), self.to.url(), self.secret, options).await
    }

    async fn json(&self, options: &[&str]) -> (Exit, Value) {
        let outcome = self.run(&[options, &["--json"]].concat()).await;
        (outcome.exit, serde_json::from_str(&outcome.out).unwrap_or_else(|_| panic!("{}{}", outcome.out, outcome.err)))
    }

    /// Our server over what was taken over.
    async fn auth(&self) -> (Auth, SeaOrmStore, ManualClock) {
        let (store, clock) = (self.to.store().await, ManualClock::stopped());
        let mut config = config();
        config.mfa_keys = vec![auth_core::MfaKey::from_base64(MFA_KEY).expect("a key")];
        let auth = Auth::builder(store.clone()).config(config).clock(clock.clone()).build().expect("a configuration");
        (auth, store, clock)
    }
}

async fn authctl(from: &str, to: &str, secret: Option<&str>, options: &[&str]) -> Outcome {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let fixed = ["authctl", "import", "directus", from, "--database", to];
    let args: Vec<_> = fixed.iter().chain(options).map(OsString::from).collect();
    let vars = |name: &str| match name {
        "SECRET" => secret.map(str::to_owned),
        "MFA_KEYS" => Some(MFA_KEY.to_owned()),
        "AUDIT_TRAIL" => Some("1".to_owned()),
        _ => None,
    };
    let exit = auth_cli::run(args, &vars, &mut out, &mut err).await;
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Outcome { exit, out: text(out), err: text(err) }
}

fn outcome_of<'a>(report: &'a Value, id: &str) -> &'a Value {
    report["users"].as_array().expect("users").iter().find(|user| user["id"] == id).expect("a user")
}

#[tokio::test(flavor = "multi_thread")]
async fn m3_users_are_taken_over_whole_and_sign_in_with_what_they_had() {
    for kind in Kind::SHARED {
        let Some(import) = Import::on(kind).await else { continue };
        let there = import.from.users().await;
        assert_eq!(import.run(&[]).await.exit, Exit::NotStarted, "{kind:?}: without our tables");
        let (exit, report) = import.json(&["--migrate"]).await;
        assert_eq!((exit, &report["summary"]["created"]), (Exit::Done, &Value::from(7)), "{kind:?} {report}");
        assert_eq!(import.from.users().await, there, "{kind:?}: a row of Directus was written");

        let (auth, store, clock) = import.auth().await;
        let login = async |email: &str, password: &str, code: Option<String>| {
            let mut request = request(email, password);
            if let Some(code) = code {
                request = request.otp(OneTimePassword::new(code));
            }
            super::kind(auth.login(request, &ClientInfo::default()).await)
        };
        let (access, _) = pair(login("admin@example.com", "d1r3ctu5-Admin", None).await.expect("the admin"));
        let identity = auth.verify(access.expose_secret()).expect("good");
        assert_eq!((identity.user().as_str(), identity.is_admin()), (ADMIN, true), "{kind:?}");
        assert_eq!(identity.role().map(|role| role.as_str()), Some(ADMINISTRATOR), "{kind:?}");
        for (email, password) in [("susp@example.com", "Passw0rd-susp"), ("sso@example.com", "Passw0rd-sso")] {
            assert_eq!(login(email, password, None).await.err(), Some(ErrorKind::InvalidCredentials), "{email}");
        }
        let app = Authenticator::new("JBSWY3DPEHPK3PXP");
        let asked = login("tfa@example.com", "Passw0rd-tfa", None).await;
        assert_eq!(asked.err(), Some(ErrorKind::InvalidOtp), "{kind:?}");
        let code = app.code(clock.now());
        login("tfa@example.com", "Passw0rd-tfa", Some(code.clone())).await.expect("the code of the old secret");
        let again = login("tfa@example.com", "Passw0rd-tfa", Some(code)).await;
        assert_eq!(again.err(), Some(ErrorKind::InvalidOtp), "{kind:?}: once");
        let sealed = store.second_factor(&id(TFA)).await.expect("reads").active.expect("a factor").secret;
        assert!(!sealed.as_bytes().windows(5).any(|bytes| bytes == b"Hello"), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_changes_nothing_and_a_dry_one_never_does() {
    for kind in Kind::SHARED {
        let Some(import) = Import::on(kind).await else { continue };
        let store = import.to.store().await;
        let (exit, report) = import.json(&["--dry-run"]).await;
        assert_eq!((exit, &report["summary"]["created"]), (Exit::Done, &Value::from(7)), "{kind:?}");
        assert_eq!(store.count().await.expect("counts"), 0, "{kind:?}");
        let events = async || store.count_events(&EventFilter::default(), 100).await.expect("counts");
        assert_eq!(events().await, 0, "{kind:?}");
        assert_eq!(import.run(&[]).await.exit, Exit::Done, "{kind:?}");
        assert_eq!(events().await, 7, "{kind:?}: whoever was made is in the trail");

        let dump = async || {
            let mut rows = Vec::new();
            for user in [ADMIN, USER, TFA, PW] {
                let found = store.find_by_id(&id(user)).await.expect("reads");
                rows.push(format!("{found:?} {:?}", store.second_factor(&id(user)).await.expect("reads").active));
            }
            rows
        };
        let before = dump().await;
        for options in [&[][..], &["--update"], &["--dry-run"]] {
            let (exit, report) = import.json(options).await;
            assert_eq!((exit, &report["summary"]["unchanged"]), (Exit::Done, &Value::from(7)), "{kind:?} {report}");
            assert_eq!(dump().await, before, "{kind:?} {options:?}");
            assert_eq!(events().await, 7, "{kind:?} {options:?}");
        }
        assert_eq!(import.run(&["--dry-run", "--update"]).await.exit, Exit::Usage);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_in_directus_is_reported_and_taken_over_when_asked() {
    for kind in Kind::SHARED {
        let Some(import) = Import::on(kind).await else { continue };
        import.run(&["--migrate"]).await;
        let (auth, store, _) = import.auth().await;
        let open = async |user| {
            let mode = auth_core::store::SessionMode::Json;
            pair(auth.open_session(&id(user), mode, &ClientInfo::default()).await.expect("a session")).1
        };
        let (changed, other) = (open(USER).await, open(PW).await);
        let change = format!(
            "UPDATE directus_users SET email = 'renamed@example.com', role = '{ADMINISTRATOR}', \
             tfa_secret = 'GEZDGNBVGY3TQOJQ' WHERE id = '{USER}'"
        );
        import.from.run(&change).await;
        import.from.run(&format!("UPDATE directus_users SET tfa_secret = NULL WHERE id = '{TFA}'")).await;

        for options in [&["--dry-run"][..], &[]] {
            let (exit, report) = import.json(options).await;
            assert_eq!((exit, &report["summary"]["differs"]), (Exit::Differences, &Value::from(2)), "{kind:?}");
            let differences = serde_json::json!(["email", "role", "access", "second_factor"]);
            assert_eq!(outcome_of(&report, USER)["differences"], differences, "{kind:?}");
            let user = store.find_by_id(&id(USER)).await.expect("reads").expect("a user");
            assert_eq!(user.email, "user@example.com", "{kind:?}");
        }
        let table = import.run(&[]).await.out;
        assert!(table.contains("differs    renamed@example.com") && table.contains("--update"), "{table}");

        let (exit, report) = import.json(&["--update"]).await;
        assert_eq!((exit, &report["summary"]["updated"]), (Exit::Done, &Value::from(2)), "{kind:?}");
        let user = store.find_by_id(&id(USER)).await.expect("reads").expect("a user");
        assert_eq!((user.email.as_str(), user.admin_access), ("renamed@example.com", true), "{kind:?}");
        assert!(store.second_factor(&id(USER)).await.expect("reads").active.is_some(), "{kind:?}");
        assert!(store.second_factor(&id(TFA)).await.expect("reads").active.is_none(), "{kind:?}");
        // R9: sessions of whoever is changed end, those of others go on.
        let refreshed = super::kind(auth.refresh(&changed, &ClientInfo::default()).await);
        assert_eq!(refreshed.err(), Some(ErrorKind::SessionOver), "{kind:?}");
        auth.refresh(&other, &ClientInfo::default()).await.expect("goes on");
        assert_eq!(import.run(&[]).await.exit, Exit::Done, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn e1_p7_who_cannot_be_taken_over_is_named_with_what_to_do_and_the_others_are() {
    for kind in Kind::SHARED {
        let Some(import) = Import::on(kind).await else { continue };
        let store = import.to.store().await;
        let taken = auth_core::store::NewUserRecord {
            id: id("somebody-else"),
            email: Email::parse("pw@example.com").expect("an address"),
            password: None,
            status: auth_core::store::UserStatus::Active,
            role: None,
            app_access: true,
            admin_access: false,
            created_at: auth_core::Timestamp::from_secs(1),
        };
        store.create(&taken).await.expect("is made");
        let hungry =
            "$argon2id$v=19$m=1048576,t=3,p=4$9E2AJhaYQvTwW3wohXBZpg$Wa/ql1Oov2u3l8Ac/jLtqA6CnpM+X7pTmh1J9RFGsIo";
        import.from.run(&format!("UPDATE directus_users SET password = '{hungry}' WHERE id = '{USER}'")).await;
        import.from.run("UPDATE directus_users SET email = 'no address' WHERE email = 'susp@example.com'").await;
        import.from.run("UPDATE directus_users SET email = NULL WHERE email = 'inactive@example.com'").await;
        import.from.run(&format!("UPDATE directus_users SET tfa_secret = 'short' WHERE id = '{ADMIN}'")).await;

        let (exit, report) = import.json(&[]).await;
        assert_eq!(exit, Exit::SomeFailed, "{kind:?}");
        let summary = (&report["summary"]["created"], &report["summary"]["problem"]);
        assert_eq!(summary, (&Value::from(2), &Value::from(5)), "{kind:?} {report}");
        let problem = |id: &str| outcome_of(&report, id)["problem"].as_str().expect("a problem").to_owned();
        assert!(problem(PW).contains("somebody-else"), "{}", problem(PW));
        assert!(problem(USER).contains("max_hash") && problem(USER).contains("1048576"), "{}", problem(USER));
        assert!(problem(ADMIN).contains("base32"), "{}", problem(ADMIN));
        assert!(problem("1560eb05-53d9-43c3-86d9-71cdf479682b").contains("correct it in Directus"));
        assert!(problem("e78c9a20-43c1-4c2a-a937-62cf7cc4c1dd").contains("has no address"));
        assert_eq!(outcome_of(&report, "9dde79f2-a3c3-404c-9303-e85025329414")["provider"], "google", "{kind:?}");
        for nobody in [USER, PW, ADMIN] {
            assert!(store.find_by_id(&id(nobody)).await.expect("reads").is_none(), "{kind:?}: half of {nobody}");
        }
    }
}

/// Most of them read before any of them writes: who comes late finds the user made, or the address taken, by whom it says.
#[tokio::test(flavor = "multi_thread")]
async fn imports_at_once_make_a_user_once_and_name_who_has_the_address() {
    for kind in Kind::SHARED {
        let Some(import) = Import::on(kind).await else { continue };
        let ours = import.to.store().await;
        let directus = DirectusDatabase::connect(import.from.database.url()).await.expect("connects");
        let sealer = Arc::new(FactorSealer::new(&config()).expect("a configuration"));
        let found = directus.users(HashParams::DIRECTUS).await.expect("reads");
        assert_eq!(found.len(), 7, "{kind:?}");
        for (_, _, user) in found {
            let user = user.expect("can be one of ours");
            let mut namesake = user.clone();
            namesake.id = id(&format!("namesake-{}", user.id));
            let mut tasks = tokio::task::JoinSet::new();
            for user in [&user, &namesake, &user, &namesake] {
                let (ours, user, sealer) = (ours.clone(), user.clone(), sealer.clone());
                let now = auth_core::Timestamp::from_secs(1);
                let one = async move { (user.id, ours.import(&user, Some(&*sealer), ImportMode::Create, now).await) };
                tasks.spawn(one);
            }
            let outcomes = tasks.join_all().await;
            let holder = ours.find_by_email(&user.email).await.expect("reads").expect("a user").id;
            let created = outcomes.iter().filter(|(_, outcome)| matches!(outcome, Ok(Applied::Created)));
            assert_eq!(created.count(), 1, "{kind:?} {outcomes:?}");
            for (id, outcome) in &outcomes {
                match outcome {
                    Ok(Applied::Created | Applied::Unchanged) => assert_eq!(*id, holder, "{kind:?} {outcomes:?}"),
                    Err(ImportError::AddressTaken(taken_by)) => {
                        assert_eq!(*taken_by, holder, "{kind:?} {outcomes:?}");
                        assert_ne!(*id, holder, "{kind:?} {outcomes:?}");
                    }
                    _ => panic!("{kind:?} {outcomes:?}"),
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_said_before_anything_is_done() {
    let mut import = Import::on(Kind::Sqlite).await.expect("always there");
    let store = import.to.store().await;
    let refused = |outcome: Outcome, words: &[&str]| {
        assert_eq!(outcome.exit, Exit::NotStarted, "{}", outcome.err);
        for word in words {
            assert!(outcome.err.contains(word), "`{word}` in {}", outcome.err);
        }
        assert!(!outcome.err.contains("hunter2") && outcome.out.is_empty(), "{}{}", outcome.out, outcome.err);
    };
    let (from, to) = (import.from.database.url().to_owned(), import.to.url().to_owned());
    refused(authctl("redis://u:hunter2@h", &to, Some(SECRET), &[]).await, &["database of Directus", "sqlite:"]);
    refused(authctl(&from, "postgres://u:hunter2@127.0.0.1:1/x", Some(SECRET), &[]).await, &["with our tables"]);
    refused(authctl(&to, &to, Some(SECRET), &[]).await, &["directus_users", "upgraded to 11"]);
    refused(authctl(&from, &to, Some("hunter2"), &[]).await, &["secret", "openssl rand"]);
    import.secret = None;
    refused(import.run(&[]).await, &["1 of the users", "SECRET", "MFA_KEYS"]);
    assert_eq!(store.count().await.expect("counts"), 0);

    // Without second factors there is nothing to seal.
    import.from.run("UPDATE directus_users SET tfa_secret = NULL").await;
    assert_eq!(import.run(&[]).await.exit, Exit::Done);

    let (mut out, mut err) = (Vec::new(), Vec::new());
    let help =
        auth_cli::run(["authctl", "import", "directus", "--help"].map(OsString::from), &|_| None, &mut out, &mut err);
    assert_eq!(help.await, Exit::Done);
    let help = String::from_utf8(out).expect("text").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("--dry-run") && err.is_empty());
    for undone in ["password is replaced", "factor that was set up here is removed", "may sign in again", "role"] {
        assert!(help.contains(undone), "`{undone}` in {help}");
    }
}

/// Whoever signed in here before the move, while users were still those of Directus, left sessions and a factor behind.
#[tokio::test(flavor = "multi_thread")]
async fn r9_who_was_here_as_a_user_of_directus_comes_with_nothing_of_that_time() {
    for kind in Kind::SHARED {
        let Some(world) = World::on(kind, Mode::ReadOnly).await else { continue };
        let code = Authenticator::new("JBSWY3DPEHPK3PXP").code(world.clock.now());
        let (_, refresh) = pair(world.login_with("tfa@example.com", "Passw0rd-tfa", &code).await.expect("in"));
        assert!(world.ours.second_factor(&id(TFA)).await.expect("reads").active.is_some(), "{kind:?}");
        let before = world.ours.epoch(&id(TFA)).await.expect("reads");
        world.fixture.run(&format!("UPDATE directus_users SET tfa_secret = NULL WHERE id = '{TFA}'")).await;

        let url = world.fixture.database.url();
        assert_eq!(authctl(url, url, Some(SECRET), &[]).await.exit, Exit::Done, "{kind:?}");
        assert!(world.ours.second_factor(&id(TFA)).await.expect("reads").active.is_none(), "{kind:?}");
        let auth = Auth::builder(world.ours.clone()).config(config()).clock(world.clock.clone()).build();
        let auth = auth.expect("a configuration");
        let refreshed = super::kind(auth.refresh(&refresh, &ClientInfo::default()).await);
        assert_eq!(refreshed.err(), Some(ErrorKind::SessionOver), "{kind:?}");
        assert_eq!(world.ours.epoch(&id(TFA)).await.expect("reads").0, before.0 + 1, "{kind:?}");
        assert_eq!(world.ours.epoch(&id(PW)).await.expect("reads").0, 0, "{kind:?}: was never here");
        let login = auth.login(request("tfa@example.com", "Passw0rd-tfa"), &ClientInfo::default()).await;
        login.expect("as Directus has it now");
    }
}

#[tokio::test]
async fn a_url_in_the_wrong_place_is_told_without_its_password() {
    let url = "postgres://u:hunter2@h/with@hunter2@db/x";
    for args in [
        &["authctl", url][..],
        &["authctl", "import", "directus", "sqlite::memory:", url],
        &["authctl", "import", "directus", &format!("--json={url}")],
    ] {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let exit = auth_cli::run(args.iter().map(OsString::from), &|_| None, &mut out, &mut err).await;
        let err = String::from_utf8(err).expect("text");
        assert_eq!((exit, out.is_empty()), (Exit::Usage, true), "{err}");
        assert!(err.contains("postgres://***@db/x") && !err.contains("hunter2"), "{err}");
    }
}

/// Nothing is written into the database of Directus: not even how its file is kept.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_directus_keeps_its_journal() {
    let import = Import::on(Kind::Sqlite).await.expect("always there");
    import.from.run("PRAGMA journal_mode = DELETE").await;
    let file = import.from.database.file().expect("a file");
    // Bytes 18 and 19 of the header are 1 in a file with a rollback journal, and 2 in one with WAL.
    let versions = || std::fs::read(&file).expect("reads")[18..20].to_vec();
    assert_eq!(versions(), [1, 1]);
    for options in [&["--migrate"][..], &["--dry-run"], &["--update"]] {
        assert_eq!(import.run(options).await.exit, Exit::Done, "{options:?}");
        assert_eq!(versions(), [1, 1], "{options:?}");
    }
    let missing = file.with_extension("missing");
    let url = format!("sqlite://{}?mode=rwc", missing.display());
    assert_eq!(authctl(&url, import.to.url(), Some(SECRET), &[]).await.exit, Exit::NotStarted);
    assert!(!missing.exists());
}
