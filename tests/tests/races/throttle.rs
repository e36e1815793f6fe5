//! Guesses and requests for mail on two nodes at once: the counters are the store's, whatever the isolation.

use std::time::Duration;

use auth_core::{AuthConfig, ErrorKind, LoginThrottle, Password};
use auth_testkit::mail::MemoryMailer;

use crate::links::with_links;
use crate::nodes::{Nodes, Person, Setting, Work, config, stagger, together};

const AT_ONCE: usize = 64;
const SOON: Duration = Duration::from_millis(20);

fn throttled() -> AuthConfig {
    let mut config = config();
    config.login_throttle = LoginThrottle::default();
    config
}

/// Of 64 wrong passwords at the same moment, five are checked; after the wait, one.
pub(crate) async fn g1_of_64_guesses_at_once_five_are_checked(setting: Setting) {
    let Some(nodes) = Nodes::new(setting, throttled()).await else { return };
    let person = nodes.user("ada").await;
    for (round, checked) in [(0, 5), (1, 1)] {
        let guesses = (0..AT_ONCE).map(|n| -> Work<Option<ErrorKind>> {
            let guess = Person { password: Password::new(format!("guess {n}")), ..person.clone() };
            let auth = nodes.node(n);
            Box::pin(async move {
                stagger(round, n as u64, SOON).await;
                guess.login(&auth).await.err()
            })
        });
        let outcomes = together(guesses).await;
        let count = |kind| outcomes.iter().filter(|outcome| **outcome == Some(kind)).count();
        let told = (count(ErrorKind::InvalidCredentials), count(ErrorKind::TooManyRequests));
        assert_eq!(told, (checked, AT_ONCE - checked), "round {round}: {outcomes:?}");
        nodes.clock.advance(Duration::from_secs(2));
    }
}

/// Whoever asks on every node at once gets one mail.
pub(crate) async fn s6_of_64_requests_for_a_mail_one_sends_it(setting: Setting) {
    let mailer = MemoryMailer::new();
    let nodes = Nodes::with(setting, with_links(), |builder| builder.mailer(mailer.clone())).await;
    let Some(nodes) = nodes else { return };
    let person = nodes.user("ada").await;
    for round in 0..3 {
        let requests = (0..AT_ONCE).map(|n| -> Work<()> {
            let (auth, email) = (nodes.node(n), person.email.clone());
            Box::pin(async move {
                stagger(round, n as u64, SOON).await;
                auth.request_password_reset(email, None).await.expect("asks");
            })
        });
        together(requests).await;
        mailer.next().await;
        // Each request is looked into within a tenth of a second.
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(mailer.sent().len() as u64, round + 1, "round {round}");
        nodes.clock.advance(Duration::from_secs(60));
    }
}
