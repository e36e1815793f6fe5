//! Links in mails: used many times at once, and beside logins and refreshes; and a password changed beside them.

use std::sync::Arc;
use std::time::Duration;

use auth_core::store::memory::MemoryStore;
use auth_core::{Auth, AuthConfig, ClientInfo, ErrorKind, Password, PasswordChange};
use auth_testkit::mail::{MemoryMailer, token_in};

use crate::chain::{Chain, Ended, refresh_until_refused};
use crate::elsewhere::Elsewhere;
use crate::nodes::{Held, Nodes, Person, Setting, Work, refresh, stagger, strict, together};

const ROUNDS: u64 = 3;
const SOON: Duration = Duration::from_millis(60);

pub(crate) fn with_links() -> AuthConfig {
    let mut config = strict();
    config.public_url = Some("https://auth.example.com".to_owned());
    config
}

async fn link(auth: &Auth, mailer: &MemoryMailer, person: &Person) -> String {
    auth.request_password_reset(person.email.clone(), None).await.expect("asks");
    loop {
        let mail = mailer.next().await;
        if mail.text().contains("token=") {
            return token_in(mail.text());
        }
    }
}

async fn reset(auth: &Auth, token: &str, password: &str) -> Result<(), ErrorKind> {
    let reset = auth.reset_password(token, Password::new(password), &ClientInfo::default()).await;
    reset.map_err(|error| error.kind())
}

/// Whoever uses a link at the same moment, on whichever node: the password is that of one of them.
pub(crate) async fn s2_of_32_uses_of_one_link_one_works(setting: Setting) {
    let mailer = MemoryMailer::new();
    let nodes = Nodes::with(setting, with_links(), |builder| builder.mailer(mailer.clone())).await;
    let Some(nodes) = nodes else { return };
    race_redemptions(&nodes, &mailer).await;
}

/// The same where the users are in a table of the app, whose answers take their time.
pub(crate) async fn s2_of_32_uses_of_one_link_one_works_in_a_table_of_the_app(setting: Setting) {
    let mailer = MemoryMailer::new();
    let elsewhere = Elsewhere::new(MemoryStore::new());
    let nodes = Nodes::with(setting, with_links(), |builder| builder.users(elsewhere.clone()).mailer(mailer.clone()));
    let Some(nodes) = nodes.await else { return };
    race_redemptions(&nodes, &mailer).await;
}

async fn race_redemptions(nodes: &Nodes, mailer: &MemoryMailer) {
    let person = nodes.user("ada").await;
    for round in 0..ROUNDS {
        nodes.clock.advance(Duration::from_secs(61));
        let token: Arc<str> = link(&nodes.node(round as usize), mailer, &person).await.into();
        let work = (0..32).map(|n| -> Work<(u64, Result<(), ErrorKind>)> {
            let (auth, token) = (nodes.node(n as usize), token.clone());
            Box::pin(async move {
                stagger(round, n, SOON).await;
                (n, reset(&auth, &token, &format!("password {n} of round {round}")).await)
            })
        });
        let outcomes = together(work).await;
        let won: Vec<u64> = outcomes.iter().filter(|(_, outcome)| outcome.is_ok()).map(|(n, _)| *n).collect();
        assert_eq!(won.len(), 1, "round {round}: {outcomes:?}");
        let others = outcomes.iter().filter_map(|(_, outcome)| outcome.err());
        assert!(others.into_iter().all(|kind| kind == ErrorKind::LinkUsed), "round {round}: {outcomes:?}");
        for n in 0..32 {
            // One that lost, and the one that won: checking all of them takes a second.
            if n == won[0] || n == (won[0] + 1) % 32 {
                let password = Password::new(format!("password {n} of round {round}"));
                let login = Person { password, ..person.clone() }.login(&nodes.node(0)).await;
                assert_eq!(login.is_ok(), n == won[0], "round {round}: the password of {n}");
            }
        }
    }
}

/// Who signs in with the forgotten password while it is replaced, and who is being refreshed, has nothing afterwards.
pub(crate) async fn s2_logins_and_refreshes_beside_a_reset_leave_no_session(setting: Setting) {
    let mailer = MemoryMailer::new();
    let nodes = Nodes::with(setting, with_links(), |builder| builder.mailer(mailer.clone())).await;
    let Some(nodes) = nodes else { return };
    let mut person = nodes.user("ada").await;
    for round in 0..ROUNDS {
        nodes.clock.advance(Duration::from_secs(61));
        let token = link(&nodes.node(0), &mailer, &person).await;
        let ended = Ended::default();
        let mut work = beside(&nodes, &person, round, &ended).await;
        let (auth, done, password) = (nodes.node(1), ended.clone(), format!("the password of round {round}"));
        person.password = Password::new(password.clone());
        work.push(Box::pin(async move {
            stagger(round, 99, SOON).await;
            reset(&auth, &token, &password).await.expect("the link is good");
            done.raise();
            None
        }));
        for chain in together(work).await.into_iter().flatten() {
            assert!(chain.survivor.is_none(), "round {round}: a session survived the reset");
            nodes.assert_dead(&chain.tokens, "beside a reset").await;
        }
        nodes.assert_nothing_alive(&person.id, "beside a reset").await;
    }
}

/// The session that changes the password goes on, and no other one does.
pub(crate) async fn r9_logins_and_refreshes_beside_a_change_leave_the_session_that_asks(setting: Setting) {
    let Some(nodes) = Nodes::new(setting, strict()).await else { return };
    let mut person = nodes.user("ada").await;
    for round in 0..ROUNDS {
        let ended = Ended::default();
        let own = nodes.open(0, &person.id).await;
        let mut work = beside(&nodes, &person, round, &ended).await;
        let (auth, done, current) = (nodes.node(1), ended.clone(), person.password.clone());
        let password = Password::new(format!("the password of round {round}"));
        person.password = password.clone();
        let identity = auth.verify(own.access.expose_secret()).expect("a good token");
        work.push(Box::pin(async move {
            stagger(round, 99, SOON).await;
            let change = PasswordChange::new(current, password);
            auth.change_password(&identity, change, &ClientInfo::default()).await.expect("changes");
            done.raise();
            None
        }));
        for chain in together(work).await.into_iter().flatten() {
            assert!(chain.survivor.is_none(), "round {round}: another session survived the change");
            nodes.assert_dead(&chain.tokens, "beside a change").await;
        }
        assert_eq!(nodes.alive_rows(&person.id).await, 1, "round {round}: not only the session that asked");
        refresh(&nodes.node(0), &own.refresh).await.expect("it goes on");
        nodes.node(0).end_sessions_of(&person.id).await.expect("ends");
    }
}

/// Two sessions that are refreshed, and two logins with the password of before.
async fn beside(nodes: &Nodes, person: &Person, round: u64, ended: &Ended) -> Vec<Work<Option<Chain>>> {
    let mut work: Vec<Work<Option<Chain>>> = Vec::new();
    for n in 0..2 {
        let held = nodes.open(n, &person.id).await;
        let chain = refresh_until_refused(nodes.both(n), held, ended.clone());
        work.push(Box::pin(async move { Some(chain.await) }));
    }
    for n in 0..2 {
        let (both, ended, person) = (nodes.both(n), ended.clone(), person.clone());
        work.push(Box::pin(async move {
            stagger(round, n as u64, SOON).await;
            let held: Held = person.login(&both[0]).await.ok()?;
            Some(refresh_until_refused(both, held, ended).await)
        }));
    }
    work
}
