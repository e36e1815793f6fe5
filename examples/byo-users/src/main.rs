//! Starts the app: settings, database, the first customer, and a server that drains when it is told to stop.

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use auth_core::{Auth, AuthConfig, Email, NewUser, Password, SecureRandom as _, SystemRandom};
use auth_sea_orm::SeaOrmStore;
use byo_users::users::Customers;
use byo_users::{customer, migration, routes};
use sea_orm::{DatabaseConnection, EntityTrait as _, PaginatorTrait as _};
use tokio::signal::unix::{SignalKind, signal};

/// How long open requests may take once the server has been told to stop.
const DRAIN: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let filter =
        tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info,sea_orm_migration=warn".into());
    tracing_subscriber::fmt().with_env_filter(filter).init();

    // It will hold password hashes. SQLite gives its other files the mode of this one.
    create_private("byo-users.db", "")?;
    let db = migration::open("sqlite://byo-users.db").await?;
    let customers = Customers::new(db.clone());
    let secret = secret()?;
    let config = AuthConfig::from_vars(|name| if name == "SECRET" { Some(secret.clone()) } else { var(name) })?;
    // Our sessions and their customers, in one database.
    let auth = Auth::builder(SeaOrmStore::new(db.clone())).users(customers.clone()).config(config).build()?;
    create_first_customer(&auth, &db).await?;
    auth.spawn_maintenance();
    serve(routes::router(&auth, &customers)).await
}

async fn create_first_customer(auth: &Auth, db: &DatabaseConnection) -> Result<(), Box<dyn Error>> {
    if customer::Entity::find().count(db).await? > 0 {
        return Ok(());
    }
    let password = random_hex::<10>()?;
    auth.create_user(NewUser::new(Email::parse("ada@example.com")?, Password::new(password.as_str()))).await?;
    println!("first start: made the customer ada@example.com with the password {password} (shown this once)");
    Ok(())
}

async fn serve(router: axum::Router) -> Result<(), Box<dyn Error>> {
    let port = var("PORT").map_or(Ok(8055), |port| port.parse()).map_err(|_| "PORT: write a port from 0 to 65535")?;
    let host = var("HOST").map_or(Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)), |host| host.parse());
    let address = SocketAddr::new(host.map_err(|_| "HOST: write an IP address")?, port);
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{address}");

    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (stop, mut stopped) = tokio::sync::watch::channel(());
    let draining = async move {
        tokio::select! { _ = terminate.recv() => {} _ = interrupt.recv() => {} }
        drop(stop);
    };
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::select! {
        result = axum::serve(listener, service).with_graceful_shutdown(draining).into_future() => result?,
        () = async { let _ = stopped.changed().await; tokio::time::sleep(DRAIN).await } => {
            tracing::warn!("some requests did not end in time");
        }
    }
    Ok(())
}

fn var(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// `SECRET`, or one that is kept beside the database.
fn secret() -> Result<String, Box<dyn Error>> {
    if let Some(secret) = var("SECRET") {
        return Ok(secret);
    }
    let path = "byo-users.db.key";
    create_private(path, &random_hex::<32>()?)?;
    Ok(fs::read_to_string(path)?)
}

/// Makes a file that others cannot read, unless there is one.
fn create_private(path: &str, text: &str) -> std::io::Result<()> {
    if Path::new(path).exists() {
        return Ok(());
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(text.as_bytes())
}

fn random_hex<const N: usize>() -> Result<String, Box<dyn Error>> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
