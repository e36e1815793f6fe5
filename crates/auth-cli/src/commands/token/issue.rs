//! A token for a user without the user's password. It is not made in secret: it belongs to a session, which the user
//! sees, which can be ended, and which ends with the token.

use std::time::Duration;

use auth_core::store::SessionMode;
use auth_core::{ClientInfo, Clock as _, ErrorKind, Grant, SystemClock};
use clap::Args;
use serde_json::json;

use crate::exit::{Exit, Failure};
use crate::open::{self, Database, Who, not_started};
use crate::shell::Shell;
use crate::table::DIM;

#[derive(Debug, Args)]
pub(crate) struct Issue {
    #[command(flatten)]
    user: Who,
    /// How many minutes it lives
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=60))]
    minutes: u32,
    #[command(flatten)]
    database: Database,
}

impl Issue {
    pub(crate) async fn run(self, shell: &mut Shell<'_>) -> Result<Exit, Failure> {
        let store = self.database.open(shell).await?;
        let mut config = open::config(shell)?;
        let lives = Duration::from_secs(60) * self.minutes;
        config.access_token_ttl = lives;
        config.refresh_token_ttl = lives;
        config.session_cookie_ttl = lives;
        config.absolute_ttl = lives;
        config.refresh_grace = Duration::ZERO;
        let auth = open::auth(&store, config)?;
        let user = open::user(&store, &self.user.who).await?;
        let client = ClientInfo::new(None, Some("authctl token issue"));
        let tokens =
            auth.open_session(&user.id, SessionMode::Json, &client).await.map_err(|error| match error.kind() {
                ErrorKind::InvalidCredentials => not_started(format!(
                    "the user is {} and may not sign in: `authctl user activate` changes that",
                    user.status.as_str()
                )),
                _ => error.into(),
            })?;
        open::keep_trail(&auth, shell).await;
        let Grant::Pair { access, .. } = tokens.grant else {
            return Err(not_started("a session of another kind was opened: this is a bug"));
        };
        let expires_at = SystemClock.now().after(tokens.expires_in).to_string();
        let json = json!({
            "access_token": access.expose_secret(),
            "expires_at": expires_at,
            "user": tokens.user,
            "session": tokens.session,
        });
        shell.answer(&json, access.expose_secret())?;
        shell.note(&format!(
            "{DIM}good until {expires_at}; its session {} is over then, or with `authctl session revoke`{DIM:#}",
            tokens.session
        ));
        Ok(Exit::Done)
    }
}
