//! Under which conditions a run was made: who reads the figures should know.

use std::thread::available_parallelism;

use serde::Serialize;

use crate::size::Size;

/// When and where the figures come from.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Conditions {
    pub(crate) size: Size,
    /// How many there are for servers, load and databases together.
    pub(crate) cores: usize,
    /// How many processes of others wanted a core in the minute before.
    pub(crate) load_before: Option<f64>,
    /// The same at the end, this run among them.
    pub(crate) load_after: Option<f64>,
    /// Whether the compiler optimised.
    pub(crate) release: bool,
}

impl Conditions {
    pub(crate) fn now(size: Size) -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        Self { size, cores, load_before: load(), load_after: None, release: !cfg!(debug_assertions) }
    }

    pub(crate) fn at_the_end(self) -> Self {
        Self { load_after: load(), ..self }
    }

    /// What to know before reading the table, a sentence each.
    pub(crate) fn notes(&self) -> Vec<String> {
        let load = self.load_before.map(|load| format!(", load {load:.1} before the run")).unwrap_or_default();
        let mut notes = vec![format!("{} cores{load}.", self.cores)];
        if self.load_before.is_some_and(|load| load >= self.cores as f64) {
            notes.push("Others were at work: read the ratios, distrust the rates.".to_owned());
        }
        if self.size != Size::Full {
            notes.push("A short run.".to_owned());
        }
        if !self.release {
            notes.push("Not a release build: the figures mean nothing.".to_owned());
        }
        notes
    }
}

/// The average over the last minute.
fn load() -> Option<f64> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loaded_machine_a_short_run_and_a_debug_build_are_told() {
        let quiet = Conditions { size: Size::Full, cores: 2, load_before: Some(0.4), load_after: None, release: true };
        assert_eq!(quiet.notes(), ["2 cores, load 0.4 before the run."]);
        let loaded = Conditions { load_before: Some(5.0), size: Size::Quick, release: false, ..quiet };
        let notes = loaded.notes().join(" ");
        for told in ["Others were at work", "A short run.", "Not a release build"] {
            assert!(notes.contains(told), "{notes}");
        }
    }
}
