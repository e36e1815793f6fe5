//! A database as Directus 11 has it, with the rows of `tests/directus/rows-v11.json`.

use auth_core::Timestamp;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend};
use serde_json::Value;

use crate::databases::{Database, Kind};

/// What a running Directus wrote: rows, its secret, and tokens of its own.
///
/// # Panics
/// Never: the file is part of the source.
#[must_use]
pub fn written() -> Value {
    serde_json::from_str(include_str!("../directus/rows-v11.json")).expect("JSON")
}

/// When the sample tokens were fresh.
pub const THEN: Timestamp = Timestamp::from_secs(1_795_493_500);

/// The database of a Directus.
#[derive(Debug)]
pub struct DirectusFixture {
    /// A connection to it.
    pub db: DatabaseConnection,
    /// Last, so that it is removed when nobody is connected any more.
    pub database: Database,
}

impl DirectusFixture {
    /// A new one with the written rows; `None` when there is no database of this kind.
    ///
    /// # Panics
    /// When the database cannot be used.
    pub async fn on(kind: Kind) -> Option<Self> {
        let database = Database::fresh(kind).await?;
        let db = database.connection().await;
        let fixture = Self { db, database };
        for table in TABLES {
            fixture.run(&fixture.dialect(table)).await;
        }
        fixture.fill().await;
        Some(fixture)
    }

    /// Runs a statement, in which names are quoted with `"`.
    ///
    /// # Panics
    /// When it fails.
    pub async fn run(&self, sql: &str) -> u64 {
        let sql = if self.backend() == DbBackend::MySql { sql.replace('"', "`") } else { sql.to_owned() };
        self.db.execute_unprepared(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error}")).rows_affected()
    }

    /// Every row of the users, in order, to see whether anything was written.
    ///
    /// # Panics
    /// When the database fails.
    pub async fn users(&self) -> Vec<Vec<Option<String>>> {
        let text = |column: &str| match self.backend() {
            DbBackend::MySql => format!("CAST(`{column}` AS CHAR) AS `{column}`"),
            _ => format!("CAST(\"{column}\" AS text) AS \"{column}\""),
        };
        let columns: Vec<_> = COLUMNS.iter().map(|column| text(column)).collect();
        let sql = format!("SELECT {} FROM directus_users ORDER BY id", columns.join(", "));
        let rows = self.db.query_all_raw(sea_orm::Statement::from_string(self.backend(), sql)).await.expect("selects");
        let values =
            |row: &sea_orm::QueryResult| COLUMNS.iter().map(|column| row.try_get("", column).expect("text")).collect();
        rows.iter().map(values).collect()
    }

    /// The tokens of the sessions that Directus has, in order.
    ///
    /// # Panics
    /// When the database fails.
    pub async fn sessions(&self) -> Vec<String> {
        let sql = "SELECT token FROM directus_sessions ORDER BY token";
        let rows = self.db.query_all_raw(sea_orm::Statement::from_string(self.backend(), sql)).await.expect("selects");
        rows.iter().map(|row| row.try_get("", "token").expect("text")).collect()
    }

    fn backend(&self) -> DbBackend {
        self.db.get_database_backend()
    }

    fn dialect(&self, table: &str) -> String {
        let types = match self.backend() {
            DbBackend::Postgres => [("UUID", "uuid"), ("TIME", "timestamptz"), ("JSON", "json"), ("BOOL", "boolean")],
            DbBackend::MySql => {
                [("UUID", "char(36)"), ("TIME", "timestamp NULL"), ("JSON", "json"), ("BOOL", "tinyint(1)")]
            }
            _ => [("UUID", "char(36)"), ("TIME", "datetime"), ("JSON", "json"), ("BOOL", "boolean")],
        };
        types.iter().fold(table.to_owned(), |sql, (name, sql_type)| sql.replace(name, sql_type))
    }

    async fn fill(&self) {
        let written = written();
        let rows = |name: &str| written[name].as_array().expect("rows").clone();
        for (table, columns, name) in [
            ("directus_roles", &["id", "name", "parent"][..], "roles"),
            ("directus_policies", &["id", "name", "admin_access", "app_access", "enforce_tfa"], "policies"),
            ("directus_access", &["id", "role", "user", "policy"], "access"),
            ("directus_users", COLUMNS, "users"),
        ] {
            for row in rows(name) {
                let values: Vec<_> = columns.iter().map(|column| self.literal(&row[column])).collect();
                let names: Vec<_> = columns.iter().map(|column| format!("\"{column}\"")).collect();
                self.run(&format!("INSERT INTO {table} ({}) VALUES ({})", names.join(", "), values.join(", "))).await;
            }
        }
    }

    fn literal(&self, value: &Value) -> String {
        match value {
            Value::Null => "NULL".to_owned(),
            Value::Bool(flag) if self.backend() == DbBackend::Postgres => flag.to_string(),
            Value::Bool(flag) => u8::from(*flag).to_string(),
            other => format!("'{}'", other.as_str().expect("text").replace('\'', "''")),
        }
    }
}

const COLUMNS: &[&str] = &["id", "email", "password", "status", "role", "provider", "tfa_secret", "token"];

const TABLES: [&str; 7] = [
    r#"CREATE TABLE directus_roles ("id" UUID NOT NULL PRIMARY KEY, "name" varchar(100) NOT NULL,
       "icon" varchar(64) NOT NULL DEFAULT 'supervised_user_circle', "description" text, "parent" UUID)"#,
    r#"CREATE TABLE directus_policies ("id" UUID NOT NULL PRIMARY KEY, "name" varchar(100) NOT NULL,
       "icon" varchar(64) NOT NULL DEFAULT 'badge', "description" text, "ip_access" text,
       "enforce_tfa" BOOL NOT NULL DEFAULT '0', "admin_access" BOOL NOT NULL DEFAULT '0', "app_access" BOOL NOT NULL DEFAULT '0')"#,
    r#"CREATE TABLE directus_access ("id" UUID NOT NULL PRIMARY KEY, "role" UUID, "user" UUID, "policy" UUID NOT NULL,
       "sort" integer)"#,
    r#"CREATE TABLE directus_users ("id" UUID NOT NULL PRIMARY KEY, "first_name" varchar(50), "last_name" varchar(50),
       "email" varchar(128) UNIQUE, "password" varchar(255), "location" varchar(255), "title" varchar(50),
       "description" text, "tags" JSON, "avatar" UUID, "language" varchar(255) DEFAULT NULL, "tfa_secret" varchar(255),
       "status" varchar(16) NOT NULL DEFAULT 'active', "role" UUID, "token" varchar(255) UNIQUE, "last_access" TIME,
       "last_page" varchar(255), "provider" varchar(128) NOT NULL DEFAULT 'default', "external_identifier" varchar(255),
       "auth_data" JSON, "email_notifications" BOOL DEFAULT '1', "appearance" varchar(255), "theme_dark" varchar(255),
       "theme_light" varchar(255), "theme_light_overrides" JSON, "theme_dark_overrides" JSON,
       "text_direction" varchar(255) NOT NULL DEFAULT 'auto')"#,
    r#"CREATE TABLE directus_sessions ("token" varchar(64) NOT NULL PRIMARY KEY, "user" UUID, "expires" TIME,
       "ip" varchar(255), "user_agent" text, "share" UUID, "origin" varchar(255), "next_token" varchar(64))"#,
    r#"CREATE TABLE directus_settings ("id" integer NOT NULL PRIMARY KEY, "project_name" varchar(100) NOT NULL DEFAULT 'Directus',
       "auth_login_attempts" integer DEFAULT '25', "auth_password_policy" varchar(100),
       "public_registration" BOOL NOT NULL DEFAULT '0')"#,
    r#"CREATE TABLE directus_shares ("id" UUID NOT NULL PRIMARY KEY, "name" varchar(255))"#,
];
