//! The corpus of every fuzz target, on every test run: what the fuzzers were started with, and what they found since.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

use std::path::Path;

#[path = "../../fuzz/src/lib.rs"]
mod targets;

#[test]
fn b3_c3_g10_j5_j12_r7_the_corpus_of_every_fuzz_target_passes() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    for (name, target) in targets::TARGETS {
        let mut inputs = 0;
        for entry in std::fs::read_dir(fuzz.join("corpus").join(name)).expect("a corpus") {
            let path = entry.expect("an entry").path();
            println!("{}", path.display());
            target(&std::fs::read(path).expect("a file"));
            inputs += 1;
        }
        assert!(inputs >= 10, "{name} has {inputs} inputs");
        assert!(
            fuzz.join("fuzz_targets").join(name).with_extension("rs").exists(),
            "{name} is no target of cargo-fuzz"
        );
    }
    let targets = std::fs::read_dir(fuzz.join("fuzz_targets")).expect("a folder").count();
    assert_eq!(targets, targets::TARGETS.len(), "a target without a corpus");
}
