//! Rotations and whole refreshes through the store, beside the UPDATE alone: by pgbench on PostgreSQL, over a plain
//! connection on SQLite.
//!
//! All of them work on one table, each on rows of its own, and no row is in two hands.

mod crowd;
mod pgbench;
mod plain;
mod postgres;
mod statement;

use std::time::Duration;

use auth_sea_orm::SeaOrmStore;
use tempfile::TempDir;

use crate::failure::Failure;
use crate::report::{Group, NotRun, Owner, Row};
use crate::size::{Refreshes, Size};
use crate::spread::Spread;
use crowd::Crowd;
use pgbench::Pgbench;
use plain::Plain;
use postgres::Scratch;

const CALLERS: [usize; 3] = [1, 8, 64];

/// SQLite, then PostgreSQL if there is one.
pub(crate) async fn measure(size: Size) -> Result<Vec<Row>, Failure> {
    let directory = TempDir::new().map_err(|source| Failure::io("a temporary directory", source))?;
    let url = format!("sqlite://{}?mode=rwc", directory.path().join("bench.db").display());
    let mut rows = on("SQLite", &url, Ok(Baseline::Plain(Plain::open(&url).await?)), size.refreshes()).await?;
    match Scratch::create().await {
        Ok(scratch) => {
            let baseline = Pgbench::find(scratch.url()).map(Baseline::Pgbench);
            let measured = on("PostgreSQL", scratch.url(), baseline, size.refreshes()).await;
            scratch.remove().await?;
            rows.extend(measured?);
        }
        Err(why) => rows.extend(
            [Group::Rotations, Group::Refreshes].map(|group| Row::not_run(group, "PostgreSQL", "pgbench", why.clone())),
        ),
    }
    Ok(rows)
}

/// What the store is held against.
enum Baseline {
    Plain(Plain),
    Pgbench(Pgbench),
}

impl Baseline {
    fn name(&self, callers: usize) -> String {
        match self {
            Self::Plain(_) => "one plain connection".to_owned(),
            Self::Pgbench(pgbench) => format!("{}, {callers} at once", pgbench.version()),
        }
    }
}

async fn rate(
    baseline: &Result<Baseline, NotRun>,
    callers: usize,
    size: Refreshes,
) -> Result<Result<f64, NotRun>, Failure> {
    match baseline {
        Ok(Baseline::Plain(plain)) => plain.rate(size).await.map(Ok),
        Ok(Baseline::Pgbench(pgbench)) => pgbench.rate(callers, size).await,
        Err(why) => Ok(Err(why.clone())),
    }
}

async fn on(
    database: &str,
    url: &str,
    baseline: Result<Baseline, NotRun>,
    size: Refreshes,
) -> Result<Vec<Row>, Failure> {
    let store = SeaOrmStore::connect(url).await?;
    store.migrate().await?;
    let mut crowd = Crowd::open(store, size.sessions).await?;
    let mut rows = Vec::new();
    for callers in CALLERS {
        let mut measured = Measured { baseline: Ok(Vec::new()), rotations: Vec::new(), refreshes: Vec::new() };
        // The first round warms up, and is short.
        for round in 0..=size.samples {
            let time = if round > 0 { size.time } else { Duration::from_millis(200).min(size.time) };
            let size = Refreshes { time, ..size };
            let (alone, rotations, refreshes);
            // Now before, now after: what else the disk has to do comes and goes in seconds.
            if round % 2 == 0 {
                alone = rate(&baseline, callers, size).await?;
                rotations = crowd.rotate(callers, time).await?;
                refreshes = crowd.refresh(callers, time).await?;
            } else {
                refreshes = crowd.refresh(callers, time).await?;
                rotations = crowd.rotate(callers, time).await?;
                alone = rate(&baseline, callers, size).await?;
            }
            if round > 0 {
                measured.push(alone, rotations, refreshes);
            }
            eprint!("\r{database}, {callers} at once: {round} of {} rounds ", size.samples);
        }
        eprintln!();
        let beside = baseline.as_ref().map_or_else(|_| "pgbench".to_owned(), |baseline| baseline.name(callers));
        rows.extend(measured.rows(database, callers, &beside));
    }
    Ok(rows)
}

/// Rates, sample by sample.
struct Measured {
    baseline: Result<Vec<f64>, NotRun>,
    rotations: Vec<f64>,
    refreshes: Vec<f64>,
}

impl Measured {
    fn push(&mut self, alone: Result<f64, NotRun>, rotations: f64, refreshes: f64) {
        self.rotations.push(rotations);
        self.refreshes.push(refreshes);
        match (&mut self.baseline, alone) {
            (Ok(rates), Ok(rate)) => rates.push(rate),
            (_, Err(why)) => self.baseline = Err(why),
            (Err(_), Ok(_)) => {}
        }
    }

    fn rows(&self, database: &str, callers: usize, beside: &str) -> [Row; 2] {
        let name = format!("{database}, {callers} at once");
        [(Group::Rotations, &self.rotations), (Group::Refreshes, &self.refreshes)].map(|(group, rates)| {
            let per_second = Spread::of(rates);
            match &self.baseline {
                Ok(alone) => {
                    let ratios: Vec<_> = rates.iter().zip(alone).map(|(rate, alone)| rate / alone).collect();
                    Row::measured(group, Owner::Us, &name, beside.to_owned(), Spread::of(&ratios), per_second)
                }
                Err(why) => Row { per_second, ..Row::not_run(group, &name, beside, why.clone()) },
            }
        })
    }
}
