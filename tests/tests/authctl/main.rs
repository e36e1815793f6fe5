//! The program `authctl`, started as people and scripts start it: every command, on every database, and every way to get
//! it wrong.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

mod attack;
mod audit;
mod data;
mod doctor;
mod file;
mod keys;
mod schema;
mod sessions;
mod tokens;
mod users;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use auth_core::{Auth, AuthConfig};
use auth_sea_orm::SeaOrmStore;
use auth_tests::databases::{Database, Kind};
use serde_json::Value;
use tempfile::TempDir;

const SECRET: &str = "k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7";
const PASSWORD: &str = "correct horse battery staple";

/// A database, and the settings that `authctl` gets; nothing else of the environment.
struct World {
    database: Option<Database>,
    folder: TempDir,
    settings: Vec<(&'static str, String)>,
}

/// What a command line came to.
#[derive(Debug)]
struct Outcome {
    code: i32,
    out: String,
    err: String,
}

impl World {
    /// `None` when there is no database of this kind.
    async fn on(kind: Kind) -> Option<Self> {
        let database = Database::fresh(kind).await?;
        let url = ("DATABASE_URL", database.url().to_owned());
        let mut world = Self::without_database();
        world.settings.push(url);
        world.database = Some(database);
        Some(world)
    }

    /// With the tables made.
    async fn migrated(kind: Kind) -> Option<Self> {
        let world = Self::on(kind).await?;
        world.run(&["migrate"]).succeeds();
        Some(world)
    }

    fn without_database() -> Self {
        let settings = vec![("SECRET", SECRET.to_owned())];
        Self { database: None, folder: TempDir::new().expect("a folder"), settings }
    }

    fn set(&mut self, name: &'static str, value: &str) {
        self.settings.retain(|(known, _)| *known != name);
        self.settings.push((name, value.to_owned()));
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn run(&self, args: &[&str]) -> Outcome {
        self.run_with(args, "")
    }

    /// With this on standard input, which is no terminal.
    fn run_with(&self, args: &[&str], input: &str) -> Outcome {
        let mut process = self.command(args).spawn().expect("authctl starts");
        let mut stdin = process.stdin.take().expect("is piped");
        // It may not want any of it.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        Outcome::of(&process.wait_with_output().expect("authctl ends"))
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ctl"));
        command.args(args).env_clear().envs(self.settings.iter().map(|(name, value)| (name, value)));
        command.current_dir(self.folder.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn json(&self, args: &[&str]) -> Value {
        let outcome = self.run(&[args, &["--json"]].concat());
        outcome.succeeds();
        outcome.json()
    }

    /// The id of a user that is made by this.
    fn add(&self, args: &[&str]) -> String {
        let outcome = self.run_with(&[&["user", "add", "--stdin", "--json"], args].concat(), &format!("{PASSWORD}\n"));
        outcome.succeeds();
        outcome.json()["id"].as_str().expect("an id").to_owned()
    }

    fn user(&self, who: &str) -> Value {
        self.json(&["user", "show", who])
    }

    /// The server over the same database, with the same secret.
    async fn auth(&self) -> (Auth, SeaOrmStore) {
        let store = self.database.as_ref().expect("a database").store().await;
        let auth = Auth::builder(store.clone()).config(AuthConfig::new(SECRET)).build().expect("a configuration");
        (auth, store)
    }

    /// The server with the very settings that `authctl` gets.
    async fn server(&self) -> Auth {
        let store = self.database.as_ref().expect("a database").store().await;
        let vars = |name: &str| self.settings.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        Auth::builder(store).config(AuthConfig::from_vars(vars).expect("reads")).build().expect("a configuration")
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::write(Path::new(&path), text).expect("a file");
        path
    }
}

impl Outcome {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
        Self { code: output.status.code().expect("a code"), out: text(&output.stdout), err: text(&output.stderr) }
    }

    fn succeeds(&self) -> &Self {
        self.ends(0)
    }

    fn ends(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// It did nothing, and says all of these.
    fn refuses(&self, words: &[&str]) {
        self.ends(4).says(words);
        assert_eq!(self.out, "", "{self:#?}");
    }

    fn says(&self, words: &[&str]) {
        let text = format!("{}{}", self.out, self.err);
        for word in words {
            assert!(text.contains(word), "`{word}` is missing: {self:#?}");
        }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("no JSON: {self:#?}"))
    }
}
