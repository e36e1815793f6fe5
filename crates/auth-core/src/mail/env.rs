//! The mailer from environment variables.

use std::sync::Arc;

use super::{FileMailer, Mailbox, Mailer};
use crate::config::ConfigError;

/// The mailer that the environment asks for: with `SMTP_URL` an `SmtpMailer`, with `MAIL_DIR` a [`FileMailer`], both from
/// `MAIL_FROM` (`Notes <no-reply@notes.example>`); with neither, none.
///
/// # Errors
/// [`ConfigError`] names the variable that is missing or cannot be used.
pub fn from_env() -> Result<Option<Arc<dyn Mailer>>, ConfigError> {
    from_vars(|name| std::env::var(name).ok())
}

/// Like [`from_env`], over any source of variables.
///
/// # Errors
/// [`ConfigError`] names the variable that is missing or cannot be used.
pub fn from_vars(var: impl Fn(&str) -> Option<String>) -> Result<Option<Arc<dyn Mailer>>, ConfigError> {
    let var = |name: &str| var(name).filter(|value| !value.is_empty());
    match (var("SMTP_URL"), var("MAIL_DIR")) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(ConfigError::new("MAIL_DIR", "is set beside `SMTP_URL`: keep one of the two")),
        (Some(url), None) => smtp(&url, from(var("MAIL_FROM"))?).map(Some),
        (None, Some(folder)) => Ok(Some(Arc::new(FileMailer::new(folder, from(var("MAIL_FROM"))?)?))),
    }
}

fn from(text: Option<String>) -> Result<Mailbox, ConfigError> {
    let text = text.ok_or_else(|| {
        ConfigError::new("MAIL_FROM", "is not set: say who sends the mails, `Name <no-reply@example.com>`")
    })?;
    Mailbox::parse(&text).map_err(|error| ConfigError::new("MAIL_FROM", format!("`{text}`: {error}")))
}

#[cfg(feature = "smtp")]
fn smtp(url: &str, from: Mailbox) -> Result<Arc<dyn Mailer>, ConfigError> {
    Ok(Arc::new(super::SmtpMailer::from_url(url, from)?))
}

#[cfg(not(feature = "smtp"))]
fn smtp(_: &str, _: Mailbox) -> Result<Arc<dyn Mailer>, ConfigError> {
    Err(ConfigError::new("SMTP_URL", "needs SMTP: turn on the cargo feature `smtp` of auth-core"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(vars: &[(&str, &str)]) -> Result<Option<Arc<dyn Mailer>>, ConfigError> {
        from_vars(|name| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        const FROM: (&str, &str) = ("MAIL_FROM", "Notes <no-reply@notes.example>");
        for (vars, field) in [
            (&[("SMTP_URL", "smtps://mail.example"), ("MAIL_DIR", "mails"), FROM][..], "MAIL_DIR"),
            (&[("MAIL_DIR", "mails")], "MAIL_FROM"),
            (&[("SMTP_URL", "smtps://mail.example")], "MAIL_FROM"),
            (&[("MAIL_DIR", "mails"), ("MAIL_FROM", "Notes")], "MAIL_FROM"),
            (&[("MAIL_DIR", "/dev/null/mails"), FROM], "MAIL_DIR"),
            (&[("SMTP_URL", "http://mail.example"), FROM], "SMTP_URL"),
        ] {
            assert_eq!(from(vars).expect_err(field).field(), field, "{vars:?}");
        }
        assert!(from(&[]).expect("none").is_none());
        assert!(from(&[("SMTP_URL", ""), ("MAIL_DIR", ""), FROM]).expect("none").is_none());
        let smtp = from(&[("SMTP_URL", "smtps://mail.example"), FROM]);
        assert_eq!(smtp.is_ok(), cfg!(feature = "smtp"), "{smtp:?}");
    }
}
