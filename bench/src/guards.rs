//! A guarded server beside a bare one that gets the same requests, ours and those of the peers.

use std::path::Path;

use auth_core::store::SessionMode;
use auth_core::store::memory::MemoryStore;
use auth_core::{Auth, AuthConfig, ClientInfo, Grant, Role};

use crate::client::Request;
use crate::failure::Failure;
use crate::load::{Load, Stranger};
use crate::process::ServerProcess;
use crate::report::{Group, Owner, Row};
use crate::servers::{SECRET, ada};
use crate::size::Size;
use crate::spread::Spread;
use crate::versions;

const CONNECTIONS: usize = 16;

/// Takes samples of all pairs by turns.
pub(crate) async fn measure(size: Size, peers: Option<&Path>) -> Result<Vec<Row>, Failure> {
    let token = format!("Authorization: Bearer {}", token().await?);
    let mut pairs = vec![
        Pair::start(Owner::Us, versions::ours("auth-axum"), versions::ours("axum"), &token, || {
            Ok([ServerProcess::ours("axum-bare")?, ServerProcess::ours("axum-guarded")?])
        })
        .await?,
        Pair::start(Owner::Us, versions::ours("auth-actix-web"), versions::ours("actix-web"), &token, || {
            Ok([ServerProcess::ours("actix-bare")?, ServerProcess::ours("actix-guarded")?])
        })
        .await?,
    ];
    for (beside, bare, layered) in [
        (versions::ours("axum"), "axum-bare", "axum-layered"),
        (versions::ours("actix-web"), "actix-bare", "actix-wrapped"),
    ] {
        let name = "a layer that does nothing".to_owned();
        let servers = || Ok([ServerProcess::ours(bare)?, ServerProcess::ours(layered)?]);
        pairs.push(Pair::start(Owner::Framework, name, beside, &token, servers).await?);
    }
    if let Some(peers) = peers {
        for (names, bare, bare_server, server) in [
            (["axum-login", "tower-sessions"].as_slice(), "axum", "axum-bare", "axum-login"),
            (["axum-jwt-auth"].as_slice(), "axum", "axum-bare", "axum-jwt-auth"),
            (["actix-web-httpauth", "jsonwebtoken"].as_slice(), "actix-web", "actix-web-bare", "actix-web-httpauth"),
        ] {
            let names: Vec<_> = names.iter().map(|name| versions::peer(name)).collect();
            let pair = Pair::start(Owner::Peer, names.join(", "), versions::peer(bare), &token, || {
                Ok([ServerProcess::start(peers, &[bare_server])?, ServerProcess::start(peers, &[server])?])
            });
            pairs.push(pair.await?);
        }
    }
    let samples = size.guards();
    // The first round warms up.
    for round in 0..=samples.count {
        for pair in &mut pairs {
            let ratio = pair.sample(samples.each, round % 2 == 0).await?;
            if round > 0 {
                pair.ratios.push(ratio);
            }
        }
        eprint!("\rguards: {round} of {} rounds ", samples.count);
    }
    eprintln!();
    Ok(pairs.iter().map(Pair::row).collect())
}

struct Pair {
    owner: Owner,
    name: String,
    beside: String,
    bare: Load,
    guarded: Load,
    ratios: Vec<f64>,
}

impl Pair {
    async fn start(
        owner: Owner,
        name: String,
        beside: String,
        token: &str,
        servers: impl FnOnce() -> Result<[ServerProcess; 2], Failure>,
    ) -> Result<Self, Failure> {
        let [bare, guarded] = servers()?;
        // Both get it, and both parse it.
        let request = Request::get(guarded.header.as_deref().unwrap_or(token));
        let bare = Load::on(bare, request.clone(), CONNECTIONS).await?.with_stranger(Stranger::Welcome).await?;
        let stranger = if owner == Owner::Framework { Stranger::Welcome } else { Stranger::Refused };
        let guarded = Load::on(guarded, request, CONNECTIONS).await?.with_stranger(stranger).await?;
        Ok(Self { owner, name, beside, bare, guarded, ratios: Vec::new() })
    }

    /// How many requests the guarded server answers in the time of one of the bare one.
    async fn sample(&mut self, requests: usize, bare_first: bool) -> Result<f64, Failure> {
        let (bare, guarded) = if bare_first {
            let bare = self.bare.run(requests).await?;
            (bare, self.guarded.run(requests).await?)
        } else {
            let guarded = self.guarded.run(requests).await?;
            (self.bare.run(requests).await?, guarded)
        };
        Ok(bare.processor / guarded.processor)
    }

    fn row(&self) -> Row {
        let (name, beside) = (&self.name, self.beside.clone());
        Row::measured(Group::Guards, self.owner, name, beside, Spread::of(&self.ratios), None)
    }
}

/// An access token as every login gets one, for a user with a role.
async fn token() -> Result<String, Failure> {
    let auth = Auth::builder(MemoryStore::new()).config(AuthConfig::new(SECRET)).build()?;
    let mut user = ada()?;
    user.role = Some(Role::new("editor")?);
    let user = auth.create_user(user).await?;
    let tokens = auth.open_session(&user, SessionMode::Json, &ClientInfo::default()).await?;
    match tokens.grant {
        Grant::Pair { access, .. } => Ok(access.expose_secret().to_owned()),
        Grant::Session(token) => Ok(token.expose_secret().to_owned()),
    }
}
