//! The tables of events and spans, against what the core records.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::{Page, root};

/// What is in the first column of the table with this head, name by name.
fn listed(head: &str) -> BTreeSet<String> {
    let page = Page::named("production.md");
    let (_, table) = page.text.split_once(head).expect("the table");
    let rows = table.lines().skip(1).take_while(|line| line.starts_with('|'));
    let cells = rows.map(|row| row.trim_start_matches('|').split('|').next().expect("a cell").to_owned());
    let names: Vec<_> = cells.flat_map(|cell| names_in(&cell, '`')).filter(|name| !name.contains('-')).collect();
    let once: BTreeSet<_> = names.iter().cloned().collect();
    assert_eq!(once.len(), names.len(), "one of these is there twice: {names:?}");
    once
}

/// What stands between two of these.
fn names_in(text: &str, quote: char) -> Vec<String> {
    text.split(quote).skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_event_is_in_the_table() {
    let source = fs::read_to_string(root().join("crates/auth-core/src/event.rs")).expect("the source");
    let (_, names) = source.split_once("Self::LoginSucceeded => ").expect("the names of kinds");
    let (names, _) = names.split_once("\n        }").expect("their end");
    let recorded: BTreeSet<_> = names_in(names, '"').into_iter().collect();
    assert!(recorded.len() >= 30, "{recorded:?}");
    assert_eq!(listed("| `type` | what happened |"), recorded);
}

#[test]
fn every_span_is_in_the_table() {
    let mut spans = BTreeSet::new();
    collect(&root().join("crates/auth-core/src"), &mut spans);
    assert!(spans.len() > 30, "{spans:?}");
    assert_eq!(listed("| span | fields |"), spans);
}

fn collect(folder: &Path, spans: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, spans);
        } else {
            let source = fs::read_to_string(&path).expect("a source");
            let named = source.split("name = \"auth.").skip(1).map(|rest| rest.split('"').next().expect("a name"));
            spans.extend(named.map(|name| format!("auth.{name}")));
        }
    }
}
