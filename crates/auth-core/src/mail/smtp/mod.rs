//! Mails over SMTP, through `lettre`.
//!
//! Of `lettre` only the conversation is used. Its pool puts a connection back in the middle of a conversation when a
//! caller stops waiting, and then the next mail reads the replies of the one before; its async transport also waits for a
//! silent server without end. Here a connection belongs to the future that uses it, and goes with it.

mod reply;
mod server;

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use lettre::address::{Address, Envelope};
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};

use super::{MailError, MailErrorKind, Mailbox, Mailer, Message, mime};
use crate::clock::{Clock as _, SystemClock};
use crate::config::ConfigError;
use crate::email::Email;
use crate::rng::{self, SystemRandom};
use reply::Refusal;
use server::Server;

/// As many as a mail server lets one client open without asking questions.
const MAX_CONNECTIONS: usize = 4;

/// Below the five minutes after which a server may hang up (RFC 5321 4.5.3.2.7).
const MAX_IDLE: Duration = Duration::from_secs(60);

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// Sends mail to an SMTP server, which takes it from there. Keeps up to four connections. Cargo feature `smtp`.
///
/// ```
/// use auth_core::mail::{Mailbox, SmtpMailer};
///
/// let from = Mailbox::parse("Notes <no-reply@notes.example>")?;
/// let mailer = SmtpMailer::from_url("smtps://user:p%40ssword@mail.example", from)?;
/// assert!(!format!("{mailer:?}").contains("ssword"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SmtpMailer {
    server: Server,
    from: Mailbox,
    timeout: Duration,
    random: SystemRandom,
    places: Semaphore,
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

impl SmtpMailer {
    /// A mailer that sends as `from` through the server of `url`. It connects with the first mail.
    ///
    /// | URL | |
    /// |---|---|
    /// | `smtps://user:password@host` | TLS from the first byte, port 465: the best choice (RFC 8314) |
    /// | `smtp://user:password@host` | STARTTLS, port 587; a server without it gets neither password nor mail |
    /// | `smtp+danger-plaintext://host` | no TLS, port 25: everybody on the way reads the mails and the tokens in them |
    ///
    /// A port may follow the host; user and password are percent-encoded, or left out. Certificates are checked against
    /// the trust store of the operating system (`SSL_CERT_FILE` and `SSL_CERT_DIR` replace it).
    ///
    /// An app that turns on the feature `tracing` of `lettre` gets passwords and tokens in its debug log.
    ///
    /// # Errors
    /// [`ConfigError`] says what is wrong with the URL, without showing it.
    pub fn from_url(url: &str, from: Mailbox) -> Result<Self, ConfigError> {
        Ok(Self {
            server: Server::parse(url)?,
            from,
            timeout: DEFAULT_TIMEOUT,
            random: SystemRandom::new(),
            places: Semaphore::new(MAX_CONNECTIONS),
            idle: Mutex::default(),
        })
    }

    /// How long one mail may take, waiting for a connection included. Default 30 s. After it, the error is transient; the
    /// server may have got the mail all the same.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    async fn deliver(&self, envelope: &Envelope, mail: &[u8]) -> Result<(), MailError> {
        let _place = self.places.acquire().await.map_err(transient)?;
        let mut connection = match self.reuse().await {
            Some(connection) => connection,
            None => self.server.connect(self.from.email().for_delivery().1).await.map_err(refused)?,
        };
        connection.send(envelope, mail).await.map_err(refused)?;
        // Only after a complete conversation; otherwise the connection ends here.
        self.idle().push((connection, Instant::now()));
        Ok(())
    }

    /// A connection that still answers. One that a firewall has forgotten does not even say no, and a part of the time
    /// must be left for a new one.
    async fn reuse(&self) -> Option<AsyncSmtpConnection> {
        let probe_until = Instant::now() + self.timeout / 4;
        loop {
            let (mut connection, since) = self.idle().pop()?;
            let answers = timeout_at(probe_until, connection.test_connected());
            if since.elapsed() < MAX_IDLE && answers.await.unwrap_or(false) {
                return Some(connection);
            }
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<(AsyncSmtpConnection, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, message: &Message) -> Result<(), MailError> {
        let envelope = envelope(&self.from, message.to())?;
        let stamp = mime::Stamp { at: SystemClock.now(), id: rng::bytes(&self.random).map_err(transient)? };
        let mail = mime::write(message, &self.from, &stamp);
        timeout(self.timeout, self.deliver(&envelope, &mail)).await.map_err(transient)?
    }
}

impl fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpMailer")
            .field("server", &self.server)
            .field("from", &self.from)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// From whom to whom, in the words of SMTP: one address each, checked once more (requirement S4).
fn envelope(from: &Mailbox, to: &Email) -> Result<Envelope, MailError> {
    let address = |email: &Email| {
        let (local, domain) = email.for_delivery();
        Address::new(local, domain).map_err(permanent)
    };
    Envelope::new(Some(address(from.email())?), vec![address(to)?]).map_err(permanent)
}

fn transient(error: impl std::error::Error + Send + Sync + 'static) -> MailError {
    MailError::new(MailErrorKind::Transient, error)
}

fn permanent(error: impl std::error::Error + Send + Sync + 'static) -> MailError {
    MailError::new(MailErrorKind::Permanent, error)
}

/// What the server refused is final with a reply 5xx, and when this client cannot do what the server needs (no STARTTLS,
/// no SMTPUTF8). Everything else may be better later.
fn refused(error: SmtpError) -> MailError {
    let kind =
        if error.is_permanent() || error.is_client() { MailErrorKind::Permanent } else { MailErrorKind::Transient };
    match Refusal::of(&error) {
        Some(refusal) => MailError::new(kind, refusal),
        None => MailError::new(kind, error),
    }
}
