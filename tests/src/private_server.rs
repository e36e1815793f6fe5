//! Database servers of a test's own, to be stopped, killed and started: made of the programs that are installed here,
//! in a temporary directory, on a port that stays the same.
//!
//! Looked for in `TEST_PG_BIN` (a directory) and `TEST_MYSQLD` (a program), on the `PATH`, and where distributions keep
//! them. Where there is none, the test says NOT RUN, as for the servers of [`databases`](crate::databases).

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use sea_orm::{ConnectOptions, ConnectionTrait as _, Database as SeaOrm, DbErr};
use tempfile::TempDir;

use crate::databases::Kind;
use crate::port::free_port;

/// How long a server may take to start, its recovery included.
const PATIENCE: Duration = Duration::from_secs(60);
/// The password of a server that has one.
pub const PASSWORD: &str = "a-private-servers-password";

/// How a server ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// It is told to, and cuts all connections.
    Immediate,
    /// `kill -9`.
    Killed,
}

/// Who gets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// Everybody on this machine.
    Open,
    /// Whoever has [`PASSWORD`].
    Password,
}

/// A server and its data; killed and removed with this value.
#[derive(Debug)]
pub struct PrivateServer {
    kind: Kind,
    entry: Entry,
    programs: Programs,
    owner: Option<Owner>,
    port: u16,
    process: Option<Child>,
    directory: TempDir,
}

impl PrivateServer {
    /// A server that runs; `None` when its programs are not installed, which is said on stderr.
    ///
    /// # Panics
    /// When it cannot be started, or is not there although `TEST_REQUIRE` names it.
    pub async fn start(kind: Kind, entry: Entry) -> Option<Self> {
        let Some(programs) = Programs::find(kind) else {
            kind.not_run("no programs for a server of our own (TEST_PG_BIN, TEST_MYSQLD)");
            return None;
        };
        let directory = TempDir::new().expect("a temporary directory");
        let owner = Owner::for_servers();
        if let Some(owner) = owner {
            chown(directory.path(), Some(owner.user), Some(owner.group)).expect("root may");
        }
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).expect("permissions");
        let mut server = Self { kind, entry, programs, owner, port: free_port(), process: None, directory };
        server.initialise();
        server.restart().await;
        Some(server)
    }

    /// Starts it again, and gives the moment from which on it accepted connections.
    ///
    /// # Panics
    /// When it does not.
    pub async fn restart(&mut self) -> Instant {
        assert!(self.process.is_none(), "it runs");
        let deadline = Instant::now() + PATIENCE;
        loop {
            // PostgreSQL refuses to start while children of the one that was killed are there.
            let ended = self.process.as_mut().is_none_or(|process| process.try_wait().expect("a child").is_some());
            if ended {
                self.process = Some(self.serve().spawn().expect("the server starts"));
            }
            match self.answers().await {
                Ok(()) => return Instant::now(),
                Err(error) => assert!(Instant::now() < deadline, "{error}\n{}", self.log()),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Stops it, and waits until it is gone.
    ///
    /// # Panics
    /// When it does not run.
    pub fn stop(&mut self, how: Stop) {
        let mut process = self.process.take().expect("it runs");
        let signal = match (how, self.kind) {
            (Stop::Killed, _) => "-KILL",
            // What `pg_ctl stop -m immediate` sends.
            (Stop::Immediate, Kind::Postgres) => "-QUIT",
            (Stop::Immediate, _) => "-TERM",
        };
        let sent = Command::new("kill").args([signal, &process.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "the signal is sent");
        process.wait().expect("a child ends");
        // PostgreSQL's children answer until they notice that their parent is gone.
        let deadline = Instant::now() + PATIENCE;
        while is_worked_in(&self.data()) {
            assert!(Instant::now() < deadline, "a child of the server outlives it");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// The URL of its own database, with its password if it has one.
    #[must_use]
    pub fn url(&self) -> String {
        let password = if self.entry == Entry::Password { format!(":{PASSWORD}") } else { String::new() };
        self.url_with(&password)
    }

    /// The URL of a client that does not know the password.
    #[must_use]
    pub fn url_without_password(&self) -> String {
        self.url_with("")
    }

    fn url_with(&self, password: &str) -> String {
        match self.kind {
            Kind::Postgres => format!("postgres://postgres{password}@127.0.0.1:{}/postgres", self.port),
            _ => format!("mysql://root{password}@127.0.0.1:{}/mysql", self.port),
        }
    }

    async fn answers(&self) -> Result<(), DbErr> {
        let mut options = ConnectOptions::new(self.url());
        options.max_connections(1).acquire_timeout(Duration::from_millis(100)).sqlx_logging(false);
        let db = SeaOrm::connect(options).await?;
        db.execute_unprepared("SELECT 1").await?;
        db.close().await
    }

    fn initialise(&self) {
        let data = self.data();
        let mut command = match &self.programs {
            Programs::Postgres { directory } => {
                let mut command = Command::new(directory.join("initdb"));
                command.arg("-D").arg(&data).args(["-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync"]);
                match self.entry {
                    Entry::Open => command.args(["-A", "trust"]),
                    Entry::Password => {
                        let file = self.directory.path().join("password");
                        fs::write(&file, PASSWORD).expect("a file");
                        command.args(["-A", "scram-sha-256"]).arg(format!("--pwfile={}", file.display()))
                    }
                };
                command
            }
            Programs::MariaDb { install, server, .. } => {
                let mut command = Command::new(install);
                command.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
                // The script looks for the programs of its own installation otherwise.
                if let Some(base) = server.parent().and_then(Path::parent) {
                    command.arg(format!("--basedir={}", base.display()));
                }
                command.arg(format!("--datadir={}", data.display()));
                if self.entry == Entry::Password {
                    let file = self.directory.path().join("password.sql");
                    let sql = format!(
                        "UPDATE mysql.global_priv SET priv = JSON_SET(priv, '$.plugin', \
                         'mysql_native_password', '$.authentication_string', PASSWORD('{PASSWORD}')) WHERE user = 'root';\n"
                    );
                    fs::write(&file, sql).expect("a file");
                    command.arg(format!("--extra-file={}", file.display()));
                }
                command
            }
            Programs::MySql { server } => {
                let mut command = Command::new(server);
                command.args(["--no-defaults", "--initialize-insecure"]).arg(format!("--datadir={}", data.display()));
                command
            }
        };
        let status = self.run_as_owner(&mut command).status().expect("a program");
        assert!(status.success(), "{status}\n{}", self.log());
    }

    fn serve(&self) -> Command {
        let (data, port) = (self.data(), self.port);
        let directory = self.directory.path().display();
        let mut command = match &self.programs {
            Programs::Postgres { directory: programs } => {
                let mut command = Command::new(programs.join("postgres"));
                command.arg("-D").arg(&data).args(["-p", &port.to_string(), "-k", &directory.to_string()]);
                // A process that is killed loses nothing that it gave to the system: no test here cuts the power.
                command.args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "shared_buffers=16MB"]);
                command
            }
            Programs::MariaDb { server, .. } | Programs::MySql { server } => {
                let mut command = Command::new(server);
                command.args(["--no-defaults", "--bind-address=127.0.0.1", "--innodb-flush-log-at-trx-commit=2"]);
                command.args(["--innodb-buffer-pool-size=16M", "--skip-log-bin", &format!("--port={port}")]);
                command.arg(format!("--datadir={}", data.display()));
                command.arg(format!("--socket={directory}/socket")).arg(format!("--pid-file={directory}/pid"));
                command
            }
        };
        self.run_as_owner(&mut command);
        command
    }

    /// Database servers refuse to be run by root. What they say goes into a file.
    fn run_as_owner<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let log = File::options().append(true).create(true).open(self.directory.path().join("log")).expect("a log");
        command.current_dir(self.directory.path()).stdout(log.try_clone().expect("a log")).stderr(log);
        if let Some(owner) = self.owner {
            command.uid(owner.user).gid(owner.group);
        }
        command
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }
}

/// Whether a process works in this directory, as every process of a database server does in its data.
fn is_worked_in(directory: &Path) -> bool {
    let Ok(processes) = std::fs::read_dir("/proc") else { return false };
    processes.flatten().any(|process| std::fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd == directory))
}

impl Drop for PrivateServer {
    fn drop(&mut self) {
        if self.process.is_some() {
            // PostgreSQL's children live on for a while when their parent is killed.
            self.stop(Stop::Immediate);
        }
    }
}

#[derive(Debug)]
enum Programs {
    Postgres { directory: PathBuf },
    MariaDb { install: PathBuf, server: PathBuf },
    MySql { server: PathBuf },
}

impl Programs {
    fn find(kind: Kind) -> Option<Self> {
        if kind == Kind::Postgres {
            let directory = std::env::var_os("TEST_PG_BIN").map(PathBuf::from).or_else(|| {
                // The link on the PATH of some systems is to a wrapper, which has no other programs beside it.
                let mut known = beside("/usr/lib/postgresql", "bin");
                known.extend(path().into_iter().chain(["/usr/local/pgsql/bin", "/usr/pgsql/bin"].map(PathBuf::from)));
                known
                    .into_iter()
                    .find(|directory| ["initdb", "postgres"].iter().all(|program| directory.join(program).is_file()))
            })?;
            return Some(Self::Postgres { directory });
        }
        let server = std::env::var_os("TEST_MYSQLD").map(PathBuf::from).or_else(|| program(&["mariadbd", "mysqld"]))?;
        let version = Command::new(&server).args(["--no-defaults", "--version"]).output().ok()?;
        if !String::from_utf8_lossy(&version.stdout).contains("MariaDB") {
            return Some(Self::MySql { server });
        }
        Some(Self::MariaDb { install: program(&["mariadb-install-db", "mysql_install_db"])?, server })
    }
}

fn path() -> Vec<PathBuf> {
    std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default()
}

fn program(names: &[&str]) -> Option<PathBuf> {
    let more = ["/usr/sbin", "/usr/libexec", "/usr/local/sbin", "/usr/local/mysql/bin"].map(PathBuf::from);
    let directories: Vec<_> = path().into_iter().chain(more).collect();
    let mut candidates = names.iter().flat_map(|name| directories.iter().map(move |directory| directory.join(name)));
    candidates.find(|program| program.is_file())
}

/// `name` in every directory in `parent`, the highest version first.
fn beside(parent: &str, name: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let version = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().parse::<u32>().unwrap_or_default();
    let mut entries: Vec<_> = entries.collect();
    entries.sort_by_key(|entry| std::cmp::Reverse(version(entry)));
    entries.into_iter().map(|entry| entry.path().join(name)).collect()
}

/// Whom a server runs as.
#[derive(Debug, Clone, Copy)]
struct Owner {
    user: u32,
    group: u32,
}

impl Owner {
    /// `None` when this process may run servers itself.
    fn for_servers() -> Option<Self> {
        let me = fs::metadata("/proc/self").map_or(1, |own| own.uid());
        if me != 0 {
            return None;
        }
        let users = fs::read_to_string("/etc/passwd").expect("the users");
        ["postgres", "mysql", "nobody"].iter().find_map(|wanted| {
            let line = users.lines().find(|line| line.split(':').next() == Some(wanted))?;
            let mut fields = line.split(':').skip(2);
            Some(Self { user: fields.next()?.parse().ok()?, group: fields.next()?.parse().ok()? })
        })
    }
}
