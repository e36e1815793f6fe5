//! The program `authctl`, as its own package builds it, for the suites that start it: cargo tells a package only where
//! its own programs are.

use std::process::ExitCode;

fn main() -> ExitCode {
    auth_cli::main()
}
