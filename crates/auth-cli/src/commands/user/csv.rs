//! Users from a CSV file, by the hundred thousand: the file is read line by line, twice, and never held as a whole.

use std::path::PathBuf;

use auth_core::store::{NewUserRecord, StoreErrorKind, UserStatus};
use auth_core::{
    Auth, AuthConfig, Clock as _, Email, EventKind, PasswordHash, Role, SystemClock, SystemRandom, UserId,
};
use auth_sea_orm::SeaOrmStore;
use csv::StringRecord;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;
use serde_json::json;

use super::lines::{Lines, reason, record};
use crate::exit::{Exit, Failure};
use crate::open::{self, not_started};
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
    pub(crate) config: AuthConfig,
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
        let interrupted = if writes { self.write(store, &mut tally, shell).await? } else { None };
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
    async fn write(
        &self,
        store: &SeaOrmStore,
        tally: &mut Tally,
        shell: &mut Shell<'_>,
    ) -> Result<Option<Failure>, Failure> {
        let auth = open::auth(store, self.config.clone())?;
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
                    keep_events(&auth, &batch, &made.existing, shell).await;
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
        let mut lines = Lines::open(&self.file)?;
        let columns = match lines.next() {
            Some((_, line)) => line.and_then(|line| record(&line)).map_err(|problem| self.no_csv(&problem))?,
            None => StringRecord::new(),
        };
        check_columns(&columns)?;
        let (random, now) = (SystemRandom::new(), SystemClock.now());
        Ok(lines.map(move |(number, line)| {
            let user = line.and_then(|line| record(&line)).and_then(|record| {
                if record.len() != columns.len() {
                    return Err(format!("it has {} fields, and the first line names {}", record.len(), columns.len()));
                }
                let line: Line = record.deserialize(Some(&columns)).map_err(|error| reason(&error))?;
                line.into_record(&self.config, &random, now)
            });
            user.map_err(|problem| (number, problem))
        }))
    }

    fn no_csv(&self, problem: &str) -> Failure {
        not_started(format!("{} is no CSV file: its first line {problem}", self.file.display()))
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
        config: &AuthConfig,
        random: &SystemRandom,
        now: auth_core::Timestamp,
    ) -> Result<NewUserRecord, String> {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let email = Email::parse(&self.email).map_err(|_| format!("`{}` is no e-mail address", self.email))?;
        let password = given(self.password_hash).map(PasswordHash::from_phc);
        if let Some(hash) = &password {
            hash.check_for(config).map_err(|error| error.to_string())?;
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

fn check_columns(columns: &StringRecord) -> Result<(), Failure> {
    let wrong = |what: String| not_started(format!("{what}: the columns may be {}", COLUMNS.join(", ")));
    if let Some(name) = columns.iter().find(|name| *name == "password") {
        return Err(wrong(format!("there is a column `{name}`, and passwords are not taken as they are, only hashes")));
    }
    if let Some(name) = columns.iter().find(|name| !COLUMNS.contains(name)) {
        return Err(wrong(format!("the first line has `{}`, which is the name of no column", printable(name))));
    }
    if !columns.iter().any(|name| name == "email") {
        return Err(wrong("the first line does not name the column `email`".to_owned()));
    }
    Ok(())
}

/// Who was made is in the audit trail, if there is one.
async fn keep_events(auth: &Auth, batch: &[NewUserRecord], existing: &[usize], shell: &mut Shell<'_>) {
    let made = batch.iter().enumerate().filter(|(place, _)| !existing.contains(place));
    for (_, user) in made {
        auth.record_event(EventKind::UserCreated, &user.id);
    }
    open::keep_trail(auth, shell).await;
}

fn progress(users: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} users, {per_sec}, {eta} left");
    // Drawn to a terminal alone. Without the template, which is ours and good, there is a plain bar.
    ProgressBar::new(users).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
