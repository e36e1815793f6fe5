//! `authctl audit`: what happened, from the trail that servers with `AUDIT_TRAIL=1` keep.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::time::Duration;

use auth_core::store::{EventFilter, EventPage, EventRecord, EventStore as _};
use auth_core::{Clock as _, EventDetails, EventName, Outcome, SystemClock};
use auth_sea_orm::SeaOrmStore;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::exit::{Exit, Failure};
use crate::open::{self, Database, not_started};
use crate::shell::{Format, Shell};
use crate::table::{DIM, RED, printable, printable_json};

/// How often it is looked for more.
const EVERY: Duration = Duration::from_secs(1);
/// Servers store their events a little later, so that younger ones may be there before.
const LATE: Duration = Duration::from_secs(60);
/// The most that is looked at in one go.
const PAGE: u64 = 1_000;

#[derive(Debug, Args)]
pub(crate) struct Audit {
    #[command(flatten)]
    database: Database,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The last events, the newest at the end
    Tail(Tail),
}

#[derive(Debug, Args)]
struct Tail {
    /// How many
    #[arg(short = 'n', long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=PAGE))]
    lines: u64,
    /// Only those of this account: an address or an id
    #[arg(long)]
    user: Option<String>,
    /// Only those of this name, such as login_failed
    #[arg(long)]
    kind: Option<EventName>,
    /// Goes on with what happens now; with --json, an object a line
    #[arg(short, long)]
    follow: bool,
}

impl Audit {
    pub(crate) async fn run(self, shell: &mut Shell<'_>) -> Result<Exit, Failure> {
        let store = self.database.open(shell).await?;
        match self.command {
            Command::Tail(tail) => tail.run(&store, shell).await,
        }
    }
}

impl Tail {
    async fn run(self, store: &SeaOrmStore, shell: &mut Shell<'_>) -> Result<Exit, Failure> {
        let user = match &self.user {
            Some(who) => Some(open::user(store, who).await?.id),
            None => None,
        };
        let mut filter = EventFilter { user, kind: self.kind, ..EventFilter::default() };
        let events = newest(store, &filter, self.lines).await?;
        if !self.follow {
            return answer(&events, shell);
        }
        let mut known: HashSet<_> = newest(store, &filter, PAGE).await?.iter().map(|event| event.id).collect();
        let mut fresh = events;
        loop {
            for event in &fresh {
                let line = match shell.format {
                    Format::Json => printable_json(&in_json(event).to_string()),
                    Format::Human => in_words(event),
                };
                match writeln!(shell.out, "{line}").and_then(|()| shell.out.flush()) {
                    Ok(()) => {}
                    // Whoever listened has gone.
                    Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(Exit::Done),
                    Err(error) => return Err(not_started("the answer cannot be written").because(error)),
                }
            }
            tokio::time::sleep(EVERY).await;
            filter.since = Some(SystemClock.now().before(LATE));
            let recent = newest(store, &filter, PAGE).await?;
            let ids: HashSet<_> = recent.iter().map(|event| event.id).collect();
            fresh = recent.into_iter().filter(|event| !known.contains(&event.id)).collect();
            known = ids;
        }
    }
}

/// The oldest of them first.
async fn newest(store: &SeaOrmStore, filter: &EventFilter, limit: u64) -> Result<Vec<EventRecord>, Failure> {
    let page = EventPage { filter: filter.clone(), after: None, skip: 0, limit };
    let mut events = store.events(&page).await?;
    events.reverse();
    Ok(events)
}

fn answer(events: &[EventRecord], shell: &mut Shell<'_>) -> Result<Exit, Failure> {
    let text = if events.is_empty() {
        format!("{DIM}nothing is recorded; AUDIT_TRAIL=1 lets a server keep a trail{DIM:#}")
    } else {
        events.iter().map(|event| in_words(event) + "\n").collect()
    };
    let events: Vec<_> = events.iter().map(in_json).collect();
    shell.answer(&json!({ "events": events }), &text)?;
    Ok(Exit::Done)
}

fn in_words(event: &EventRecord) -> String {
    let style = match event.outcome {
        Outcome::Succeeded => anstyle::Style::new(),
        Outcome::Refused => RED,
    };
    let mut line = format!("{}  {style}{:<9}  {:<26}{style:#}", event.at, event.outcome.as_str(), event.kind.as_str());
    let details = [
        ("times", (event.times != 1).then(|| event.times.to_string())),
        ("user", event.user.map(|user| user.to_string())),
        ("what", event.details.map(|details| details.names().collect::<Vec<_>>().join(" "))),
        ("by", event.actor.map(|actor| actor.to_string())),
        ("from", event.ip.map(|ip| ip.to_string())),
        ("session", event.session.map(|session| session.to_string())),
        ("token", event.token.map(|token| token.to_string())),
        ("with", event.user_agent.clone()),
    ];
    for (name, detail) in details {
        if let Some(detail) = detail {
            line += &format!("  {DIM}{name}{DIM:#} {}", printable(&detail));
        }
    }
    line
}

fn in_json(event: &EventRecord) -> Value {
    json!({
        "id": event.id,
        "at": event.at.to_string(),
        "type": event.kind.as_str(),
        "times": event.times,
        "outcome": event.outcome.as_str(),
        "user": event.user,
        "details": event.details.iter().flat_map(EventDetails::names).collect::<Vec<_>>(),
        "actor": event.actor,
        "session": event.session,
        "token": event.token,
        "ip": event.ip,
        "user_agent": event.user_agent,
    })
}
