//! Users from a CSV file, by the hundred thousand: the file is read line by line, twice, and never held as a whole.

use std::fs::File;
use std::path::PathBuf;

use auth_core::store::{NewUserRecord, StoreErrorKind, UserStatus};
use auth_core::{Clock as _, Email, HashParams, PasswordHash, Role, SystemClock, SystemRandom, UserId};
use auth_sea_orm::SeaOrmStore;
use csv::{Position, Reader, ReaderBuilder};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;
use serde_json::json;

use crate::exit::{Exit, Failure};
use crate::open::not_started;
use crate::shell::{Format, Shell};
use crate::table::{GREEN, RED, YELLOW, printable};

pub(crate) const HELP: &str = "\
The file for --from has a first line with the names of its columns: email, and of password_hash (Argon2id, \
$argon2id$v=19$…), id, role, status, app_access and admin_access (true or false) those that you have. Without a hash, a \
user cannot sign in before choosing a password. Users whose id or address is there already are left as they are, so a \
file may be read again.";

const COLUMNS: [&str; 7] = ["email", "password_hash", "id", "role", "status", "app_access", "admin_access"];
const BATCH: usize = 500;
/// The rest is counted.
const PROBLEMS_SHOWN: usize = 20;

pub(crate) struct Import {
    pub(crate) file: PathBuf,
    pub(crate) skip_bad: bool,
    pub(crate) dry_run: bool,
    pub(crate) ceiling: HashParams,
}

#[derive(Deserialize)]
struct Line {
    email: String,
    #[serde(default)]
    password_hash: Option<String>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    app_access: Option<bool>,
    #[serde(default)]
    admin_access: Option<bool>,
}

#[derive(Default)]
struct Tally {
    good: u64,
    bad: u64,
    created: usize,
    existing: usize,
    problems: Vec<(u64, String)>,
}

impl Import {
    pub(crate) async fn run(self, store: &SeaOrmStore, shell: &mut Shell<'_>) -> Result<Exit, Failure> {
        let mut tally = self.check()?;
        let writes = !self.dry_run && (tally.bad == 0 || self.skip_bad);
        let interrupted = if writes { self.write(store, &mut tally).await? } else { None };
        self.report(&tally, writes, interrupted.as_ref(), shell)?;
        if let Some(failure) = interrupted {
            return Err(failure);
        }
        Ok(match (tally.bad, tally.existing) {
            (0, 0) => Exit::Done,
            (0, _) => Exit::Differences,
            _ => Exit::SomeFailed,
        })
    }

    /// Looks at every line before anything is written.
    fn check(&self) -> Result<Tally, Failure> {
        let mut tally = Tally::default();
        for read in self.users()? {
            match read {
                Ok(_) => tally.good += 1,
                Err((line, problem)) => {
                    tally.bad += 1;
                    if tally.problems.len() < PROBLEMS_SHOWN {
                        tally.problems.push((line, problem));
                    }
                }
            }
        }
        Ok(tally)
    }

    /// Each batch is written whole or not at all. Gives what stopped it half way.
    async fn write(&self, store: &SeaOrmStore, tally: &mut Tally) -> Result<Option<Failure>, Failure> {
        let bar = progress(tally.good);
        let mut users = self.users()?.filter_map(Result::ok);
        let stop = tokio::spawn(tokio::signal::ctrl_c());
        // Lets it begin to listen.
        tokio::task::yield_now().await;
        loop {
            if stop.is_finished() {
                bar.abandon();
                return Ok(Some(Failure::new(
                    Exit::Interrupted,
                    "stopped half way, as it was told to. Run it again: who is there stays as is",
                )));
            }
            let batch: Vec<_> = users.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                break;
            }
            match store.create_many(&batch).await {
                Ok(made) => {
                    tally.created += made.created;
                    tally.existing += made.existing.len();
                }
                Err(error) if tally.created + tally.existing == 0 => return Err(error.into()),
                Err(error) => {
                    bar.abandon();
                    let what = match error.kind() {
                        StoreErrorKind::Unavailable => {
                            "stopped half way: the database went away. Run it again: who is there stays as is"
                        }
                        _ => {
                            "stopped half way: the database refused a row. See to that, and run it again: who is there stays as is"
                        }
                    };
                    return Ok(Some(Failure::new(Exit::Interrupted, what).because(error)));
                }
            }
            bar.inc(u64::try_from(batch.len()).unwrap_or_default());
        }
        bar.finish_and_clear();
        Ok(None)
    }

    fn users(&self) -> Result<impl Iterator<Item = Result<NewUserRecord, (u64, String)>> + Send + '_, Failure> {
        let mut reader = self.open()?;
        self.check_columns(&mut reader)?;
        let (random, now) = (SystemRandom::new(), SystemClock.now());
        let mut lines = reader.into_deserialize::<Line>();
        Ok(std::iter::from_fn(move || {
            let line = lines.reader().position().line();
            Some(
                lines
                    .next()?
                    .map_err(|error| {
                        (error.position().map_or(line, Position::line), format!("cannot be read: {}", reason(&error)))
                    })
                    .and_then(|read| read.into_record(self.ceiling, &random, now).map_err(|problem| (line, problem))),
            )
        }))
    }

    fn open(&self) -> Result<Reader<File>, Failure> {
        let file = File::open(&self.file);
        let file =
            file.map_err(|error| not_started(format!("{} cannot be read", self.file.display())).because(error))?;
        Ok(ReaderBuilder::new().trim(csv::Trim::All).from_reader(file))
    }

    fn check_columns(&self, reader: &mut Reader<File>) -> Result<(), Failure> {
        let unreadable =
            |error| not_started(format!("{} is no CSV file", self.file.display())).because(Box::new(error) as Box<_>);
        let headers = reader.headers().map_err(unreadable)?;
        let wrong = |what: String| not_started(format!("{what}: the columns may be {}", COLUMNS.join(", ")));
        if let Some(name) = headers.iter().find(|name| *name == "password") {
            return Err(wrong(format!(
                "there is a column `{name}`, and passwords are not taken as they are, only hashes"
            )));
        }
        if let Some(name) = headers.iter().find(|name| !COLUMNS.contains(name)) {
            return Err(wrong(format!("the first line has `{}`, which is the name of no column", printable(name))));
        }
        if !headers.iter().any(|name| name == "email") {
            return Err(wrong("the first line does not name the column `email`".to_owned()));
        }
        Ok(())
    }

    fn report(
        &self,
        tally: &Tally,
        wrote: bool,
        interrupted: Option<&Failure>,
        shell: &mut Shell<'_>,
    ) -> Result<(), Failure> {
        let problems: Vec<_> =
            tally.problems.iter().map(|(line, problem)| json!({ "line": line, "problem": problem })).collect();
        let json = json!({
            "dry_run": self.dry_run,
            "good": tally.good,
            "bad": tally.bad,
            "created": tally.created,
            "existing": tally.existing,
            "problems": problems,
            "interrupted": interrupted.is_some(),
        });
        let mut text = String::new();
        for (line, problem) in &tally.problems {
            text += &format!("{RED}line {line}{RED:#}  {}\n", printable(problem));
        }
        let more = tally.bad.saturating_sub(u64::try_from(tally.problems.len()).unwrap_or_default());
        if more > 0 {
            text += &format!("and {more} lines more\n");
        }
        text += &match (wrote, self.dry_run) {
            (true, _) => {
                let (created, existing, bad) = (tally.created, tally.existing, tally.bad);
                format!("{GREEN}{created} made{GREEN:#}, {YELLOW}{existing} there already{YELLOW:#}, {bad} left out")
            }
            (false, true) => format!("nothing was written; {} lines are good, {} are not", tally.good, tally.bad),
            (false, false) => format!(
                "nobody was made: correct these {} lines, or leave them out with --skip-bad ({} are good)",
                tally.bad, tally.good
            ),
        };
        if shell.format == Format::Human && interrupted.is_some() {
            text += " before it stopped";
        }
        shell.answer(&json, &text)
    }
}

impl Line {
    fn into_record(
        self,
        ceiling: HashParams,
        random: &SystemRandom,
        now: auth_core::Timestamp,
    ) -> Result<NewUserRecord, String> {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let email = Email::parse(&self.email).map_err(|_| format!("`{}` is no e-mail address", self.email))?;
        let password = given(self.password_hash).map(PasswordHash::from_phc);
        if let Some(hash) = &password {
            hash.check(ceiling).map_err(|error| error.to_string())?;
        }
        let id = match given(self.id) {
            Some(id) => UserId::new(&id).map_err(|error| error.to_string())?,
            None => UserId::generate(now, random).map_err(|error| error.to_string())?,
        };
        let status = given(self.status).unwrap_or_else(|| UserStatus::Active.as_str().to_owned());
        Ok(NewUserRecord {
            id,
            email,
            password,
            status: UserStatus::from_name(&status).ok_or_else(|| format!("`{status}` is no status"))?,
            role: given(self.role).map(|role| Role::new(&role)).transpose().map_err(|error| error.to_string())?,
            app_access: self.app_access.unwrap_or(true),
            admin_access: self.admin_access.unwrap_or(false),
            created_at: now,
        })
    }
}

/// What is wrong with a line, without the place, which is said before it.
fn reason(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => err.kind().to_string(),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("it has {len} fields, and the first line names {expected_len}")
        }
        _ => error.to_string(),
    }
}

fn progress(users: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} users, {per_sec}, {eta} left");
    // Drawn to a terminal alone. Without the template, which is ours and good, there is a plain bar.
    ProgressBar::new(users).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
