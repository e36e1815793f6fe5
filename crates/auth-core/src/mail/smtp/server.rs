//! The mail server: where it is, how the connection is protected, and who we are to it.

use std::fmt;

use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use percent_encoding::percent_decode_str;
use url::Url;

use crate::config::ConfigError;

pub(super) struct Server {
    host: String,
    port: u16,
    security: Security,
    credentials: Option<Credentials>,
}

enum Security {
    /// TLS from the first byte.
    Tls(TlsParameters),
    /// TLS before anything is said; without it, nothing is.
    StartTls(TlsParameters),
    DangerPlaintext,
}

impl Server {
    /// Reads a URL. No error shows any of it, since a wrong one may have its password anywhere.
    pub(super) fn parse(url: &str) -> Result<Self, ConfigError> {
        let error = |problem: &str| ConfigError::new("SMTP_URL", problem);
        let url = Url::parse(url.trim())
            .map_err(|_| error("is no URL: write `smtps://user:password@host`, both percent-encoded"))?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| error("has no host"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let tls = || {
            TlsParameters::new(host.clone())
                .map_err(|problem| error(&format!("has a host for which TLS cannot be set up: {problem}")))
        };
        let (security, port) = match url.scheme() {
            "smtps" => (Security::Tls(tls()?), 465),
            "smtp" => (Security::StartTls(tls()?), 587),
            "smtp+danger-plaintext" => (Security::DangerPlaintext, 25),
            _ => {
                return Err(error(
                    "has another scheme: write `smtps://` (TLS), `smtp://` (STARTTLS), or `smtp+danger-plaintext://` \
                     for a server that you reach without a network",
                ));
            }
        };
        if url.query().is_some() || url.fragment().is_some() || !matches!(url.path(), "" | "/") {
            let problem = "goes on after host and port: take that away; the scheme decides on TLS, and a `#`, `?` or `/` \
                           in the password is percent-encoded";
            return Err(error(problem));
        }
        let decoded = |text: &str| {
            let text =
                percent_decode_str(text).decode_utf8().map_err(|_| error("has a user or password not in UTF-8"))?;
            Ok(text.into_owned())
        };
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            ("", Some(_)) => return Err(error("has a password and no user")),
            (_, None) => return Err(error("has a user and no password")),
            (user, Some(password)) => Some(Credentials::new(decoded(user)?, decoded(password)?)),
        };
        Ok(Self { port: url.port().unwrap_or(port), host, security, credentials })
    }

    /// A connection on which mail can be sent. `name` is who we say we are: a domain of ours, as servers like it better
    /// than an address in brackets.
    pub(super) async fn connect(&self, name: &str) -> Result<AsyncSmtpConnection, SmtpError> {
        let name = ClientId::Domain(name.to_owned());
        let wrapped = match &self.security {
            Security::Tls(parameters) => Some(parameters.clone()),
            Security::StartTls(_) | Security::DangerPlaintext => None,
        };
        // The caller limits the time of it all.
        let address = (self.host.as_str(), self.port);
        let mut connection = AsyncSmtpConnection::connect_tokio1(address, None, &name, wrapped, None).await?;
        if let Security::StartTls(parameters) = &self.security {
            connection.starttls(parameters.clone(), &name).await?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(connection)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.security {
            Security::Tls(_) => "smtps",
            Security::StartTls(_) => "smtp",
            Security::DangerPlaintext => "smtp+danger-plaintext",
        };
        let user = if self.credentials.is_some() { "[redacted]@" } else { "" };
        write!(f, "{scheme}://{user}{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s1_a_url_names_the_server_and_how_it_is_protected() {
        for (url, shown) in [
            ("smtps://user:pass@mail.example:465", "smtps://[redacted]@mail.example:465"),
            ("smtps://mail.example", "smtps://mail.example:465"),
            ("smtp://user:p%40ss@mail.example/", "smtp://[redacted]@mail.example:587"),
            ("smtp+danger-plaintext://127.0.0.1:1025", "smtp+danger-plaintext://127.0.0.1:1025"),
            ("smtp+danger-plaintext://[::1]", "smtp+danger-plaintext://::1:25"),
        ] {
            assert_eq!(format!("{:?}", Server::parse(url).expect(url)), shown);
        }
    }

    #[test]
    fn b5_a_url_that_is_refused_is_not_shown() {
        for url in [
            "",
            "canary",
            "canary.example:25",
            "http://canary:canary@canary.example",
            "smtp://",
            "smtp:canary",
            "smtp://canary:canary@",
            "smtp://canary:canary@canary.example?tls=none",
            "smtps://canary:canary@canary.example:canary",
            "smtps://canary:can#ary@canary.example",
            "smtps://canary:can/ary@canary.example",
            "smtps://canary@canary.example",
            "smtps://:canary@canary.example",
            "smtps://canary:%ffcanary@canary.example",
            "smtps://canary.example/canary",
        ] {
            let Err(error) = Server::parse(url) else { panic!("{url} is accepted") };
            assert_eq!(error.field(), "SMTP_URL");
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }
}
