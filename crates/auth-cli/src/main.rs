//! `authctl`: see the library.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let vars = |name: &str| std::env::var(name).ok();
    let exit = auth_cli::run(std::env::args_os(), &vars, &mut std::io::stdout(), &mut std::io::stderr()).await;
    ExitCode::from(exit.code())
}
