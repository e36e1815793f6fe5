//! The servers of the peers: a package in a workspace of its own (`bench/peers`), built when it is asked for.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;

const PACKAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers");

/// Builds them as this program was built, beside it, and says where they are.
pub(crate) fn build() -> Result<PathBuf, Failure> {
    let program = std::env::current_exe().map_err(|source| Failure::io("this program", source))?;
    // The target directory: two above a binary.
    let target = program.ancestors().nth(2).unwrap_or_else(|| Path::new(".")).join("peers");
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--locked", "--target-dir"]).arg(&target).current_dir(PACKAGE);
    if profile == "release" {
        cargo.arg("--release");
    }
    let status = cargo.status().map_err(|source| Failure::io("cargo, which builds the peers", source))?;
    if !status.success() {
        return Err(Failure::Peers);
    }
    Ok(target.join(profile).join("auth-bench-peers"))
}
