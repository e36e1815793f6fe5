//! The tables of settings, against what is read.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use auth_core::AuthConfig;

use super::{Page, root};

const SECRET: &str = "k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7";

/// The rows below a heading: the variable, and the second column.
fn table(heading: &str) -> BTreeMap<String, String> {
    let page = Page::named("settings.md");
    let heading = format!("\n## {heading}\n");
    let (_, section) = page.text.split_once(&heading).expect("the heading");
    let section = section.split("\n## ").next().expect("a section");
    let mut rows = BTreeMap::new();
    for line in section.lines().filter(|line| line.starts_with("| `")) {
        let mut cells = line.split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).skip(1);
        let (name, second) = (cells.next().expect("a name"), cells.next().expect("a second column"));
        assert!(rows.insert(name.clone(), second).is_none(), "{name} is there twice");
    }
    rows
}

fn names(heading: &str) -> BTreeSet<String> {
    table(heading).into_keys().collect()
}

/// What `read` asks for when the environment has `vars`.
fn asked(vars: &[(&str, &str)], read: impl FnOnce(&dyn Fn(&str) -> Option<String>)) -> BTreeSet<String> {
    let asked = RefCell::new(BTreeSet::new());
    read(&|name| {
        asked.borrow_mut().insert(name.to_owned());
        vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    });
    asked.into_inner()
}

fn config(vars: &[(&str, &str)]) -> String {
    let find = |name: &str| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    format!("{:?}", AuthConfig::from_vars(find).expect("reads"))
}

#[test]
fn the_table_has_every_variable_that_is_read() {
    let read = asked(&[("SECRET", SECRET)], |var| drop(AuthConfig::from_vars(var).expect("reads")));
    assert_eq!(names("`AuthConfig::from_env`"), read);
}

#[test]
fn so_has_the_documentation_of_the_function() {
    let source = fs::read_to_string(root().join("crates/auth-core/src/config/env.rs")).expect("the source");
    let (_, doc) = source.split_once("/// Variables: ").expect("a list");
    let (doc, _) = doc.split_once("Durations are").expect("its end");
    let mut documented = BTreeSet::new();
    for text in doc.split('`').skip(1).step_by(2).filter(|text| text.starts_with(|c: char| c.is_ascii_uppercase())) {
        // `REFRESH_TOKEN_COOKIE_NAME|SECURE`: names with one beginning.
        let mut parts = text.split('|');
        let first = parts.next().expect("a name");
        documented.insert(first.to_owned());
        let beginning = first.strip_suffix("NAME").unwrap_or_default();
        documented.extend(parts.map(|part| format!("{beginning}{part}")));
    }
    assert_eq!(names("`AuthConfig::from_env`"), documented);
}

#[test]
fn each_default_is_what_is_so_without_the_variable() {
    // What is off shows none of its settings.
    let base = [("SECRET", SECRET), ("PERSONAL_TOKENS", "1"), ("AUDIT_TRAIL", "1")];
    for (name, default) in table("`AuthConfig::from_env`") {
        if matches!(default.as_str(), "none" | "required") {
            continue;
        }
        let without: Vec<_> = base.into_iter().filter(|(key, _)| *key != name).collect();
        let with: Vec<_> = without.iter().copied().chain([(name.as_str(), default.as_str())]).collect();
        assert_eq!(config(&with), config(&without), "{name} is not {default} by default");
    }
}

#[test]
fn the_table_of_mail_has_what_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let vars = [("MAIL_DIR", folder.path().to_str().expect("a path")), ("MAIL_FROM", "Notes <no-reply@notes.example>")];
    let read = asked(&vars, |var| drop(auth_core::mail::from_vars(var).expect("reads")));
    assert_eq!(names("`mail::from_env`"), read);
}

#[test]
fn the_table_of_directus_has_what_is_read_beside() {
    let ours = names("`AuthConfig::from_env`");
    let read = asked(&[("SECRET", SECRET)], |var| drop(AuthConfig::directus_from_vars(var).expect("reads")));
    assert_eq!(names("`AuthConfig::directus_from_env`"), read.difference(&ours).cloned().collect());
    for (name, stands_for) in table("`AuthConfig::directus_from_env`") {
        assert!(stands_for.is_empty() || ours.contains(&stands_for), "{name} stands for nothing");
    }
}
