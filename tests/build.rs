//! Turns the Rust blocks of the README and of the book into functions, so that the tests compile them.
//!
//! | a block tagged | becomes |
//! |---|---|
//! | `rust` | a function; and the lines before every later function of its file |
//! | `rust` and a word | a function, those lines before it |
//! | `rust program`, `rust tests` | a module of its own, whose tests run |
//! | `rust,ignore` | nothing |
//!
//! A chapter without a plain block builds on that of the README.
#![allow(clippy::expect_used, reason = "a build script reports by panicking")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("..");
    let mut readme = Code::default();
    let setup = readme.add_file(&root.join("README.md"), String::new());
    readme.write("readme.rs");

    let chapters = root.join("docs/src");
    println!("cargo::rerun-if-changed={}", chapters.display());
    let mut book = Code::default();
    for chapter in files(&chapters) {
        book.add_file(&chapter, setup.clone());
    }
    book.write("book.rs");
}

/// In the order of their names, so that a build is like the one before.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder of the book");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "md"));
    files.sort();
    files
}

#[derive(Default)]
struct Code {
    text: String,
    lengths: Vec<usize>,
}

impl Code {
    /// Adds the blocks of a file, and gives the last of its plain ones, or `setup`.
    fn add_file(&mut self, file: &Path, mut setup: String) -> String {
        println!("cargo::rerun-if-changed={}", file.display());
        let text = fs::read_to_string(file).expect("a text");
        let name = file.file_stem().expect("a name").to_string_lossy().to_lowercase().replace('-', "_");
        let mut line = 1;
        for (number, part) in text.split("```rust").enumerate() {
            let begins_at = line;
            line += part.matches('\n').count();
            let Some((tags, rest)) = part.split_once('\n').filter(|_| number > 0) else { continue };
            let (body, _) = rest.split_once("```").expect("a block ends");
            let place = format!("{name}_{begins_at}");
            match tags.trim() {
                ",ignore" => {}
                "program" | "tests" => self.add_module(&place, body),
                "" => {
                    self.add_function(&place, "", body);
                    body.clone_into(&mut setup);
                }
                _ => self.add_function(&place, &setup, body),
            }
        }
        setup
    }

    /// What a reader copies into a function of theirs. `place` has the line, for whoever reads an error.
    fn add_function(&mut self, place: &str, before: &str, body: &str) {
        self.lengths.push(before.lines().count() + body.lines().count());
        let function = format!("async fn at_{place}() -> Result<(), Box<dyn std::error::Error>>");
        let lines = format!("{ALLOWED}{function} {{\n{before}\n{body}\nOk(())\n}}\n");
        self.text.write_str(&lines).expect("writing to a string");
    }

    /// What a reader copies into a file.
    fn add_module(&mut self, place: &str, body: &str) {
        self.text.write_str(&format!("{ALLOWED}mod at_{place} {{\n{body}\n}}\n")).expect("writing to a string");
    }

    fn write(&self, name: &str) {
        let doc = "/// The lines of each function, those before it included.\n#[allow(dead_code)]";
        let text = format!("{}{doc}\nconst LENGTHS: &[usize] = &{:?};\n", self.text, self.lengths);
        let out = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join(name);
        fs::write(out, text).expect("the output");
    }
}

/// An example names what it makes, and does nothing with it. `conformance` blocks have tests inside of a function.
const ALLOWED: &str = "#[allow(unused_variables, unused_imports, unused_mut, unused_must_use, dead_code, \
                       unreachable_pub, unnameable_test_items, clippy::all, clippy::future_not_send, \
                       clippy::needless_pass_by_value, clippy::unwrap_used, clippy::redundant_clone)]\n";
