//! A server in a process of its own, whose processor time can be read.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::failure::Failure;
use crate::servers::SECRET;

/// A running server; killed when dropped.
#[derive(Debug)]
pub(crate) struct ServerProcess {
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
    /// The header that opens it, when an access token of ours does not.
    pub(crate) header: Option<String>,
    process: Process,
}

impl ServerProcess {
    /// Starts one of our own servers: this program again.
    pub(crate) fn ours(server: &str) -> Result<Self, Failure> {
        let program = std::env::current_exe().map_err(|source| Failure::io("this program", source))?;
        Self::start(&program, &["serve", server])
    }

    /// Starts `program`, and waits until it says `<address>\t<header>`.
    pub(crate) fn start(program: &Path, arguments: &[&str]) -> Result<Self, Failure> {
        let name = arguments.last().copied().unwrap_or_default().to_owned();
        // Their standard input ends with this process, however that ends, and they end with it.
        let child = Command::new(program)
            .args(arguments)
            .env("SECRET", SECRET)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|source| Failure::io(program.display(), source))?;
        let mut process = Process(child);
        let mut line = String::new();
        if let Some(output) = process.0.stdout.take() {
            BufReader::new(output).read_line(&mut line).map_err(|source| Failure::io(&name, source))?;
        }
        match line.trim_end_matches('\n').split_once('\t').map(|(address, header)| (address.parse(), header)) {
            Some((Ok(address), header)) => {
                Ok(Self { name, address, header: Some(header.to_owned()).filter(|header| !header.is_empty()), process })
            }
            _ => Err(Failure::Start { server: name }),
        }
    }

    /// What all its threads worked so far, in the system as for themselves.
    pub(crate) fn processor_time(&self) -> Result<Duration, Failure> {
        let folder = format!("/proc/{}", self.process.0.id());
        let time = scheduled(&folder).or_else(|| ticks(&fs::read_to_string(format!("{folder}/stat")).ok()?));
        time.ok_or_else(|| Failure::ProcessorTime { server: self.name.clone() })
    }
}

#[derive(Debug)]
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// In nanoseconds, where the kernel keeps them (proc(5), `schedstat`). No server here ends a thread.
fn scheduled(folder: &str) -> Option<Duration> {
    let threads = fs::read_dir(format!("{folder}/task")).ok()?;
    let times = threads.map(|thread| {
        let stat = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        stat.split(' ').next()?.parse().ok().map(Duration::from_nanos)
    });
    times.sum::<Option<Duration>>().filter(|time| !time.is_zero())
}

/// In hundredths of a second, which every Linux has: `utime` and `stime`, the 14th and 15th field of proc(5), `stat`.
fn ticks(stat: &str) -> Option<Duration> {
    // The second is a name in brackets, with whatever in it.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let ticks: u64 = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_read_whatever_the_name() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194304 100 0 0 0 12 3 9 9 20 0 1 0 5 0";
        assert_eq!(ticks(stat), Some(Duration::from_millis(150)));
        assert_eq!(ticks("7 (a) S 1"), None);
    }

    #[test]
    fn both_ways_of_reading_it_agree() {
        let started = std::time::Instant::now();
        while started.elapsed() < Duration::from_millis(200) {
            std::hint::spin_loop();
        }
        let ticks = ticks(&fs::read_to_string("/proc/self/stat").unwrap()).unwrap();
        assert!(ticks > Duration::ZERO);
        let Some(scheduled) = scheduled("/proc/self") else { return };
        // Threads of other tests come and go, and only the first way forgets those that went.
        assert!(scheduled <= ticks + Duration::from_millis(100), "{scheduled:?} and {ticks:?}");
    }

    #[test]
    fn a_program_that_is_no_server_is_named() {
        let error = ServerProcess::start(Path::new("/bin/true"), &["axum-guarded"]).unwrap_err();
        assert!(error.to_string().starts_with("axum-guarded did not say"), "{error}");
        let error = ServerProcess::start(Path::new("/nowhere/server"), &["x"]).unwrap_err();
        assert!(error.with_sources().starts_with("/nowhere/server: "), "{error}");
    }
}
