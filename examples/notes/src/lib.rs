//! What both example apps share: settings, first start and a table of notes. Nothing of a web framework.

mod first_start;
mod note;
mod settings;

use std::error::Error;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use auth_core::http::Endpoint;
use auth_core::{Auth, RevocationFeed};
use auth_sea_orm::SeaOrmStore;
use tokio::signal::unix::{SignalKind, signal};

pub use note::{Count, NewNote, Note, Notes};

/// How long a server that stops waits for its last mails.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is off unless asked for: the description of the routes, and what admins do.
const MOUNTED: &[Endpoint] = &[
    Endpoint::OpenApi,
    Endpoint::Users,
    Endpoint::CreateUser,
    Endpoint::User,
    Endpoint::UpdateUser,
    Endpoint::DeleteUser,
    Endpoint::InviteAgain,
    Endpoint::ResetUserFactor,
    Endpoint::Events,
    Endpoint::Health,
    Endpoint::AcceptInvitation,
];

/// What lets strangers in: `REGISTRATION=1`.
const REGISTRATION: &[Endpoint] = &[Endpoint::Register, Endpoint::VerifyEmail];

/// What a server needs.
pub struct App {
    /// Authentication, over tables in the database.
    pub auth: Auth,
    /// The notes, in the same database.
    pub notes: Notes,
    /// Where to listen: `HOST` and `PORT`.
    pub address: SocketAddr,
    /// The address for browsers.
    page: String,
}

impl App {
    /// Reads the environment, opens the database, and makes an admin when there is nobody yet.
    ///
    /// # Errors
    /// Says which setting is wrong and what to do.
    pub async fn start(name: &str) -> Result<Self, Box<dyn Error>> {
        let filter = tracing_subscriber::EnvFilter::try_from_default_env()
            .unwrap_or_else(|_| "info,sea_orm_migration=warn".into());
        tracing_subscriber::fmt().with_env_filter(filter).init();

        let settings = settings::Settings::read(name)?;
        let store = SeaOrmStore::connect(&settings.database_url).await?;
        store.migrate().await?;
        let mut config = settings.auth;
        // Guards refuse the access tokens of ended sessions too, within a second.
        config.revocation_feed = Some(RevocationFeed::default());
        config.audit_trail.get_or_insert_default();
        println!("mails go {}", settings.mail);
        let page = config.public_url.clone().unwrap_or_default();
        let registration = if settings.registration { REGISTRATION } else { &[] };
        let builder = Auth::builder(store).config(config).mailer(settings.mailer).with(MOUNTED).with(registration);
        let auth = builder.build()?;
        auth.poll_revocations().await?;
        auth.spawn_maintenance();
        first_start::create_admin(&auth).await?;
        let notes = Notes::open(&settings.database_url).await?;
        Ok(Self { auth, notes, address: settings.address, page })
    }

    /// What listens at [`address`](Self::address), and says so.
    ///
    /// # Errors
    /// Says what to do when it does not.
    pub fn listening<T>(&self, bound: io::Result<T>) -> Result<T, Box<dyn Error>> {
        let Self { address, page, .. } = self;
        let listener = bound.map_err(|error| match error.kind() {
            ErrorKind::AddrInUse => format!("port {} is taken: set PORT to another one", address.port()),
            _ => format!("nobody can listen on {address}: set HOST and PORT to others ({error})"),
        })?;
        println!("listening on {address}: open {page} in a browser");
        Ok(listener)
    }
}

/// Sends the mails and stores the events that are still on their way: the last thing a server does.
pub async fn stop(auth: &Auth) {
    if let Err(error) = auth.finish(PATIENCE).await {
        tracing::error!(%error, "the last events are lost");
    }
}

/// Prints why a program ends, if it is an error, and says so in the exit code.
pub fn exit(result: Result<(), Box<dyn Error>>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    eprintln!("error: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        eprintln!("  because: {cause}");
        source = cause.source();
    }
    ExitCode::FAILURE
}

/// Listens for the signals to stop, SIGTERM and ctrl-c; the future resolves at the first of them.
///
/// # Errors
/// When the operating system takes no handler.
pub fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
