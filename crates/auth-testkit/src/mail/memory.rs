//! A mailer that keeps what it is given.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use auth_core::mail::{MailError, MailErrorKind, Mailer, Message};
use tokio::sync::Notify;

/// Keeps mails instead of sending them; clones are the same mailer.
///
/// ```
/// use auth_core::Email;
/// use auth_core::mail::{Mailer as _, Message, Rendered};
/// use auth_testkit::mail::{MemoryMailer, token_in};
///
/// # async fn example() {
/// let mailer = MemoryMailer::new();
/// # let rendered = Rendered { subject: "Hello".into(), text: "https://a.example/?token=x1".into(), html: "".into() };
/// # let message = Message::new(Email::parse("ada@example.com").unwrap(), rendered);
/// # mailer.send(&message).await.unwrap();
/// // Give `mailer.clone()` to the app under test, and let it send a mail. Then:
/// let mail = mailer.next().await;
/// assert_eq!(mail.to().as_typed(), "ada@example.com");
/// assert_eq!(token_in(mail.text()), "x1");
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(example());
/// ```
#[derive(Debug, Clone, Default)]
pub struct MemoryMailer(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct State {
    sent: Vec<Message>,
    seen: usize,
    failing: Option<MailErrorKind>,
}

impl MemoryMailer {
    /// Without mails.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The first mail that `next` did not return yet, waiting for it if need be.
    ///
    /// # Panics
    /// When none comes within ten seconds.
    pub async fn next(&self) -> Message {
        let next = async {
            loop {
                let arrived = self.0.arrived.notified();
                if let Some(message) = self.unseen() {
                    return message;
                }
                arrived.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), next).await.expect("a mail within ten seconds")
    }

    /// Every mail up to now.
    #[must_use]
    pub fn sent(&self) -> Vec<Message> {
        self.with(|state| state.sent.clone())
    }

    /// Refuses every mail from now on; with `None`, takes them again.
    pub fn fail(&self, kind: impl Into<Option<MailErrorKind>>) {
        self.with(|state| state.failing = kind.into());
    }

    fn unseen(&self) -> Option<Message> {
        self.with(|state| {
            let message = state.sent.get(state.seen).cloned();
            state.seen += usize::from(message.is_some());
            message
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.0.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Mailer for MemoryMailer {
    async fn send(&self, message: &Message) -> Result<(), MailError> {
        self.with(|state| match state.failing {
            Some(kind) => Err(MailError::new(kind, "the test wants it to fail")),
            None => {
                state.sent.push(message.clone());
                Ok(())
            }
        })?;
        self.0.arrived.notify_waiters();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use auth_core::Email;
    use auth_core::mail::Rendered;

    fn message(subject: &str) -> Message {
        let rendered = Rendered { subject: subject.to_owned(), text: String::new(), html: String::new() };
        Message::new(Email::parse("ada@example.com").expect("an address"), rendered)
    }

    #[tokio::test]
    async fn mails_are_waited_for_in_their_order() {
        let mailer = MemoryMailer::new();
        let other = mailer.clone();
        let waiting = tokio::spawn(async move { (other.next().await, other.next().await) });
        tokio::task::yield_now().await;
        for subject in ["first", "second"] {
            mailer.send(&message(subject)).await.expect("is kept");
        }
        let (first, second) = waiting.await.expect("two mails");
        assert_eq!((first.subject(), second.subject()), ("first", "second"));
        assert_eq!(mailer.sent().len(), 2);

        mailer.fail(MailErrorKind::Transient);
        let error = mailer.send(&message("third")).await.expect_err("it fails");
        assert_eq!(error.kind(), MailErrorKind::Transient);
        mailer.fail(None);
        mailer.send(&message("fourth")).await.expect("is kept");
        assert_eq!(mailer.next().await.subject(), "fourth");
    }
}
