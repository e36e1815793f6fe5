//! Each step, done with the real `Auth` and told to the reference.

use std::time::Duration;

use auth_core::store::{NewUserRecord, SessionMode, Store, UserStatus};
use auth_core::{
    AuthError, Clock as _, Email, ErrorKind, Grant, Password, RefreshToken, Role, SessionToken, Tokens, UserUpdate,
};
use auth_testkit::contract::forge;
use proptest::sample::Index;

use crate::reference::Expected;
use crate::script::{Change, Op, Which};
use crate::world::{Given, Held, Outcome, World};

impl<S: Store + Clone> World<S> {
    /// Does it here and in the reference; `None` when there is nothing to do it with.
    pub(crate) async fn act(&mut self, op: &Op) -> Option<(Expected, Outcome)> {
        let pick = |index: &Index| (!self.held.is_empty()).then(|| index.get(&self.held).clone());
        Some(match op {
            Op::Open { user, mode } => {
                let opened = self.auth.open_session(&self.users[*user], *mode, &self.client).await;
                (self.reference.open(*user, *mode), given(opened))
            }
            Op::Refresh { token, .. } => {
                let held = match token {
                    Which::Newest => self.held.last().cloned()?,
                    Which::Any(index) => pick(index)?,
                };
                let until = held.cookie.as_ref().map(|(_, until)| *until);
                (self.reference.refresh(held.session, held.generation, until), self.refresh(&held).await)
            }
            Op::RefreshElsewhere { token } => {
                let held = pick(token).filter(|held| held.cookie.is_some())?;
                (self.reference.refresh_elsewhere(), self.refresh_text(&held.refresh).await)
            }
            Op::Verify { token } => {
                let held = pick(token)?;
                let (cookie, until) = held.cookie?;
                let verified = self.auth.verify_session(&SessionToken::new(cookie)).await;
                let outcome = verified.map_or_else(refused, |identity| Outcome::Is(*identity.user()));
                (self.reference.verify(held.session, held.generation, until), outcome)
            }
            Op::Logout { token } => {
                let held = pick(token)?;
                let until = held.cookie.as_ref().map(|(_, until)| *until);
                let ended = match held.cookie {
                    Some((cookie, _)) => self.auth.logout_session(&SessionToken::new(cookie), &self.client).await,
                    None => self.auth.logout(&RefreshToken::new(held.refresh), &self.client).await,
                };
                (self.reference.logout(held.session, held.generation, until), done(ended))
            }
            Op::EndSession { by, target } => {
                let (by, target) = (pick(by)?.session, pick(target)?.session);
                let identity = self.identities[by].clone()?;
                let id = self.reference.sessions[target].id.expect("somebody holds a token of it");
                let ended = self.auth.end_session(&identity, id, &self.client).await;
                (self.reference.end_session(by, target), done(ended))
            }
            Op::EndOthers { by } => {
                let by = pick(by)?.session;
                let identity = self.identities[by].clone()?;
                let ended = self.auth.end_other_sessions(&identity, &self.client).await;
                (self.reference.end_others(by), done(ended))
            }
            Op::EndAll { user } => {
                let ended = self.auth.end_sessions_of(&self.users[*user]).await;
                (self.reference.end_all(*user), ended.map_or_else(refused, Outcome::Ended))
            }
            Op::Update { user, change } => {
                let update = self.update_of(*user, *change).await;
                let changed = self.auth.update_user(&self.users[*user], update).await;
                (self.reference.update(*user, *change), changed.map_or_else(refused, Outcome::Changed))
            }
            Op::Delete { user } => {
                let deleted = self.auth.delete_user(&self.users[*user]).await;
                (self.reference.delete(*user), deleted.map_or_else(refused, Outcome::Changed))
            }
            Op::Create { user } => (self.reference.create(*user), self.create(*user).await),
            Op::Clock { secs } => {
                let by = Duration::from_secs(secs.unsigned_abs());
                if *secs < 0 {
                    self.clock.step_back(by);
                } else {
                    self.clock.advance(by);
                }
                self.reference.now += secs;
                (Expected::Done, Outcome::Done)
            }
            Op::Damage { token, at, to } => {
                let held = pick(token)?;
                let mut text: Vec<char> = held.text().chars().collect();
                let at = at.index(text.len());
                if text[at] == *to {
                    return None;
                }
                text[at] = *to;
                (
                    Expected::Refused(ErrorKind::InvalidCredentials),
                    self.present(&held, &text.into_iter().collect::<String>()).await,
                )
            }
            Op::Truncate { token, to } => {
                let held = pick(token)?;
                let text = held.text()[..to.index(held.text().len())].to_owned();
                (Expected::Refused(ErrorKind::InvalidCredentials), self.present(&held, &text).await)
            }
            Op::Forge { token, part } => {
                let held = pick(token).filter(|held| held.cookie.is_none())?;
                let forged = forge::with_other(&held.refresh, *part);
                (self.reference.forged(held.session, held.generation, *part), self.refresh_text(&forged).await)
            }
        })
    }

    async fn refresh(&self, held: &Held) -> Outcome {
        match &held.cookie {
            Some((cookie, _)) => self.refresh_cookie(cookie).await,
            None => self.refresh_text(&held.refresh).await,
        }
    }

    /// Presents `text` where `held` belongs.
    async fn present(&self, held: &Held, text: &str) -> Outcome {
        if held.cookie.is_some() { self.refresh_cookie(text).await } else { self.refresh_text(text).await }
    }

    async fn refresh_cookie(&self, text: &str) -> Outcome {
        given(self.auth.refresh_session(&SessionToken::new(text), &self.client).await)
    }

    async fn refresh_text(&self, text: &str) -> Outcome {
        given(self.auth.refresh(&RefreshToken::new(text), &self.client).await)
    }

    /// Without a password: hashing one for each script would take most of the time.
    pub(crate) async fn create(&self, user: usize) -> Outcome {
        let record = NewUserRecord {
            id: self.users[user],
            email: self.address(user, 0),
            password: None,
            status: UserStatus::Active,
            role: None,
            app_access: true,
            admin_access: false,
            created_at: self.clock.now(),
        };
        Outcome::Changed(self.store.create(&record).await.is_ok())
    }

    fn address(&self, user: usize, number: u8) -> Email {
        Email::parse(&format!("e{}-{user}-{number}@example.com", self.seed)).expect("an address")
    }

    async fn update_of(&self, user: usize, change: Change) -> UserUpdate {
        let mut update = UserUpdate::default();
        match change {
            Change::Suspend => update.status = Some(UserStatus::Suspended),
            Change::Activate => update.status = Some(UserStatus::Active),
            Change::Role(role) => update.role = Some(Role::new(&format!("role-{role}")).ok()),
            Change::Password => update.password = Some(Password::new("a password that is new")),
            Change::Email(number) => update.email = Some(self.address(user, number)),
            Change::EmailOfTheOther => {
                let other = self.store.find_by_id(&self.users[1 - user]).await.expect("finds");
                let taken = other.filter(|_| self.reference.users[user].exists);
                update.email = taken.map(|other| Email::parse(&other.email).expect("an address"));
            }
            Change::Nothing => {}
        }
        update
    }
}

impl Held {
    /// What is presented.
    fn text(&self) -> &str {
        self.cookie.as_ref().map_or(&self.refresh, |(cookie, _)| cookie)
    }
}

fn given(result: Result<Tokens, AuthError>) -> Outcome {
    let tokens = match result {
        Ok(tokens) => tokens,
        Err(error) => return refused(error),
    };
    let (mode, jwt, refresh, refresh_expires_in) = match tokens.grant {
        Grant::Pair { access, refresh, refresh_expires_in } => (
            SessionMode::Json,
            access.expose_secret().to_owned(),
            refresh.expose_secret().to_owned(),
            Some(refresh_expires_in),
        ),
        Grant::Session(token) => {
            let refresh = forge::decode(token.expose_secret()).1["session"].as_str().expect("a text").to_owned();
            (SessionMode::Session, token.expose_secret().to_owned(), refresh, None)
        }
    };
    let (session, expires_in) = (tokens.session, tokens.expires_in);
    Outcome::Tokens(Given { session, mode, jwt, refresh, expires_in, refresh_expires_in })
}

fn done(result: Result<(), AuthError>) -> Outcome {
    result.map_or_else(refused, |()| Outcome::Done)
}

#[allow(clippy::needless_pass_by_value, reason = "for map_or_else")]
fn refused(error: AuthError) -> Outcome {
    Outcome::Refused(error.kind())
}
