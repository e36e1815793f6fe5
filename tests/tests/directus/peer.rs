//! npm's `jsonwebtoken`, called as Directus calls it, beside running servers: each takes the tokens of the other.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;

use auth_core::store::memory::MemoryStore;
use auth_core::{MfaRequired, SystemClock};
use auth_testkit::contract::{Request, Subject, seed};
use auth_tests::servers::Framework;
use serde_json::{Value, json};

use super::*;

/// A `node` that signs and verifies.
struct Peer {
    process: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    /// `None`, which is said, without node or before `npm ci`.
    ///
    /// # Panics
    /// When `TEST_REQUIRE` names node.
    fn start() -> Option<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("directus/peer");
        let node = Command::new("node")
            .arg("peer.mjs")
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let is_installed = folder.join("node_modules/jsonwebtoken").exists();
        match node {
            Ok(mut process) if is_installed => {
                let commands = process.stdin.take().expect("is piped");
                let answers = BufReader::new(process.stdout.take().expect("is piped"));
                Some(Self { process, commands, answers })
            }
            other => {
                if let Ok(mut process) = other {
                    let _ = process.kill();
                    let _ = process.wait();
                }
                let required = std::env::var("TEST_REQUIRE").unwrap_or_default();
                let why = "needs node, and `npm ci` in tests/directus/peer";
                assert!(!required.split(',').any(|name| name.trim() == "node"), "TEST_REQUIRE names node: {why}");
                let _ = writeln!(std::io::stderr(), "NOT RUN: the peer of Directus {why}");
                None
            }
        }
    }

    fn ask(&mut self, command: &Value) -> Value {
        writeln!(self.commands, "{command}").expect("node reads");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("node answers");
        serde_json::from_str(&line).expect("JSON")
    }

    fn verify(&mut self, token: &str) -> Value {
        self.ask(&json!({"op": "verify", "token": token, "secret": SECRET}))
    }

    fn sign(&mut self, payload: &Value, secret: &str, seconds: i64) -> String {
        let answer = self.ask(&json!({"op": "sign", "payload": payload, "secret": secret, "expiresIn": seconds}));
        answer["token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn j7_tokens_signed_as_directus_signs_them_open_guards_of_running_servers() {
    let Some(mut peer) = Peer::start() else { return };
    let payload = json!({"id": ADMIN, "role": ADMINISTRATOR, "app_access": true, "admin_access": true});
    let with = |name: &str, value: Value| {
        let mut payload = payload.clone();
        payload[name] = value;
        payload
    };
    for framework in Framework::ALL {
        let store = MemoryStore::new();
        let accounts = seed(&store, SystemClock.now()).await;
        let auth = Auth::builder(store.clone()).config(config()).build().expect("a configuration");
        let server = framework.serve(&auth, "").await;
        let subject = Subject::new(server.addr, "", ManualClock::stopped(), Arc::new(store), accounts);
        let get = async |path: &str, token: &str| subject.send(Request::get(path).bearer(token)).await;

        let token = peer.sign(&payload, SECRET, 900);
        let answer = get("/guarded", &token).await;
        answer.expect_status(200);
        assert_eq!((&answer.json()["user"], &answer.json()["role"]), (&json!(ADMIN), &json!(ADMINISTRATOR)));
        get("/admin", &token).await.expect_status(200);
        // A public user of Directus has no role; SQLite says 0 and 1.
        let plain = json!({"id": USER, "role": null, "app_access": 0, "admin_access": 0});
        let plain = peer.sign(&plain, SECRET, 900);
        get("/guarded", &plain).await.expect_status(200);
        get("/admin", &plain).await.expect_status(403);
        // Nobody typed a password here, and no second factor.
        get("/fresh", &token).await.expect_status(403);
        get("/mfa", &token).await.expect_status(403);

        for (what, token) in [
            ("another secret", peer.sign(&payload, "another-secret-0123456789abcdef01234", 900)),
            ("expired", peer.sign(&payload, SECRET, -1)),
            ("a share", peer.sign(&with("share", json!("5d6e")), SECRET, 900)),
            ("a link in a mail", peer.sign(&with("scope", json!("password-reset")), SECRET, 900)),
            ("a session", peer.sign(&with("session", json!("xMIPMJ")), SECRET, 900)),
            ("nobody", peer.sign(&json!({"role": null, "app_access": false, "admin_access": false}), SECRET, 900)),
        ] {
            assert_eq!(get("/guarded", &token).await.status, 401, "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_tokens_pass_as_directus_verifies_them_and_no_other_kind_does() {
    let Some(mut peer) = Peer::start() else { return };
    let store = MemoryStore::new();
    let accounts = seed(&store, SystemClock.now()).await;
    let auth = Auth::builder(store.clone()).config(config()).build().expect("a configuration");
    let open = async |auth: &Auth, mode| {
        auth.open_session(&accounts.admin.id, mode, &ClientInfo::default()).await.expect("a session")
    };
    let (access, refresh) = pair(open(&auth, auth_core::store::SessionMode::Json).await);
    let payload = peer.verify(access.expose_secret())["payload"].clone();
    assert_eq!(payload["id"], json!(accounts.admin.id.as_str()), "{payload}");
    assert_eq!(payload["role"], json!("administrator"));
    assert_eq!((&payload["app_access"], &payload["admin_access"]), (&json!(true), &json!(true)));
    assert_eq!(payload["iss"], json!("directus"));
    assert!(payload.get("session").is_none() && payload.get("share").is_none(), "{payload}");
    assert!(peer.verify(refresh.expose_secret())["error"].is_string());

    // A session cookie names a session that Directus has not, and is looked up there.
    let Grant::Session(cookie) = open(&auth, auth_core::store::SessionMode::Session).await.grant else {
        panic!("in this mode")
    };
    assert!(peer.verify(cookie.expose_secret())["payload"]["session"].is_string());

    // Whoever must set up a second factor first gets in nowhere else: Directus knows no `typ`.
    let mut demanding = config();
    demanding.mfa_required = MfaRequired::Everybody;
    let auth = Auth::builder(store).config(demanding).build().expect("a configuration");
    let (enrol, _) = pair(open(&auth, auth_core::store::SessionMode::Json).await);
    assert_eq!(peer.verify(enrol.expose_secret()), json!({"error": "Invalid token payload."}));
}
