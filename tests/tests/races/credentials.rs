//! Changes of a user beside logins and refreshes on both nodes: no session of before survives, also not one that is
//! being refreshed or opened at that moment.

use std::time::Duration;

use auth_core::store::{SessionMode, UserStatus};
use auth_core::{ClientInfo, Email, ErrorKind, Password, Role, UserUpdate};

use crate::chain::{Chain, Ended, refresh_until_refused};
use crate::nodes::{Held, Nodes, Person, Setting, Work, stagger, strict, together};

/// Each with four passwords to verify.
const ROUNDS: u64 = 5;
/// Without a password to verify.
const FAST_ROUNDS: u64 = 24;
/// About as long as it takes to verify a few passwords.
const SOON: Duration = Duration::from_millis(60);
const VERY_SOON: Duration = Duration::from_millis(8);

pub(crate) async fn r9_logins_beside_a_password_change_leave_no_session(setting: Setting) {
    race_logins(setting, Change::Password).await;
}

pub(crate) async fn r9_logins_beside_a_suspension_leave_no_session(setting: Setting) {
    race_logins(setting, Change::Status).await;
}

pub(crate) async fn r9_logins_beside_a_change_of_role_get_the_new_role_or_nothing(setting: Setting) {
    race_logins(setting, Change::Role).await;
}

pub(crate) async fn r9_logins_beside_a_change_of_address_leave_no_session(setting: Setting) {
    race_logins(setting, Change::Email).await;
}

pub(crate) async fn r9_logins_beside_a_removal_leave_no_session(setting: Setting) {
    race_logins(setting, Change::Delete).await;
}

/// Sessions opened without a password, as after single sign-on: many more of them fit beside a change.
pub(crate) async fn r9_sessions_opened_beside_a_change_are_of_the_changed_user(setting: Setting) {
    let Some(nodes) = Nodes::new(setting, strict()).await else { return };
    for change in [Change::Status, Change::Role, Change::Delete] {
        let mut person = nodes.user("ada").await;
        let rounds = if change == Change::Delete { ROUNDS } else { FAST_ROUNDS };
        for round in 0..rounds {
            let ended = Ended::default();
            let mut work: Vec<Work<Outcome>> = Vec::new();
            for n in 0..6 {
                let (both, ended, user) = (nodes.both(n), ended.clone(), person.id);
                work.push(Box::pin(async move {
                    stagger(round, n as u64, VERY_SOON).await;
                    let opened = both[0].open_session(&user, SessionMode::Json, &ClientInfo::default()).await;
                    let opened = opened.map(Held::of).map_err(|error| error.kind());
                    Outcome::beside(both, opened, ended).await
                }));
            }
            work.push(change.make(&nodes, &person, round, VERY_SOON, ended));
            change.check(&nodes, &person, round, together(work).await).await;
            person = change.restore(&nodes, person, round).await;
        }
        nodes.node(0).delete_user(&person.id).await.expect("removes");
    }
}

async fn race_logins(setting: Setting, change: Change) {
    let Some(nodes) = Nodes::new(setting, strict()).await else { return };
    let mut person = nodes.user("ada").await;
    for round in 0..ROUNDS {
        let ended = Ended::default();
        let mut work: Vec<Work<Outcome>> = Vec::new();
        for n in 0..2 {
            let held = nodes.open(n, &person.id).await;
            let chain = refresh_until_refused(nodes.both(n), held, ended.clone());
            work.push(Box::pin(async move { Outcome::Before(chain.await) }));
        }
        for n in 0..4 {
            let (both, ended, person) = (nodes.both(n), ended.clone(), person.clone());
            work.push(Box::pin(async move {
                stagger(round, n as u64, SOON).await;
                let opened = person.login(&both[0]).await;
                Outcome::beside(both, opened, ended).await
            }));
        }
        work.push(change.make(&nodes, &person, round, SOON, ended));
        change.check(&nodes, &person, round, together(work).await).await;
        person = change.restore(&nodes, person, round).await;
    }
}

/// What became of one who was at work while the user changed.
#[derive(Debug)]
enum Outcome {
    /// Had a session before the change began.
    Before(Chain),
    /// Got one beside it.
    Beside(Chain),
    /// Got none.
    Refused,
    /// Made the change.
    Changed,
}

impl Outcome {
    async fn beside(nodes: [auth_core::Auth; 2], opened: Result<Held, ErrorKind>, ended: Ended) -> Self {
        match opened {
            Ok(held) => Self::Beside(refresh_until_refused(nodes, held, ended).await),
            Err(kind) => {
                assert_eq!(kind, ErrorKind::InvalidCredentials);
                Self::Refused
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Password,
    Status,
    Role,
    Email,
    Delete,
}

impl Change {
    fn update(self, round: u64) -> UserUpdate {
        let mut update = UserUpdate::default();
        match self {
            Self::Password => update.password = Some(Password::new(format!("password of round {round}"))),
            Self::Status => update.status = Some(UserStatus::Suspended),
            Self::Role => update.role = Some(Some(role(round))),
            Self::Email => update.email = Some(address(round)),
            Self::Delete => {}
        }
        update
    }

    fn make(self, nodes: &Nodes, person: &Person, round: u64, most: Duration, ended: Ended) -> Work<Outcome> {
        let (auth, id) = (nodes.node(round as usize), person.id);
        Box::pin(async move {
            stagger(round, 99, most).await;
            let changed = match self {
                Self::Delete => auth.delete_user(&id).await,
                _ => auth.update_user(&id, self.update(round)).await,
            };
            assert!(changed.expect("changes"), "{self:?}");
            ended.raise();
            Outcome::Changed
        })
    }

    async fn check(self, nodes: &Nodes, person: &Person, round: u64, outcomes: Vec<Outcome>) {
        let place = format!("{self:?}, round {round}");
        let mut survivors = 0;
        for outcome in outcomes {
            let chain = match outcome {
                Outcome::Changed | Outcome::Refused => continue,
                Outcome::Before(chain) => {
                    assert!(chain.survivor.is_none(), "{place}: a session of before survived");
                    chain
                }
                Outcome::Beside(chain) => chain,
            };
            match &chain.survivor {
                None => nodes.assert_dead(&chain.tokens, &place).await,
                // The password is the same: a login may come after the change, and is of the changed user then.
                Some(identity) if self == Self::Role => {
                    assert_eq!(identity.role(), Some(&role(round)), "{place}: a session of the old role survived");
                    survivors += 1;
                }
                Some(_) => panic!("{place}: a session that was opened beside it survived"),
            }
        }
        assert_eq!(nodes.alive_rows(&person.id).await, survivors, "{place}: a session slipped through");
        if survivors == 0 {
            nodes.assert_nothing_alive(&person.id, &place).await;
        }
    }

    /// Makes the user one who can sign in again; nothing of before comes back with that.
    async fn restore(self, nodes: &Nodes, mut person: Person, round: u64) -> Person {
        let auth = nodes.node(0);
        match self {
            Self::Password => person.password = Password::new(format!("password of round {round}")),
            Self::Status => {
                let mut active = UserUpdate::default();
                active.status = Some(UserStatus::Active);
                assert!(auth.update_user(&person.id, active).await.expect("changes"));
                nodes.assert_nothing_alive(&person.id, "after a reactivation").await;
            }
            Self::Role => drop(auth.end_sessions_of(&person.id).await.expect("ends")),
            Self::Email => person.email = address(round),
            Self::Delete => return nodes.user("ada").await,
        }
        person
    }
}

fn role(round: u64) -> Role {
    Role::new(&format!("role-{round}")).expect("a role")
}

fn address(round: u64) -> Email {
    Email::parse(&format!("ada-{round}@example.com")).expect("an address")
}
