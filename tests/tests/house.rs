//! Rules of the house that a compiler does not know.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn rust_files(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() && entry.file_name().is_some_and(|name| name != "target") {
            files.extend(rust_files(&entry));
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&entry).expect("a text");
            files.push((entry, text));
        }
    }
    files
}

/// Lines that do something: no comments, no blank lines.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"))
}

#[test]
fn adapters_know_no_status_header_cookie_or_json() {
    const FORBIDDEN: [&str; 16] = [
        "UNAUTHORIZED", "FORBIDDEN", "BAD_REQUEST", "NOT_FOUND", "TOO_MANY", "SERVICE_UNAVAILABLE", "Bearer",
        "authorization", "AUTHORIZATION", "COOKIE", "set-cookie", "WWW", "serde_json", "access_token", "refresh_token",
        "json!",
    ];
    for adapter in ["auth-axum", "auth-actix-web"] {
        for (path, text) in rust_files(&root().join("crates").join(adapter).join("src")) {
            for line in code(&text) {
                for word in FORBIDDEN {
                    assert!(!line.contains(word), "{}: `{word}` in `{line}` belongs in auth-core", path.display());
                }
                let digits: Vec<_> = line.split(|c: char| !c.is_ascii_digit()).collect();
                let status =
                    digits.iter().any(|number| number.len() == 3 && matches!(number.as_bytes()[0], b'1'..=b'5'));
                assert!(!status, "{}: a status in `{line}` belongs in auth-core", path.display());
            }
        }
    }
}

/// Its fields have names of the contract, and no more of it than that.
#[test]
fn graphql_knows_no_status_header_or_cookie() {
    const FORBIDDEN: [&str; 8] =
        ["StatusCode", "Bearer", "uthorization", "et-cookie", "COOKIE", "INVALID_", "GRAPHQL_", "http_headers"];
    for (path, text) in rust_files(&root().join("crates/auth-graphql/src")) {
        for line in code(&text) {
            for word in FORBIDDEN {
                assert!(!line.contains(word), "{}: `{word}` in `{line}` belongs in auth-core", path.display());
            }
        }
    }
}

#[test]
fn adapters_are_short() {
    for adapter in ["auth-axum", "auth-actix-web"] {
        let files = rust_files(&root().join("crates").join(adapter).join("src"));
        let lines: usize = files.iter().map(|(_, text)| code(text).count()).sum();
        assert!(lines <= 350, "{adapter} has {lines} lines of code");
    }
}

#[test]
fn every_requirement_of_these_routes_has_a_test_named_after_it() {
    const ROWS: &str = "r1 r2 r3 r4 r5 r6 r7 r8 r9 r10 r11 r12 d1 f1 f2 f3 f4 f5 f6 j1 j2 j3 j4 j5 j6 j7 j8 j9 j10 j11 j12 \
                        j13 b1 b2 b3 b4 b5 b6 b7 c1 c2 c3 c4 c5 c6 c7 c8 p1 p2 p3 p4 p5 p6 p7 p8 p9 g1 g2 g3 g4 g5 g6 g7 g8 g9 \
                        g10 g11 e1 e2 m1 m2 m3 m4 m5 m6 m7 m8 s1 s2 s3 s4 s5 s6";
    let files: Vec<_> = ["crates", "tests"].iter().flat_map(|folder| rust_files(&root().join(folder))).collect();
    let missing: Vec<_> = ROWS
        .split_whitespace()
        .filter(|row| {
            let names = [format!("fn {row}_"), format!("_{row}_")];
            !files.iter().any(|(_, text)| {
                code(text).any(|line| line.contains("fn ") && names.iter().any(|name| line.contains(name.as_str())))
            })
        })
        .collect();
    assert!(missing.is_empty(), "no test is named after {missing:?}");
}

#[test]
fn files_have_one_job() {
    for folder in ["crates", "examples", "tests"] {
        for (path, text) in rust_files(&root().join(folder)) {
            assert!(text.lines().count() <= 500, "{} has {} lines: split it", path.display(), text.lines().count());
        }
    }
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What stands between `before` and `after`, for the first time.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no `{before}`"));
    rest.split_once(after).unwrap_or_else(|| panic!("no `{after}` after `{before}`")).0
}

/// The lines of the first block of this kind.
fn block<'a>(page: &'a str, kind: &str) -> &'a str {
    between(page, &format!("\n```{kind}\n"), "```\n")
}

#[test]
fn every_crate_tells_registries_and_docs_rs_what_they_ask() {
    for entry in fs::read_dir(root().join("crates")).expect("a folder").map(|entry| entry.expect("an entry")) {
        let name = entry.file_name().into_string().expect("a name");
        let file = |file: &str| text(&format!("crates/{name}/{file}"));
        let manifest = file("Cargo.toml");
        let description = between(&manifest, "\ndescription = \"", "\"\n");
        assert!(description.ends_with('.') && description.len() > 20, "{name}: {description}");
        for line in ["version", "edition", "rust-version", "license"].map(|key| format!("{key}.workspace = true")) {
            assert!(manifest.lines().any(|found| found == line), "{name}: no `{line}`");
        }
        let list = |key: &str| between(&manifest, &format!("\n{key} = ["), "]").split(", ").count();
        assert!((1..=5).contains(&list("keywords")), "{name}: crates.io takes five keywords");
        assert!((1..=5).contains(&list("categories")), "{name}: crates.io takes five categories");
        assert_eq!(between(&manifest, "\nreadme = \"", "\""), "README.md", "{name}");
        assert!(file("README.md").starts_with(&format!("# {name}\n")), "{name}: its README is another's");
        let docs = "[package.metadata.docs.rs]\nall-features = true\nrustdoc-args = [\"--cfg\", \"docsrs\"]\n";
        assert!(manifest.contains(docs), "{name}: docs.rs leaves out what needs a feature");
        if manifest.contains("\n[features]\n") {
            let marks = "#![cfg_attr(docsrs, feature(doc_cfg))]";
            assert!(file("src/lib.rs").contains(marks), "{name}: its documentation does not say what needs a feature");
        }
        for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
            assert!(file(licence) == text(licence), "{name}: {licence} is not the one of the workspace");
        }
    }
}

/// The gate builds with the oldest Rust that is supported, so it is the check of `rust-version`.
#[test]
fn one_rust_is_named_everywhere() {
    let workspace = text("Cargo.toml");
    let oldest = between(&workspace, "\nrust-version = \"", "\"");
    assert!(workspace.contains("\nincompatible_msrv = \"warn\"\n"), "clippy lets in what is newer than {oldest}");
    assert!(!text("clippy.toml").contains("msrv"), "clippy looks at a version of its own");
    let toolchain = text("rust-toolchain.toml");
    let pinned = between(&toolchain, "channel = \"", "\"");
    assert!(pinned.starts_with(&format!("{oldest}.")), "the gate runs with {pinned}, and {oldest} is promised");
    let dockerfile = text("Dockerfile");
    assert_eq!(between(&dockerfile, "/rust:", "-slim"), pinned, "the image is built by another Rust");
    for template in ["axum", "actix-web"] {
        let manifest = text(&format!("templates/{template}/Cargo.toml.liquid"));
        assert_eq!(between(&manifest, "\nrust-version = \"", "\""), oldest, "{template}");
    }
}

#[test]
fn templates_are_the_programs_of_the_quick_starts() {
    let workspace = text("Cargo.toml");
    let version = between(&workspace, "\nversion = \"", "\"");
    for template in ["axum", "actix-web"] {
        let page = text(&format!("docs/src/quick-start-{template}.md"));
        let file = |name: &str| text(&format!("templates/{template}/{name}"));
        assert_eq!(block(&page, "rust program"), file("src/main.rs"), "{template}");
        let readme = file("README.md");
        assert!(page.contains(block(&readme, "sh")), "{template}: the README starts it in another way");
        let calls = between(&readme, "\nIn another terminal:\n\n```sh\n", "```\n");
        assert_eq!(between(&page, "\nIn another terminal:\n\n```sh\n", "```\n"), calls, "{template}");
        for line in file("Cargo.toml.liquid").lines().filter(|line| line.starts_with("auth-")) {
            let found =
                line.contains(&format!(" = \"{version}\"")) || line.contains(" = { path = \"{{auth_path}}/crates/");
            assert!(found, "{template}: `{line}` is not version {version}");
        }
    }
}

/// No container engine runs in the gate, so this is how a folder that moved is noticed.
#[test]
fn what_the_dockerfile_copies_is_there_and_in_its_context() {
    let (dockerfile, ignored) = (text("Dockerfile"), text(".dockerignore"));
    let mut copied = Vec::new();
    for line in dockerfile.lines().filter_map(|line| line.strip_prefix("COPY ")).filter(|line| !line.starts_with("--"))
    {
        let (sources, _) = line.rsplit_once(' ').expect("a source and a target");
        copied.extend(sources.split(' '));
    }
    assert!(copied.len() >= 6, "the lines are not found any more: {copied:?}");
    for path in &copied {
        assert!(root().join(path).exists(), "the Dockerfile copies {path}, which is not there");
    }
    let context: Vec<_> = ignored.lines().filter_map(|line| line.strip_prefix('!')).collect();
    assert!(ignored.lines().any(|line| line == "*"), ".dockerignore lets in more than it names");
    assert_eq!(context, copied, ".dockerignore lets in what is copied, and nothing else");
    assert!(text("compose.yaml").contains("\n    build: .\n"), "compose.yaml does not build it");
}
