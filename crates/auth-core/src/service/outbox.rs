//! Mails with one-time links: written and sent outside the request, so that no answer tells whether there was one
//! (requirement S1). What is under way is counted, and a server that stops waits for it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::links::{LinkBase, separator};
use crate::auth::{Auth, Inner};
use crate::email::Email;
use crate::error::{AuthError, ErrorKind};
use crate::mail::{Link, Mail, MailErrorKind, Mailer, Message, Templates};
use crate::rng;
use crate::store::{Epoch, UserRecord};
use crate::token::{Purpose, Ticket};

/// How many requests for mail are looked up at once; beyond, everybody is told to come back.
const LOOKUPS: usize = 1024;
/// How many mails are on their way at once; beyond, a mail is dropped, which nobody can see from outside.
const MAILS: usize = 256;
/// How many registrations wait at once for the next mail to their address; beyond, there is none.
const WAITING: usize = 1024;
/// When a mail is tried again that another attempt may bring through.
const AGAIN_AFTER: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(10)];
/// How long after an answer work for it begins at the soonest.
const SOONEST: Duration = Duration::from_millis(10);

/// Who sends mails.
#[derive(Debug)]
pub(crate) struct Outbox {
    mailer: Arc<dyn Mailer>,
    templates: Arc<dyn Templates>,
    lookups: Arc<Semaphore>,
    mails: Semaphore,
    pub(super) waiting: Semaphore,
    /// How much is under way after its answer.
    errands: watch::Sender<usize>,
}

impl Outbox {
    pub(crate) fn new(mailer: Arc<dyn Mailer>, templates: Arc<dyn Templates>) -> Self {
        Self {
            mailer,
            templates,
            lookups: Arc::new(Semaphore::new(LOOKUPS)),
            mails: Semaphore::new(MAILS),
            waiting: Semaphore::new(WAITING),
            errands: watch::Sender::new(0),
        }
    }

    async fn send(&self, message: &Message) -> Result<(), AuthError> {
        let mut pauses = AGAIN_AFTER.iter();
        loop {
            let place = self.mails.try_acquire();
            let place = place.map_err(|_| AuthError::new(ErrorKind::Unavailable, "too many mails on their way"))?;
            let sent = self.mailer.send(message).await;
            drop(place);
            match sent {
                Err(error) if error.kind() == MailErrorKind::Transient => match pauses.next() {
                    Some(pause) => tokio::time::sleep(*pause).await,
                    None => return Err(AuthError::new(ErrorKind::Unavailable, error)),
                },
                sent => return sent.map_err(|error| AuthError::new(ErrorKind::Unavailable, error)),
            }
        }
    }
}

/// Something that is under way.
struct Errand(watch::Sender<usize>);

impl Errand {
    fn begin(all: &watch::Sender<usize>) -> Self {
        all.send_modify(|count| *count += 1);
        Self(all.clone())
    }
}

impl Drop for Errand {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
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
        outbox.send(&Message::new(to, outbox.templates.render(mail))).await
    }
}

impl Auth {
    /// What a server does when it stops and answers nobody any more: [stores the rest of the trail](Self::flush_events), and
    /// waits for mails that were promised, at most so long.
    ///
    /// # Errors
    /// As [`flush_events`](Self::flush_events). Mails that were not sent in time are told to the log.
    pub async fn finish(&self, patience: Duration) -> Result<(), AuthError> {
        // At once: whoever stops us may lose patience first. And again, for what comes of the mails.
        let stored = self.flush_events().await;
        let Some(outbox) = &self.inner.outbox else { return stored };
        let mut errands = outbox.errands.subscribe();
        if tokio::time::timeout(patience, errands.wait_for(|count| *count == 0)).await.is_err() {
            let count = *errands.borrow();
            tracing::error!(target: "auth::mail", count, "mails were not sent before the server stopped");
        }
        self.flush_events().await
    }

    /// Goes on with `work` after the answer. Nobody but [`finish`](Self::finish) waits for it: what goes wrong is told to
    /// the log.
    ///
    /// Not on the heels of the answer: on one thread or one core, work for a known user would delay the answer's last
    /// steps, or the next request of the same client, by a time that can be measured. Some later moment, another one
    /// each time, says nothing.
    pub(super) fn afterwards(&self, work: impl Future<Output = Result<(), AuthError>> + Send + 'static) {
        let [chance] = rng::bytes(&*self.inner.random).unwrap_or_default();
        let delay = SOONEST + Duration::from_millis(u64::from(chance) / 4);
        let errand = self.inner.outbox.as_ref().map(|outbox| Errand::begin(&outbox.errands));
        tokio::spawn(async move {
            let _errand = errand;
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
