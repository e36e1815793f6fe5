//! Our servers under load, each a process that ends with its standard input: `auth-bench serve <server>`.

mod actix;
mod axum;
mod hash;

use std::io::Write as _;
use std::net::SocketAddr;

use auth_core::store::memory::MemoryStore;
use auth_core::{Auth, AuthConfig, Email, LoginThrottle, NewUser, Password};
use clap::ValueEnum;

use crate::failure::Failure;

/// Signs the tokens of every server here, ours and those of the peers.
pub(crate) const SECRET: &str = "7hQx2vN9-for-benches-alone-Lk4bT8w";
pub(crate) const EMAIL: &str = "ada@example.com";
pub(crate) const PASSWORD: &str = "correct horse";

const ANSWER: &str = "hello";

/// What is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Server {
    /// A handler that answers a word.
    AxumBare,
    /// The same behind a layer that does nothing.
    AxumLayered,
    /// The same behind `RequireAuth`.
    AxumGuarded,
    /// The routes of `auth-axum`, and a user.
    AxumLogin,
    /// A handler that hashes one password in the place of the login, and nothing else.
    Hash,
    /// As `AxumBare`.
    ActixBare,
    /// As `AxumLayered`.
    ActixWrapped,
    /// As `AxumGuarded`.
    ActixGuarded,
    /// The routes of `auth-actix-web`, and a user.
    ActixLogin,
}

impl Server {
    /// Serves until the standard input ends.
    pub(crate) fn serve(self) -> Result<(), Failure> {
        match self {
            Self::AxumBare => axum::serve(1, async || Ok(axum::bare())),
            Self::AxumLayered => axum::serve(1, async || Ok(axum::layered())),
            Self::AxumGuarded => axum::serve(1, async || Ok(axum::guarded(&guarding()?))),
            Self::AxumLogin => axum::serve(1, async || Ok(auth_axum::routes(&knowing_ada().await?))),
            // As many hash at once as do in our pool.
            Self::Hash => axum::serve(AuthConfig::new(SECRET).hash_threads, async || hash::router()),
            Self::ActixBare => actix::serve(async || Ok(actix::bare)),
            Self::ActixWrapped => actix::serve(async || Ok(actix::wrapped)),
            Self::ActixGuarded => actix::serve(async || Ok(actix::guarded(guarding()?))),
            Self::ActixLogin => actix::serve(async || Ok(actix::routes(knowing_ada().await?))),
        }
    }
}

/// The user whom the servers know.
pub(crate) fn ada() -> Result<NewUser, Failure> {
    Ok(NewUser::new(Email::parse(EMAIL)?, Password::new(PASSWORD)))
}

fn guarding() -> Result<Auth, Failure> {
    Ok(Auth::builder(MemoryStore::new()).config(AuthConfig::new(SECRET)).build()?)
}

/// Counting failed logins is left out: here are none, and what they cost is the store's time.
async fn knowing_ada() -> Result<Auth, Failure> {
    let mut config = AuthConfig::new(SECRET);
    config.login_throttle = LoginThrottle::Off;
    let auth = Auth::builder(MemoryStore::new()).config(config).build()?;
    auth.create_user(ada()?).await?;
    Ok(auth)
}

/// Tells whoever started this process where it listens, and watches whether they are still there.
fn say_where(address: SocketAddr) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{address}\t")
        .and_then(|()| out.flush())
        .map_err(|source| Failure::io("the standard output", source))?;
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        std::process::exit(0);
    });
    Ok(())
}
