//! `authctl migrate`: our tables, made and brought up to date.

use auth_sea_orm::{MigrationState, MigrationStatus, SeaOrmStore};
use clap::Args;
use serde_json::{Value, json};

use crate::exit::{Exit, Failure};
use crate::open::{Database, not_started};
use crate::secrets::Agreed;
use crate::shell::Shell;
use crate::table::{GREEN, RED, Table, YELLOW};

#[derive(Debug, Args)]
#[command(mut_arg("yes", |yes| yes.requires("down")))]
pub(crate) struct Migrate {
    /// Only says which migrations ran: 0 when all did, 3 when some are pending
    #[arg(long, conflicts_with_all = ["down", "yes"])]
    status: bool,

    /// Takes back the last migrations, with all that is in their tables and columns
    #[arg(long, value_name = "STEPS", num_args = 0..=1, default_missing_value = "1")]
    down: Option<u32>,

    #[command(flatten)]
    agreed: Agreed,

    #[command(flatten)]
    database: Database,
}

impl Migrate {
    pub(crate) async fn run(self, shell: &mut Shell<'_>) -> Result<Exit, Failure> {
        let store = self.database.connect(shell).await?;
        let before = store.migrations().await?;
        let names: Vec<_> = match (self.status, self.down) {
            (true, _) => return status(&before, shell),
            (false, Some(steps)) => take_back(&store, &before, steps, self.agreed).await?,
            (false, None) => bring_up(&store, &before).await?,
        };
        let (key, done) = if self.down.is_some() { ("reverted", "taken back") } else { ("applied", "applied") };
        let text = if names.is_empty() {
            "the tables are up to date: nothing to do".to_owned()
        } else {
            names.iter().map(|name| format!("{GREEN}{done}{GREEN:#}  {name}\n")).collect()
        };
        shell.answer(&json!({ key: names }), &text)?;
        Ok(Exit::Done)
    }
}

fn status(states: &[MigrationState], shell: &mut Shell<'_>) -> Result<Exit, Failure> {
    let mut table = Table::new(["migration", "status"]);
    for state in states {
        let style = match state.status {
            MigrationStatus::Applied => GREEN,
            MigrationStatus::Pending => YELLOW,
            MigrationStatus::Unknown => RED,
        };
        table.row(style, [state.name.clone(), name(state.status).to_owned()]);
    }
    let json: Vec<Value> =
        states.iter().map(|state| json!({ "name": state.name, "status": name(state.status) })).collect();
    shell.answer(&json!({ "migrations": json }), &table.text())?;
    let all_applied = states.iter().all(|state| state.status == MigrationStatus::Applied);
    Ok(if all_applied { Exit::Done } else { Exit::Differences })
}

const fn name(status: MigrationStatus) -> &'static str {
    match status {
        MigrationStatus::Applied => "applied",
        MigrationStatus::Pending => "pending",
        MigrationStatus::Unknown => "of a newer version",
    }
}

async fn bring_up(store: &SeaOrmStore, before: &[MigrationState]) -> Result<Vec<String>, Failure> {
    require_known(before)?;
    store.migrate().await.map_err(|error| not_started("the tables cannot be made").because(error))?;
    Ok(names(before, MigrationStatus::Pending))
}

async fn take_back(
    store: &SeaOrmStore,
    before: &[MigrationState],
    steps: u32,
    agreed: Agreed,
) -> Result<Vec<String>, Failure> {
    require_known(before)?;
    let mut last = names(before, MigrationStatus::Applied);
    last.reverse();
    last.truncate(usize::try_from(steps).unwrap_or(usize::MAX));
    if last.is_empty() {
        return Ok(last);
    }
    agreed.or_ask(&format!("Everything in the tables and columns of {} will be lost. Go on?", last.join(", ")))?;
    store.roll_back(steps).await.map_err(|error| not_started("the migrations cannot be taken back").because(error))?;
    Ok(last)
}

fn require_known(states: &[MigrationState]) -> Result<(), Failure> {
    match names(states, MigrationStatus::Unknown).as_slice() {
        [] => Ok(()),
        unknown => Err(not_started(format!(
            "the tables are those of a newer version ({}): use the authctl of the server",
            unknown.join(", ")
        ))),
    }
}

fn names(states: &[MigrationState], status: MigrationStatus) -> Vec<String> {
    states.iter().filter(|state| state.status == status).map(|state| state.name.clone()).collect()
}
