//! `auth-bench-peers <server>`: says on its standard output where it listens, and ends with its standard input. The
//! secret of the tokens is in `SECRET`.
//!
//! Each peer is set up as its own documentation has it. What they answer is what `auth-bench` has our servers answer.

mod actix;
mod axum_jwt_auth;
mod axum_login;

use std::error::Error;
use std::io::Write as _;
use std::net::SocketAddr;

use axum::Router;
use axum::routing::get;
use serde::Deserialize;

const ANSWER: &str = "hello";

/// What a handler wants to know of a user.
#[derive(Debug, Clone, Deserialize)]
#[allow(dead_code, reason = "the handlers of this bench only answer")]
struct Claims {
    id: String,
    role: Option<String>,
    sid: String,
    exp: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let server = std::env::args().nth(1).unwrap_or_default();
    let secret = std::env::var("SECRET").map_err(|_| "SECRET: the secret that the tokens are signed with")?;
    match server.as_str() {
        "axum-bare" => serve_axum(async || Ok((Router::new().route("/", get(async || ANSWER)), String::new()))),
        "axum-jwt-auth" => serve_axum(async || Ok((axum_jwt_auth::router(&secret)?, String::new()))),
        "axum-login" => serve_axum(axum_login::router),
        "actix-web-bare" => actix::serve_bare(),
        "actix-web-httpauth" => actix::serve_guarded(&secret),
        _ => Err("one of: axum-bare, axum-jwt-auth, axum-login, actix-web-bare, actix-web-httpauth".into()),
    }
}

/// Serves a router, with one worker, and says which header opens it if it is not a token of ours.
fn serve_axum(app: impl AsyncFnOnce() -> Result<(Router, String), Box<dyn Error>>) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let (router, header) = app().await?;
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        say_where(listener.local_addr()?, &header)?;
        axum::serve(listener, router).await?;
        Ok(())
    })
}

fn say_where(address: SocketAddr, header: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{address}\t{header}")?;
    out.flush()?;
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        std::process::exit(0);
    });
    Ok(())
}
