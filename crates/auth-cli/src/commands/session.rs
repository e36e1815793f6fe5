//! `authctl session`: who is signed in.

use std::time::Duration;

use auth_core::store::{FactorStore as _, SessionMode, SessionRecord, SessionStore as _, TokenStore as _};
use auth_core::{Clock as _, SessionId, SystemClock};
use auth_sea_orm::SeaOrmStore;
use clap::{Args, Subcommand};
use indicatif::ProgressBar;
use serde_json::{Value, json};

use crate::exit::{Exit, Failure};
use crate::open::{self, Database, Who};
use crate::shell::Shell;
use crate::table::{DIM, GREEN, Table};

const BATCH: u64 = 500;
const DAY: Duration = Duration::from_secs(24 * 3600);

#[derive(Debug, Args)]
pub(crate) struct Sessions {
    #[command(flatten)]
    database: Database,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The sessions of a user that are alive, the newest first
    List(Who),
    /// Ends sessions: those with these ids, or all of a user
    Revoke {
        /// The ids of sessions
        #[arg(required_unless_present = "user", conflicts_with = "user")]
        ids: Vec<SessionId>,
        /// All of the user with this address or id; a login that is under way comes to nothing too
        #[arg(long)]
        user: Option<String>,
    },
    /// Removes sessions and personal access tokens that expired long ago, as a running server does by itself
    Purge {
        /// How many days ago at least
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=3650))]
        days: u32,
    },
}

impl Sessions {
    pub(crate) async fn run(self, shell: &mut Shell<'_>) -> Result<Exit, Failure> {
        let store = self.database.open(shell).await?;
        match self.command {
            Command::List(Who { who }) => list(&store, &who, shell).await,
            Command::Revoke { user: Some(user), .. } => revoke_all(&store, &user, shell).await,
            Command::Revoke { ids, user: None } => revoke(&store, &ids, shell).await,
            Command::Purge { days } => purge(&store, days, shell).await,
        }
    }
}

async fn list(store: &SeaOrmStore, who: &str, shell: &mut Shell<'_>) -> Result<Exit, Failure> {
    let user = open::user(store, who).await?;
    let epoch = store.epoch(&user.id).await?;
    let mut sessions = store.list(&user.id, SystemClock.now()).await?;
    // Of an older epoch: dead, though nobody has said so in its row.
    sessions.retain(|session| session.epoch == epoch);
    let mut table = Table::new(["id", "mode", "level", "opened", "last used", "expires", "address", "client"]);
    for session in &sessions {
        let address = session.client.ip.map_or_else(|| "-".to_owned(), |ip| ip.to_string());
        table.row(
            anstyle::Style::new(),
            [
                session.id.to_string(),
                mode(session).to_owned(),
                format!("aal{}", session.aal),
                session.created_at.to_string(),
                session.rotated_at.unwrap_or(session.created_at).to_string(),
                session.idle_expires_at.to_string(),
                address,
                session.client.user_agent.clone().unwrap_or_else(|| "-".to_owned()),
            ],
        );
    }
    let text = if sessions.is_empty() { format!("{DIM}no session is alive{DIM:#}") } else { table.text() };
    let sessions: Vec<_> = sessions.iter().map(in_json).collect();
    shell.answer(&json!({ "user": user.id, "sessions": sessions }), &text)?;
    Ok(Exit::Done)
}

fn in_json(session: &SessionRecord) -> Value {
    json!({
        "id": session.id,
        "mode": mode(session),
        "aal": session.aal,
        "created_at": session.created_at.to_string(),
        "last_used_at": session.rotated_at.unwrap_or(session.created_at).to_string(),
        "expires_at": session.idle_expires_at.to_string(),
        "ends_at": session.absolute_expires_at.to_string(),
        "ip": session.client.ip,
        "user_agent": session.client.user_agent,
    })
}

const fn mode(session: &SessionRecord) -> &'static str {
    match session.mode {
        SessionMode::Json => "json",
        SessionMode::Cookie => "cookie",
        SessionMode::Session => "session",
    }
}

async fn revoke(store: &SeaOrmStore, ids: &[SessionId], shell: &mut Shell<'_>) -> Result<Exit, Failure> {
    let auth = open::auth(store, open::config(shell)?)?;
    let (mut ended, mut unknown, mut failed) = (Vec::new(), Vec::new(), None);
    for id in ids {
        match auth.end_any_session(*id).await {
            Ok(true) => ended.push(id.to_string()),
            Ok(false) => unknown.push(id.to_string()),
            Err(error) if ended.is_empty() => return Err(error.into()),
            Err(error) => {
                let what = "stopped half way: run it again, with the ids that are missing above";
                failed = Some(Failure::new(Exit::Interrupted, what).because(error));
                break;
            }
        }
    }
    open::keep_trail(&auth, shell).await;
    let mut text: String = ended.iter().map(|id| format!("{GREEN}ended{GREEN:#}  {id}\n")).collect();
    text.extend(unknown.iter().map(|id| format!("not alive: {id} (ended before, or there is none)\n")));
    shell.answer(&json!({ "ended": ended, "not_alive": unknown }), &text)?;
    if let Some(failure) = failed {
        return Err(failure);
    }
    Ok(if unknown.is_empty() { Exit::Done } else { Exit::SomeFailed })
}

async fn revoke_all(store: &SeaOrmStore, who: &str, shell: &mut Shell<'_>) -> Result<Exit, Failure> {
    let auth = open::auth(store, open::config(shell)?)?;
    let user = open::user(store, who).await?;
    let ended = auth.end_sessions_of(&user.id).await?;
    open::keep_trail(&auth, shell).await;
    shell
        .answer(&json!({ "user": user.id, "ended": ended }), &format!("{GREEN}{ended} sessions have ended{GREEN:#}"))?;
    Ok(Exit::Done)
}

async fn purge(store: &SeaOrmStore, days: u32, shell: &mut Shell<'_>) -> Result<Exit, Failure> {
    let expired_before = SystemClock.now().before(DAY * days);
    let bar = ProgressBar::new_spinner();
    let mut sessions = 0;
    loop {
        let removed = match store.purge_expired(expired_before, BATCH).await {
            Ok(removed) => removed,
            Err(error) if sessions == 0 => return Err(error.into()),
            Err(error) => {
                bar.finish_and_clear();
                let what = format!("stopped half way: {sessions} sessions are removed. Run it again");
                return Err(Failure::new(Exit::Interrupted, what).because(error));
            }
        };
        sessions += removed;
        bar.set_message(format!("{sessions} sessions"));
        bar.tick();
        if removed < BATCH {
            break;
        }
    }
    let tokens = store.purge_tokens(expired_before, u64::MAX).await?;
    bar.finish_and_clear();
    let json = json!({ "sessions": sessions, "personal_tokens": tokens });
    shell.answer(&json, &format!("{GREEN}removed{GREEN:#}  {sessions} sessions, {tokens} personal access tokens"))?;
    Ok(Exit::Done)
}
