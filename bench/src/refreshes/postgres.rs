//! A database of this run alone, on the server that the tests use too.

use std::path::Path;
use std::time::Duration;

use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DbBackend, DbErr, Statement};
use url::Url;

use crate::failure::Failure;
use crate::report::NotRun;

const NAMED: &str = "TEST_POSTGRES_URL";
/// Of the names of these databases; the id of the process follows.
const PREFIX: &str = "auth_bench_";
const STANDARD: &str = "postgres://postgres@127.0.0.1:5432/postgres";

pub(super) struct Scratch {
    server: Url,
    name: String,
    url: Url,
}

impl Scratch {
    /// A new, empty database; or why there is none.
    pub(super) async fn create() -> Result<Self, NotRun> {
        Self::on(&std::env::var(NAMED).unwrap_or_else(|_| STANDARD.to_owned())).await
    }

    async fn on(server: &str) -> Result<Self, NotRun> {
        let server = Url::parse(server).map_err(|_| NotRun::because(format!("{NAMED} is no URL")))?;
        let name = format!("{PREFIX}{}", std::process::id());
        create(&server, &name).await.map_err(|error| {
            NotRun::because(format!("PostgreSQL ({NAMED}, or else port 5432 of this machine): {error}"))
        })?;
        let mut url = server.clone();
        url.set_path(&name);
        Ok(Self { server, name, url })
    }

    pub(super) fn url(&self) -> &str {
        self.url.as_str()
    }

    pub(super) async fn remove(self) -> Result<(), Failure> {
        let db = administration(&self.server).await?;
        drop_database(&db, &self.name).await?;
        Ok(db.close().await?)
    }
}

/// And removes what runs left that were interrupted.
async fn create(server: &Url, name: &str) -> Result<(), DbErr> {
    let db = administration(server).await?;
    let all = Statement::from_string(DbBackend::Postgres, "SELECT datname FROM pg_database");
    for row in db.query_all_raw(all).await? {
        let left: String = row.try_get("", "datname")?;
        let pid = left.strip_prefix(PREFIX).filter(|pid| pid.bytes().all(|byte| byte.is_ascii_digit()));
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            drop_database(&db, &left).await?;
        }
    }
    db.execute_unprepared(&format!("CREATE DATABASE {name}")).await?;
    db.close().await
}

async fn drop_database(db: &DatabaseConnection, name: &str) -> Result<(), DbErr> {
    db.execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)")).await.map(drop)
}

async fn administration(server: &Url) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(server.as_str());
    options.max_connections(1).acquire_timeout(Duration::from_secs(5)).sqlx_logging(false);
    Database::connect(options).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_that_is_not_there_is_a_reason_and_no_failure() {
        for (url, why) in
            [("postgres://127.0.0.1:1/none", "PostgreSQL (TEST_POSTGRES_URL, or else"), ("5432", "no URL")]
        {
            let Err(NotRun { not_run }) = Scratch::on(url).await else { panic!("{url} is there") };
            assert!(not_run.contains(why), "{not_run}");
        }
    }
}
