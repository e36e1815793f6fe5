//! `authctl bench hash`: Argon2 parameters for this machine.

use std::time::{Duration, Instant};

use auth_core::store::memory::MemoryStore;
use auth_core::{Auth, AuthConfig, HashParams, Password, SecretKey, SecureRandom as _, SystemRandom, UserId};
use clap::{Args, Subcommand};
use indicatif::ProgressBar;
use serde_json::{Value, json};

use crate::exit::{Exit, Failure};
use crate::open::not_started;
use crate::shell::Shell;
use crate::table::{DIM, GREEN, RED, Table};

#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// Finds Argon2 parameters that take a given time
    Hash(Hash),
}

#[derive(Debug, Args)]
pub(crate) struct Hash {
    /// How many milliseconds one password may take
    #[arg(long, value_name = "MS", default_value_t = 100, value_parser = clap::value_parser!(u64).range(10..=5_000))]
    target: u64,
    /// The most memory that one password may take, in KiB
    #[arg(long, value_name = "KIB", default_value_t = 65_536, value_parser = clap::value_parser!(u32).range(7_168..=1_048_576))]
    memory: u32,
}

/// Memory in KiB, and the least passes that go with it (OWASP, Password Storage Cheat Sheet).
const LEAST: [(u32, u32); 9] = [
    (7_168, 5),
    (9_216, 4),
    (12_288, 3),
    (19_456, 2),
    (47_104, 1),
    (65_536, 1),
    (131_072, 1),
    (262_144, 1),
    (524_288, 1),
];
const MOST_PASSES: u32 = 64;
const RUNS: usize = 3;

impl Bench {
    pub(crate) async fn run(self, shell: &mut Shell<'_>) -> Result<Exit, Failure> {
        match self {
            Self::Hash(hash) => hash.run(shell).await,
        }
    }
}

impl Hash {
    async fn run(self, shell: &mut Shell<'_>) -> Result<Exit, Failure> {
        let target = Duration::from_millis(self.target);
        let bar = ProgressBar::new_spinner().with_message("measuring");
        let mut measured: Vec<(HashParams, Duration)> = Vec::new();
        for (memory, least) in LEAST.into_iter().filter(|(memory, _)| *memory <= self.memory) {
            bar.set_message(format!("measuring {memory} KiB"));
            bar.tick();
            let first = hash_time(params(memory, least)?).await?;
            // More passes over the same memory take as much longer.
            let passes = (target.as_micros() * u128::from(least) / first.as_micros().max(1)).min(MOST_PASSES.into());
            let passes = u32::try_from(passes).unwrap_or(MOST_PASSES).max(least);
            let best = params(memory, passes)?;
            let time = if passes == least { first } else { hash_time(best).await? };
            measured.push((best, time));
        }
        bar.finish_and_clear();
        // A tenth more is the noise of the machine. Of those that fit, more memory costs an attacker more.
        let fits = |time: Duration| time <= target + target / 10;
        let chosen = measured.iter().rev().find(|(_, time)| fits(*time)).map(|(params, _)| *params);
        self.answer(&measured, chosen, shell)?;
        Ok(if chosen.is_some() { Exit::Done } else { Exit::SomeFailed })
    }

    fn answer(
        &self,
        measured: &[(HashParams, Duration)],
        chosen: Option<HashParams>,
        shell: &mut Shell<'_>,
    ) -> Result<(), Failure> {
        let mut table = Table::new(["KiB", "passes", "lanes", "ms"]);
        for (params, time) in measured {
            let style = if Some(*params) == chosen { GREEN } else { anstyle::Style::new() };
            let cells = [params.memory_kib(), params.passes(), params.lanes()].map(|number| number.to_string());
            let [memory, passes, lanes] = cells;
            table.row(style, [memory, passes, lanes, time.as_millis().to_string()]);
        }
        let text = match chosen {
            Some(params) => format!(
                "{}\nHASH_MEMORY={}\nHASH_TIME={}\nHASH_PARALLELISM={}\n{DIM}each hashing thread keeps so much memory, and there is \
                 one for each core{DIM:#}",
                table.text(),
                params.memory_kib(),
                params.passes(),
                params.lanes()
            ),
            None => format!(
                "{}\n{RED}nothing that is strong enough takes only {} ms here{RED:#}: allow more with --target",
                table.text(),
                self.target
            ),
        };
        let one = |params: &HashParams| {
            json!({
                "HASH_MEMORY": params.memory_kib(),
                "HASH_TIME": params.passes(),
                "HASH_PARALLELISM": params.lanes(),
            })
        };
        let measured: Vec<Value> = measured
            .iter()
            .map(|(params, time)| json!({ "parameters": one(params), "millis": time.as_millis() as u64 }))
            .collect();
        let json = json!({ "target_millis": self.target, "chosen": chosen.as_ref().map(one), "measured": measured });
        shell.answer(&json, &text)
    }
}

fn params(memory: u32, passes: u32) -> Result<HashParams, Failure> {
    HashParams::new(memory, passes, 1).map_err(|error| not_started(error.to_string()))
}

/// How long one password takes with these parameters, as a server hashes: the middle of a few runs.
pub(super) async fn hash_time(params: HashParams) -> Result<Duration, Failure> {
    let mut secret = vec![0; 32];
    SystemRandom::new().fill(&mut secret).map_err(|error| not_started("there are no random bytes").because(error))?;
    let mut config = AuthConfig::new(SecretKey::new(secret));
    (config.hash, config.max_hash, config.hash_threads) = (params, params, 1);
    let auth = Auth::builder(MemoryStore::new()).config(config).build();
    let auth = auth.map_err(|error| not_started(error.to_string()))?;
    let nobody = UserId::new("nobody").map_err(|error| not_started(error.to_string()))?;
    let mut times = Vec::with_capacity(RUNS);
    // The first one gets the memory from the operating system.
    for run in 0..=RUNS {
        let started = Instant::now();
        auth.hash_password(&nobody, Password::new("a passphrase to be measured")).await?;
        if run > 0 {
            times.push(started.elapsed());
        }
    }
    times.sort_unstable();
    Ok(times.get(RUNS / 2).copied().unwrap_or_default())
}
