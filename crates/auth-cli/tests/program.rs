//! The program itself, on SQLite: what a first user does. Every command, on every database, is tried by the suite
//! `authctl` of the package `auth-tests`.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

use assert_cmd::Command;
use tempfile::TempDir;

/// `authctl` with nothing of the environment but these.
fn authctl(settings: &[(String, String)], args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_authctl"));
    command.env_clear().envs(settings.iter().cloned()).args(args);
    command
}

#[test]
fn from_nothing_to_a_user_and_a_token() {
    let folder = TempDir::new().expect("a folder");
    let place = folder.path().to_str().expect("text");
    authctl(&[], &["init", place]).assert().success();
    let text = std::fs::read_to_string(folder.path().join("auth.env")).expect("is written");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let settings: Vec<_> = lines
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    authctl(&settings, &["user", "list"]).assert().code(4);
    authctl(&settings, &["migrate"]).assert().success();
    let add = ["user", "add", "ada@example.com", "--admin", "--stdin"];
    authctl(&settings, &add).write_stdin("correct horse battery\n").assert().success();
    authctl(&settings, &add).write_stdin("correct horse battery\n").assert().code(4);
    let token = authctl(&settings, &["token", "issue", "ada@example.com"]).assert().success();
    let token = token.get_output().stdout.clone();
    authctl(&settings, &["token", "verify"]).write_stdin(token).assert().success();
    authctl(&settings, &["doctor"]).assert().success();
}

#[test]
fn a_wrong_command_line_is_exit_code_2_and_help_is_none() {
    authctl(&[], &["fly"]).assert().code(2);
    // Nothing is lost that somebody would have to agree to.
    authctl(&[], &["migrate", "--yes"]).assert().code(2);
    authctl(&[], &["migrate", "--down", "--yes"]).assert().code(4);
    authctl(&[], &["--help"]).assert().success();
    authctl(&[], &["--version"]).assert().success();
}
