//! Turns the Rust blocks of the README into functions, so that the tests compile them.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    println!("cargo::rerun-if-changed={}", readme.display());
    let text = fs::read_to_string(&readme).expect("the README");

    let mut setup = String::new();
    let mut code = String::new();
    let mut longest = 0;
    for (number, block) in text.split("```rust").skip(1).enumerate() {
        let (language, rest) = block.split_once('\n').expect("a block has lines");
        let (body, _) = rest.split_once("```").expect("a block ends");
        longest = longest.max(body.lines().count());
        if language.trim().is_empty() {
            // What every later block builds on.
            setup = body.to_owned();
        }
        let unused = "unused_variables, unused_imports, dead_code, clippy::all";
        let before = if language.trim().is_empty() { "" } else { setup.as_str() };
        write!(
            code,
            "#[allow({unused})]\nasync fn block_{number}() -> Result<(), Box<dyn std::error::Error>> {{\n{before}\n{body}\nOk(())\n}}\n"
        )
        .expect("writing to a string");
    }
    writeln!(code, "const LONGEST: usize = {longest};").expect("writing to a string");
    let out = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("readme.rs");
    fs::write(out, code).expect("the output");
}
