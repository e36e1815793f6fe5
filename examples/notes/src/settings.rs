//! The settings, from environment variables.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use auth_core::mail::{FileMailer, Mailbox, Mailer};
use auth_core::{AuthConfig, ConfigError, SecureRandom as _, SystemRandom};

/// What the environment says.
pub(crate) struct Settings {
    pub(crate) database_url: String,
    pub(crate) address: SocketAddr,
    pub(crate) auth: AuthConfig,
    /// Whether strangers may make an account: `REGISTRATION=1`.
    pub(crate) registration: bool,
    pub(crate) mailer: Arc<dyn Mailer>,
    /// Where the mailer puts mails, for people.
    pub(crate) mail: String,
}

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    #[error("{name}: `{value}` cannot be read: write {expected}")]
    Unreadable { name: &'static str, value: String, expected: &'static str },
    #[error("SECRET is not set, and there is no database file to keep one beside: set it to 32 random bytes or more")]
    NoSecret,
    #[error("{path}: {source}; make it readable and writable, or set DATABASE_URL and SECRET")]
    File { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl Settings {
    pub(crate) fn read(name: &str) -> Result<Self, SettingsError> {
        let database_url = var("DATABASE_URL").unwrap_or_else(|| format!("sqlite://{name}.db?mode=rwc"));
        if let Some(file) = database_file(&database_url) {
            // It will hold password hashes. SQLite gives its other files the mode of this one.
            create_private(&file).map_err(|source| SettingsError::File { path: file, source })?;
        }
        let host = parsed("HOST", IpAddr::V4(Ipv4Addr::LOCALHOST), "an IP address")?;
        let port = parsed("PORT", 8055, "a port from 0 to 65535")?;
        let secret = match var("SECRET") {
            Some(secret) => secret,
            None => kept_secret(&database_url)?,
        };
        let mut auth = AuthConfig::from_vars(|name| if name == "SECRET" { Some(secret.clone()) } else { var(name) })?;
        let address = SocketAddr::new(host, port);
        let consoles = consoles(&mut auth, address);
        for console in consoles.iter().map(|url| url.trim_end_matches('/')) {
            auth.password_reset_urls.push(format!("{console}/#/reset"));
            auth.invitation_urls.push(format!("{console}/#/invite"));
            auth.verification_urls.push(format!("{console}/#/verified"));
        }
        let registration = parsed("REGISTRATION", 0, "0 or 1")? == 1_u8;
        let (mailer, mail) = mailer(name, &database_url)?;
        Ok(Self { database_url, address, auth, registration, mailer, mail })
    }
}

/// Where the console is. Links in mails begin with the first; whoever says where clients reach this server means no other
/// place.
fn consoles(auth: &mut AuthConfig, address: SocketAddr) -> Vec<String> {
    let local = format!("http://localhost:{}", address.port());
    let all = match &auth.public_url {
        Some(public_url) => vec![public_url.clone()],
        // That is no address to go to.
        None if address.ip().is_unspecified() => {
            println!(
                "PUBLIC_URL is not set, so links in mails begin with {local}, which leads nowhere on other machines: set it \
                 to the address that they reach this one by, such as https://notes.example.com"
            );
            vec![local]
        }
        None => vec![local, format!("http://{address}")],
    };
    auth.public_url = all.first().cloned();
    all
}

/// What the environment asks for, or files beside the database.
fn mailer(name: &str, database_url: &str) -> Result<(Arc<dyn Mailer>, String), SettingsError> {
    if let Some(mailer) = auth_core::mail::from_env()? {
        return Ok((mailer, "where SMTP_URL or MAIL_DIR says".to_owned()));
    }
    let beside = database_file(database_url).unwrap_or_else(|| PathBuf::from(name));
    let folder = beside.with_extension("mail");
    let from = Mailbox::parse(&format!("{name} <no-reply@{name}.example>"));
    let from = from.map_err(|_| SettingsError::Unreadable {
        name: "MAIL_FROM",
        value: name.to_owned(),
        expected: "`Name <no-reply@example.com>`",
    });
    let mailer = FileMailer::new(&folder, from?)?;
    let place = format!("into {}/, as files: set SMTP_URL or MAIL_DIR, and MAIL_FROM", folder.display());
    Ok((Arc::new(mailer), place))
}

fn var(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn parsed<T: FromStr>(name: &'static str, default: T, expected: &'static str) -> Result<T, SettingsError> {
    let Some(value) = var(name) else { return Ok(default) };
    value.parse().map_err(|_| SettingsError::Unreadable { name, value, expected })
}

/// The secret that an earlier start left beside the database file, or a new one.
fn kept_secret(database_url: &str) -> Result<String, SettingsError> {
    let path = database_file(database_url).ok_or(SettingsError::NoSecret)?.with_added_extension("key");
    match fs::read_to_string(&path) {
        Ok(secret) => return Ok(secret.trim().to_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(source) => return Err(SettingsError::File { path, source }),
    }
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).map_err(|_| SettingsError::NoSecret)?;
    let secret: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    write_private(&path, &secret).map_err(|source| SettingsError::File { path: path.clone(), source })?;
    println!("SECRET is not set: made a random one and kept it in {} (mode 0600)", path.display());
    Ok(secret)
}

/// Makes an empty file that others cannot read, unless there is one.
fn create_private(path: &Path) -> std::io::Result<()> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path).map(drop)
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(text.as_bytes())
}

/// The file behind a SQLite URL.
fn database_file(url: &str) -> Option<PathBuf> {
    let rest = url.strip_prefix("sqlite:")?;
    let path = rest.strip_prefix("//").unwrap_or(rest).split('?').next()?;
    (!path.is_empty() && path != ":memory:").then(|| PathBuf::from(path))
}
