//! `authctl`: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    auth_cli::main()
}
