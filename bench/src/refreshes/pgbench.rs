//! PostgreSQL without the store: `pgbench`, the load program that comes with it, sends the same UPDATE prepared.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread::available_parallelism;

use tempfile::NamedTempFile;
use url::Url;

use super::statement::{Rows, Values, update};
use crate::failure::Failure;
use crate::report::NotRun;
use crate::size::Refreshes;

#[derive(Debug)]
pub(super) struct Pgbench {
    program: PathBuf,
    version: String,
    /// Where the database is, in the variables of libpq: others can read command lines, and a URL has a password in it.
    place: Vec<(&'static str, String)>,
}

impl Pgbench {
    /// On the path, or where Debian has it.
    pub(super) fn find(database: &str) -> Result<Self, NotRun> {
        let url = Url::parse(database).map_err(|_| NotRun::because("pgbench wants a URL".to_owned()))?;
        for program in places() {
            let Ok(output) = Command::new(&program).arg("--version").output() else { continue };
            let version = String::from_utf8_lossy(&output.stdout).replace(['(', ')'], "");
            let version = version.split(' ').find(|word| word.starts_with(|first: char| first.is_ascii_digit()));
            let version = format!("pgbench {}", version.unwrap_or_default().trim());
            return Ok(Self { program, version, place: place(&url) });
        }
        Err(NotRun::because("pgbench is missing".to_owned()))
    }

    /// Its name and version.
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// How many UPDATEs a second `clients` get done, each over rows of its own.
    pub(super) async fn rate(&self, clients: usize, size: Refreshes) -> Result<Result<f64, NotRun>, Failure> {
        let failed = |source| Failure::io("pgbench", source);
        let script = NamedTempFile::new().map_err(failed)?;
        fs::write(script.path(), text(clients, size.sessions)).map_err(failed)?;
        let mut command = self.command(script.path(), clients, size);
        let output = tokio::task::spawn_blocking(move || command.output()).await?.map_err(failed)?;
        drop(script);
        Ok(read(&output))
    }

    fn command(&self, script: &Path, clients: usize, size: Refreshes) -> Command {
        let threads = available_parallelism().map_or(1, usize::from).min(clients);
        let mut command = Command::new(&self.program);
        command
            .args(["--no-vacuum", "--protocol=prepared"])
            .arg(format!("--client={clients}"))
            .arg(format!("--jobs={threads}"))
            .arg(match size.time.as_secs() {
                // It knows whole seconds only, and this is to warm up.
                0 => "--transactions=20".to_owned(),
                seconds => format!("--time={seconds}"),
            })
            .arg("--file")
            .arg(script)
            .envs(self.place.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// The newest first.
fn places() -> Vec<PathBuf> {
    let mut debian: Vec<_> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|folder: io::Result<_>| Some(folder.ok()?.path().join("bin/pgbench")))
        .collect();
    debian.sort();
    debian.push(PathBuf::from(OsString::from("pgbench")));
    debian.reverse();
    debian
}

fn place(url: &Url) -> Vec<(&'static str, String)> {
    let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let values = [
        ("PGHOST", url.host_str().map(decoded)),
        ("PGPORT", url.port().map(|port| port.to_string())),
        ("PGUSER", Some(decoded(url.username()))),
        ("PGPASSWORD", url.password().map(decoded)),
        ("PGDATABASE", Some(decoded(url.path().trim_start_matches('/')))),
    ];
    values.into_iter().filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?))).collect()
}

fn text(clients: usize, sessions: u32) -> String {
    let share = (sessions as usize / clients).max(1);
    let (hash, salt) = (format!("'\\x{}'::bytea", "aa".repeat(32)), format!("'\\x{}'::bytea", "07".repeat(16)));
    let id = format!("decode('{:02x}' || lpad(to_hex((:n)::int), 30, '0'), 'hex')", Rows::Alone.prefix());
    let update = update(Values {
        expected: &hash,
        successor: &hash,
        salt: &salt,
        key_id: "1",
        now: "(:now)::bigint",
        idle_expires_at: "(:now)::bigint + 604800000",
        id: &id,
    });
    format!(
        "\\set n :client_id * {share} + random(0, {})\n\\set now random(1700000000000, 1900000000000)\n{update};\n",
        share - 1
    )
}

/// Its rate, or its own words for why there is none.
fn read(output: &Output) -> Result<f64, NotRun> {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let rate = out.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    match rate {
        Some(rate) if output.status.success() => Ok(rate),
        _ => Err(NotRun::because(err.lines().next().unwrap_or("pgbench said nothing").to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_told_by_the_environment_alone() {
        let url = Url::parse("postgres://ada:p%40ss@db:5433/bench").unwrap();
        let expected =
            [("PGHOST", "db"), ("PGPORT", "5433"), ("PGUSER", "ada"), ("PGPASSWORD", "p@ss"), ("PGDATABASE", "bench")];
        assert_eq!(place(&url), expected.map(|(name, value)| (name, value.to_owned())));
    }

    #[test]
    fn every_client_has_rows_of_its_own() {
        let text = text(64, 4096);
        assert!(text.starts_with("\\set n :client_id * 64 + random(0, 63)\n"), "{text}");
        assert!(text.trim_end().ends_with("IS NULL;"), "{text}");
    }

    #[test]
    fn what_fails_says_why_and_gives_no_figure() {
        let output = |script: &str| Command::new("sh").args(["-c", script]).output().unwrap();
        assert_eq!(read(&output("echo 'tps = 1234.5 (without initial connection time)'")), Ok(1234.5));
        for script in
            ["echo sorry >&2; echo aborted >&2; exit 1", "echo 'tps = 9.0 x'; echo sorry >&2; exit 2", "echo sorry >&2"]
        {
            assert_eq!(read(&output(script)), Err(NotRun::because("sorry".to_owned())), "{script}");
        }
    }
}
