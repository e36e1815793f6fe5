//! The whole bench with a few requests each. It checks itself that every guarded server answers 200 with its token and
//! 401 without, and every bare one 200; so a run that ends well says that they do.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

use std::process::Command;

use serde_json::Value;

const BENCH: &str = env!("CARGO_BIN_EXE_auth-bench");

#[test]
fn every_server_of_ours_and_every_store_is_measured() {
    let directory = tempfile::tempdir().expect("a directory");
    let [json, markdown, svg] = ["run.json", "run.md", "run.svg"].map(|name| directory.path().join(name));
    let mut bench = Command::new(BENCH);
    bench.args(["--smoke", "--no-peers"]).arg("--json").arg(&json).arg("--markdown").arg(&markdown);
    let output = bench.arg("--svg").arg(&svg).output().expect("it starts");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{err}");

    let report: Value = serde_json::from_slice(&std::fs::read(json).expect("is written")).expect("JSON");
    let rows = report["rows"].as_array().expect("rows");
    let of = |group: &str| -> Vec<&Value> { rows.iter().filter(|row| row["group"] == group).collect() };
    for (group, count) in [("guards", 4), ("login_time", 2), ("login_rate", 2)] {
        assert_eq!(of(group).len(), count, "{group}");
        for row in of(group) {
            assert!(row["ratio"]["median"].as_f64().is_some_and(|ratio| ratio > 0.0), "{row}");
        }
    }
    for group in ["rotations", "refreshes"] {
        let on = |database: &str| {
            let rows =
                of(group).into_iter().filter(|row| row["name"].as_str().is_some_and(|name| name.contains(database)));
            rows.filter(|row| row["per_second"]["median"].as_f64().is_some_and(|rate| rate > 0.0)).count()
        };
        assert_eq!(on("SQLite"), 3, "{group}");
        if std::env::var("TEST_REQUIRE").is_ok_and(|required| required.contains("postgres")) {
            assert_eq!(on("PostgreSQL"), 3, "{group}");
        }
    }
    assert_eq!(std::fs::read_to_string(markdown).expect("is written").trim(), out.trim());
    assert!(std::fs::read_to_string(svg).expect("is written").starts_with("<svg "));
}
