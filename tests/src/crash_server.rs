//! Starts, steers and kills the program `crash-server`.

use std::process::Stdio;
use std::time::Duration;

use auth_core::Timestamp;
use auth_testkit::Moment;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::servers::Framework;

/// How long it may take to say something.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server process; killed when dropped.
#[derive(Debug)]
pub struct CrashServer {
    process: Child,
    commands: ChildStdin,
    words: Lines<BufReader<ChildStdout>>,
}

impl CrashServer {
    /// Starts `program`, and waits until it listens.
    ///
    /// # Panics
    /// When it does not.
    pub async fn start(program: &str, framework: Framework, port: u16, now: Timestamp, url: &str) -> Self {
        let mut process = Command::new(program)
            .args([framework.name(), &port.to_string(), &now.as_millis().to_string(), url])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the server starts");
        let commands = process.stdin.take().expect("is piped");
        let words = BufReader::new(process.stdout.take().expect("is piped")).lines();
        let mut server = Self { process, commands, words };
        server.expect("listening").await;
        server
    }

    /// Moves its clock.
    ///
    /// # Panics
    /// When it is gone.
    pub async fn advance(&mut self, by: Duration) {
        self.command(&format!("advance {}", by.as_millis())).await;
    }

    /// From now on `operation` (`open`, `rotate` or `revoke`) never answers.
    ///
    /// # Panics
    /// When it is gone.
    pub async fn hang(&mut self, operation: &str, moment: Moment) {
        let moment = match moment {
            Moment::BeforeWork => "before",
            Moment::AfterWork => "after",
        };
        self.command(&format!("hang {operation} {moment}")).await;
    }

    /// Waits until an operation hangs.
    ///
    /// # Panics
    /// When none does.
    pub async fn hung(&mut self) {
        self.expect("hung").await;
    }

    /// `kill -9`, and waits until it is gone.
    ///
    /// # Panics
    /// When it was gone already.
    pub async fn kill(mut self) {
        assert_eq!(self.process.try_wait().expect("a child"), None, "the server ended by itself");
        self.process.kill().await.expect("a child can be killed");
    }

    async fn command(&mut self, line: &str) {
        self.commands.write_all(format!("{line}\n").as_bytes()).await.expect("the server reads");
        self.expect("done").await;
    }

    async fn expect(&mut self, word: &str) {
        let line = tokio::time::timeout(PATIENCE, self.words.next_line()).await;
        let line = line.unwrap_or_else(|_| panic!("the server does not say `{word}`")).expect("its output");
        assert_eq!(line.as_deref(), Some(word), "what the server says");
    }
}
