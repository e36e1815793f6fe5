//! A database of this run alone, on the server that the tests use too.

use std::time::Duration;

use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DbErr};
use url::Url;

use crate::failure::Failure;
use crate::report::NotRun;

const NAMED: &str = "TEST_POSTGRES_URL";
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
        let name = format!("auth_bench_{}", std::process::id());
        administer(&server, &format!("CREATE DATABASE {name}")).await.map_err(|error| {
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
        Ok(administer(&self.server, &format!("DROP DATABASE {} WITH (FORCE)", self.name)).await?)
    }
}

async fn administer(server: &Url, sql: &str) -> Result<(), DbErr> {
    let mut options = ConnectOptions::new(server.as_str());
    options.max_connections(1).acquire_timeout(Duration::from_secs(5)).sqlx_logging(false);
    let db = Database::connect(options).await?;
    db.execute_unprepared(sql).await?;
    db.close().await
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
