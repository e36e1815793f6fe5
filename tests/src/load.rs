//! Starts the program `load-server` and looks at it from outside. Linux only: `/proc`.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use crate::servers::Framework;

/// The user whom the server knows.
pub const EMAIL: &str = "ada@example.com";
/// The user's password.
pub const PASSWORD: &str = "correct horse";

/// Whether failed logins have to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Throttle {
    /// As by default.
    On,
    /// Never: every login is hashed.
    Off,
}

/// A running server process; killed when dropped.
#[derive(Debug)]
pub struct LoadServer {
    process: Child,
    /// Where it listens.
    pub addr: SocketAddr,
}

impl LoadServer {
    /// Starts `program`, and waits until it listens.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn start(program: &str, framework: Framework, throttle: Throttle) -> Self {
        let throttle = if throttle == Throttle::On { "throttled" } else { "unthrottled" };
        let mut process = Command::new(program)
            .args([framework.name(), throttle])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        let output = process.stdout.take().expect("is piped");
        BufReader::new(output).read_line(&mut line).expect("its output");
        Self { process, addr: line.trim().parse().expect("where it listens") }
    }

    /// The bytes of memory that it holds now.
    ///
    /// # Panics
    /// When it is gone.
    #[must_use]
    pub fn resident(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most that it ever held.
    ///
    /// # Panics
    /// When it is gone.
    #[must_use]
    pub fn peak(&self) -> u64 {
        self.status("VmHWM:")
    }

    fn status(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line of this name");
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kib * 1024
    }
}

impl Drop for LoadServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The body of a login of this user.
#[must_use]
pub fn login_body(email: &str, password: &str) -> String {
    serde_json::json!({"email": email, "password": password}).to_string()
}
