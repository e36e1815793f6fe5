//! Turns the Rust blocks of the README into functions, so that the tests compile them.
#![allow(clippy::expect_used, reason = "a build script reports by panicking")]

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() {
    let readme = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../README.md");
    println!("cargo::rerun-if-changed={}", readme.display());
    let text = fs::read_to_string(&readme).expect("the README");

    let mut setup = String::new();
    let mut code = String::new();
    let mut lengths = Vec::new();
    for (number, block) in text.split("```rust").skip(1).enumerate() {
        let (language, rest) = block.split_once('\n').expect("a block has lines");
        let (body, _) = rest.split_once("```").expect("a block ends");
        // The block without a framework is what every later one builds on.
        let is_setup = language.trim().is_empty();
        let before = if is_setup { "" } else { setup.as_str() };
        lengths.push(before.lines().count() + body.lines().count());
        let unused = "unused_variables, unused_imports, dead_code, clippy::all";
        write!(
            code,
            "#[allow({unused})]\nasync fn block_{number}() -> Result<(), Box<dyn std::error::Error>> {{\n{before}\n{body}\nOk(())\n}}\n"
        )
        .expect("writing to a string");
        if is_setup {
            setup = body.to_owned();
        }
    }
    writeln!(
        code,
        "/// The lines of each block, those of the setup included.\nconst LENGTHS: &[usize] = &{lengths:?};"
    )
    .expect("writing to a string");
    let out = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("readme.rs");
    fs::write(out, code).expect("the output");
}
