//! The book: its code compiles and its tests run, its links lead somewhere, and its tables say what is so.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

mod authctl;
mod code;
mod names;
mod pages;
mod settings;

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A file of the book.
struct Page {
    name: String,
    text: String,
}

impl Page {
    fn named(name: &str) -> Self {
        let text = fs::read_to_string(root().join("docs/src").join(name)).expect(name);
        Self { name: name.to_owned(), text }
    }

    /// Every file, the summary too.
    fn all() -> Vec<Self> {
        let entries = fs::read_dir(root().join("docs/src")).expect("the folder of the book");
        let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"));
        names.map(|name| Self::named(&name)).collect()
    }

    /// Its lines outside of code blocks.
    fn prose(&self) -> impl Iterator<Item = &str> {
        let mut in_code = false;
        self.text.lines().filter(move |line| {
            let fence = line.starts_with("```");
            in_code ^= fence;
            !in_code && !fence
        })
    }

    /// What stands between backticks in its prose.
    fn literals(&self) -> impl Iterator<Item = &str> {
        self.prose().flat_map(|line| line.split('`').skip(1).step_by(2))
    }
}
