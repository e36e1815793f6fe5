//! Mails with one-time links: written and sent outside the request, so that no answer tells whether there was one
//! (requirement S1).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::auth::{Auth, Inner};
use crate::email::Email;
use crate::error::{AuthError, ErrorKind};
use crate::mail::{Link, Mail, Mailer, Message, Templates};
use crate::rng;
use crate::store::{Epoch, UserRecord};
use crate::token::{Purpose, Ticket};

/// How many requests for mail are looked up at once; beyond, everybody is told to come back.
const LOOKUPS: usize = 1024;
/// How many mails are on their way at once; beyond, a mail is dropped, which nobody can see from outside.
const MAILS: usize = 256;
/// How long after an answer work for it begins at the soonest.
const SOONEST: Duration = Duration::from_millis(10);

/// Who sends mails.
#[derive(Debug)]
pub(crate) struct Outbox {
    mailer: Arc<dyn Mailer>,
    templates: Arc<dyn Templates>,
    lookups: Arc<Semaphore>,
    mails: Semaphore,
}

impl Outbox {
    pub(crate) fn new(mailer: Arc<dyn Mailer>, templates: Arc<dyn Templates>) -> Self {
        Self { mailer, templates, lookups: Arc::new(Semaphore::new(LOOKUPS)), mails: Semaphore::new(MAILS) }
    }
}

impl Inner {
    pub(super) fn outbox(&self) -> Result<&Outbox, AuthError> {
        self.outbox.as_ref().ok_or_else(|| AuthError::new(ErrorKind::NoMailer, "`AuthBuilder::mailer` was not called"))
    }

    /// A place for work that goes on after the answer.
    pub(super) fn place_for_mail(&self) -> Result<OwnedSemaphorePermit, AuthError> {
        let place = Arc::clone(&self.outbox()?.lookups).try_acquire_owned();
        place.map_err(|_| AuthError::new(ErrorKind::Unavailable, "too many requests for mail at once"))
    }

    /// Sends the user a link that is good under `epoch`.
    pub(super) async fn mail_link(
        &self,
        purpose: Purpose,
        user: &UserRecord,
        epoch: Epoch,
        link: LinkBase,
    ) -> Result<(), AuthError> {
        let expires_in = match purpose {
            Purpose::Reset => self.config.password_reset_ttl,
            Purpose::Verify => self.config.email_verification_ttl,
            Purpose::Invite => self.config.invitation_ttl,
        };
        let fingerprint = match (&self.directory, &user.password) {
            (None, Some(hash)) => Some(self.keys.fingerprint(hash)),
            _ => None,
        };
        let expires_at = self.clock.now().after(expires_in);
        let ticket = Ticket { user: user.id, epoch, fingerprint, then: link.then, expires_at };
        let token = self.keys.sign_ticket(purpose, &ticket, rng::bytes(&*self.random)?);
        let token = token.map_err(|error| AuthError::new(ErrorKind::Internal, error))?;
        let link = &Link::new(format!("{}{}token={token}", link.url, separator(&link.url)));
        let service = self.config.issuer.as_str();
        self.mail(
            user,
            &match purpose {
                Purpose::Reset => Mail::PasswordReset { link, expires_in, service },
                Purpose::Verify => Mail::VerifyEmail { link, expires_in, service },
                Purpose::Invite => Mail::Invitation { link, expires_in, service },
            },
        )
        .await
    }

    /// Sends a mail to the address that is stored for the user (requirement S4).
    #[tracing::instrument(name = "auth.mail", skip_all, fields(user = %user.id))]
    pub(super) async fn mail(&self, user: &UserRecord, mail: &Mail<'_>) -> Result<(), AuthError> {
        let outbox = self.outbox()?;
        let to = Email::parse(&user.email).map_err(|error| AuthError::new(ErrorKind::Internal, error))?;
        let place = outbox.mails.try_acquire();
        let _place = place.map_err(|_| AuthError::new(ErrorKind::Unavailable, "too many mails on their way"))?;
        let message = Message::new(to, outbox.templates.render(mail));
        outbox.mailer.send(&message).await.map_err(|error| AuthError::new(ErrorKind::Unavailable, error))
    }
}

impl Auth {
    /// Goes on with `work` after the answer. Nobody waits for it: what goes wrong is told to the log.
    ///
    /// Not on the heels of the answer: on one thread or one core, work for a known user would delay the answer's last
    /// steps, or the next request of the same client, by a time that can be measured. Some later moment, another one
    /// each time, says nothing.
    pub(super) fn afterwards(&self, work: impl Future<Output = Result<(), AuthError>> + Send + 'static) {
        let [chance] = rng::bytes(&*self.inner.random).unwrap_or_default();
        let delay = SOONEST + Duration::from_millis(u64::from(chance) / 4);
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            if let Err(error) = work.await {
                let cause = std::error::Error::source(&error).map(tracing::field::display);
                tracing::error!(target: "auth::mail", %error, cause, "a mail was not sent");
            }
        });
    }

    /// Tells the user that the password was changed, when there is a mailer.
    pub(super) fn notify_of_change(&self, user: UserRecord) {
        if self.inner.outbox.is_some() {
            let auth = self.clone();
            self.afterwards(async move {
                let service = auth.inner.config.issuer.as_str();
                auth.inner.mail(&user, &Mail::PasswordChanged { service }).await
            });
        }
    }
}

/// Where a link leads, before the token is added.
#[derive(Debug)]
pub(super) struct LinkBase {
    pub(super) url: String,
    /// Where the browser goes afterwards, when the link leads to us.
    pub(super) then: Option<String>,
}

/// What comes between a URL and the parameter `token`: a fragment may have a query of its own, or be nothing else.
fn separator(url: &str) -> &'static str {
    match url.rsplit_once('#') {
        Some((_, "")) => "",
        Some((_, fragment)) if fragment.contains('?') => "&",
        None if url.contains('?') => "&",
        _ => "?",
    }
}

/// `url` if it is on the list.
pub(super) fn allowed<'a>(url: &'a str, list: &[String], what: &'static str) -> Result<&'a str, AuthError> {
    if list.iter().any(|allowed| allowed == url) {
        return Ok(url);
    }
    Err(AuthError::new(ErrorKind::UrlNotAllowed, UrlNotAllowed { url: url.to_owned(), what }))
}

/// A URL that no mail may lead to.
#[derive(Debug, thiserror::Error)]
#[error("URL \"{url}\" can't be used to {what}")]
pub(crate) struct UrlNotAllowed {
    url: String,
    what: &'static str,
}

impl Inner {
    /// Where a link leads for which nobody gave a URL. The token is behind a `#`, where no log of a server gets it
    /// (requirement B5); the page of Directus, which is there beside Directus, looks for it in the query.
    pub(super) fn landing_page(&self, path: &str) -> Result<String, AuthError> {
        let mark = if self.config.is_beside_directus() { "" } else { "#" };
        Ok(format!("{}{mark}", self.page(path)?))
    }

    /// A page below [`AuthConfig::public_url`](crate::AuthConfig::public_url): never from what a request says
    /// (requirement S3).
    pub(super) fn page(&self, path: &str) -> Result<String, AuthError> {
        let base = self.config.public_url.as_deref();
        let base = base.ok_or_else(|| AuthError::new(ErrorKind::Internal, "`public_url` is not set"))?;
        Ok(format!("{}{path}", base.trim_end_matches('/')))
    }
}

#[cfg(test)]
mod tests {
    use super::separator;

    #[test]
    fn b5_the_token_comes_behind_whatever_the_url_ends_with() {
        for (url, expected) in [
            ("https://a.example/reset", "?"),
            ("https://a.example/reset?x=1", "&"),
            ("https://a.example/reset#", ""),
            ("https://a.example/#/reset", "?"),
            ("https://a.example/?x=1#/reset", "?"),
            ("https://a.example/#/reset?x=1", "&"),
        ] {
            assert_eq!(separator(url), expected, "{url}");
        }
    }
}
