//! `authctl audit`: what happened, from the trail that servers with `AUDIT_TRAIL=1` keep.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::time::Duration;

use auth_core::store::{EventFilter, EventPage, EventRecord, EventStore as _};
use auth_core::{Clock as _, Email, EventDetails, EventId, EventName, Outcome, SystemClock, UserId};
use auth_sea_orm::SeaOrmStore;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::exit::{Exit, Failure};
use crate::open::{self, Database, not_started};
use crate::shell::{Format, Shell};
use crate::table::{DIM, RED, printable, printable_json};

/// How often it is looked for more.
const EVERY: Duration = Duration::from_secs(1);
/// Servers store their events a little later, what they count every five minutes, and what waited for a database when that
/// is there again.
const LATE: Duration = Duration::from_secs(10 * 60);
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
            // Also of somebody who is gone: what happened to them is there.
            Some(who) => Some(match (Email::parse(who), UserId::new(who)) {
                (Err(_), Ok(id)) => id,
                _ => open::user(store, who).await?.id,
            }),
            None => None,
        };
        let mut filter = EventFilter { user, kind: self.kind, ..EventFilter::default() };
        // Before the last ones are looked for: what comes in between is among those, or is new.
        let mut known = HashSet::new();
        if self.follow {
            filter.since = Some(SystemClock.now().before(LATE));
            unknown(store, &filter, &mut known, Pages::All).await?;
            filter.since = None;
        }
        let mut fresh = newest(store, &filter, self.lines).await?;
        if let (true, Some(who)) = (fresh.is_empty(), &self.user) {
            open::user(store, who).await?;
        }
        if !self.follow {
            return answer(&fresh, shell);
        }
        known.extend(fresh.iter().map(|event| event.id));
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
            let since = SystemClock.now().before(LATE);
            filter.since = Some(since);
            known.retain(|id| *id >= EventId::lowest(since));
            fresh = unknown(store, &filter, &mut known, Pages::WithNews).await?;
        }
    }
}

/// How far back is looked: a page that has nothing new is the last one, or there is no such page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pages {
    All,
    WithNews,
}

/// What is not known yet, the oldest first; and is known then.
async fn unknown(
    store: &SeaOrmStore,
    filter: &EventFilter,
    known: &mut HashSet<EventId>,
    pages: Pages,
) -> Result<Vec<EventRecord>, Failure> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = store.events(&EventPage { filter: filter.clone(), after, skip: 0, limit: PAGE }).await?;
        let is_last = page.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
        after = page.last().map(|event| event.id);
        let before = found.len();
        found.extend(page.into_iter().filter(|event| known.insert(event.id)));
        if is_last || (pages == Pages::WithNews && found.len() == before) {
            found.reverse();
            return Ok(found);
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
