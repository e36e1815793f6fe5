//! What should happen, in plain numbers: no hashes, no statements, no concurrency.

use auth_core::store::SessionMode;
use auth_core::{ErrorKind, SessionId};
use auth_testkit::contract::forge::RefreshPart;
use auth_testkit::{Moment, Operation};

use crate::script::Change;

pub(crate) const ACCESS: i64 = 900;
pub(crate) const IDLE: i64 = 7 * 86_400;
pub(crate) const SESSION_IDLE: i64 = 86_400;
/// Short, so that scripts get there.
pub(crate) const ABSOLUTE: i64 = 8 * 86_400;
const SKEW: i64 = 60;

/// The whole of it. Times are in seconds.
#[derive(Debug)]
pub(crate) struct Reference {
    pub(crate) now: i64,
    pub(crate) grace: i64,
    pub(crate) ends_all: bool,
    pub(crate) users: [User; 2],
    pub(crate) sessions: Vec<Session>,
    /// The fault of this step, until it strikes.
    pub(crate) fault: Option<(Operation, Moment)>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct User {
    pub(crate) exists: bool,
    pub(crate) suspended: bool,
    pub(crate) epoch: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Session {
    /// Known once somebody has seen it.
    pub(crate) id: Option<SessionId>,
    pub(crate) user: usize,
    pub(crate) mode: SessionMode,
    pub(crate) epoch: u64,
    pub(crate) created_at: i64,
    pub(crate) idle_until: i64,
    pub(crate) absolute: i64,
    pub(crate) ended: bool,
    /// The tokens that were ever current, in order; `None` while nobody was given this one.
    pub(crate) heads: Vec<Option<String>>,
    pub(crate) rotated_at: Option<i64>,
}

/// What should come of a step.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// The token of this generation of this session.
    Tokens {
        session: usize,
        generation: usize,
    },
    Refused(ErrorKind),
    Done,
    Changed(bool),
    Ended(u64),
    Is(usize),
}

use Expected::{Changed, Done, Ended, Is, Refused, Tokens};

const DOWN: Expected = Refused(ErrorKind::Unavailable);
const OVER: Expected = Refused(ErrorKind::SessionOver);
const NOT_NOW: Expected = Refused(ErrorKind::InvalidCredentials);

/// Whether a token counts, and as what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Worth {
    Dead,
    Current { young: bool },
    Previous,
    Reused,
    ClockFault,
}

impl Reference {
    pub(crate) fn open(&mut self, user: usize, mode: SessionMode) -> Expected {
        if self.fails(&[Operation::Epoch, Operation::FindById]) {
            return DOWN;
        }
        let owner = &self.users[user];
        if !owner.exists || owner.suspended {
            return NOT_NOW;
        }
        self.write(Operation::Open, |all| {
            let absolute = all.now + ABSOLUTE;
            all.sessions.push(Session {
                id: None,
                user,
                mode,
                epoch: all.users[user].epoch,
                created_at: all.now,
                idle_until: (all.now + idle(mode)).min(absolute),
                absolute,
                ended: false,
                heads: vec![None],
                rotated_at: None,
            });
            Tokens { session: all.sessions.len() - 1, generation: 0 }
        })
    }

    pub(crate) fn refresh(&mut self, session: usize, generation: usize, cookie_until: Option<i64>) -> Expected {
        if cookie_until.is_some_and(|until| until <= self.now) {
            return OVER;
        }
        if self.fails(&[Operation::Load]) {
            return DOWN;
        }
        match self.worth(session, generation) {
            Worth::Dead => OVER,
            Worth::Current { young: true } => Tokens { session, generation },
            Worth::Previous => Tokens { session, generation: generation + 1 },
            Worth::ClockFault => NOT_NOW,
            Worth::Reused => self.end_reused(session),
            Worth::Current { young: false } => self.write(Operation::Rotate, |all| {
                let now = all.now;
                let row = &mut all.sessions[session];
                row.heads.push(None);
                row.rotated_at = Some(now);
                row.idle_until = (now + idle(row.mode)).min(row.absolute);
                Tokens { session, generation: generation + 1 }
            }),
        }
    }

    /// The secret of a session cookie on the other route: refused, and nothing ends.
    pub(crate) fn refresh_elsewhere(&mut self) -> Expected {
        if self.fails(&[Operation::Load]) { DOWN } else { NOT_NOW }
    }

    /// A refresh token with another part.
    pub(crate) fn forged(&mut self, session: usize, generation: usize, part: RefreshPart) -> Expected {
        if self.fails(&[Operation::Load]) {
            return DOWN;
        }
        if !self.users[self.sessions[session].user].exists {
            return OVER;
        }
        let head = self.sessions[session].heads.len() - 1;
        let worth = self.worth(session, generation);
        match part {
            RefreshPart::Session | RefreshPart::Family => OVER,
            RefreshPart::Generation => {
                if worth == Worth::Dead {
                    OVER
                } else {
                    NOT_NOW
                }
            }
            RefreshPart::Secret if generation + 1 >= head => NOT_NOW,
            // Older secrets are not stored; who knows the family has held a token of it.
            RefreshPart::Secret if worth == Worth::Dead => OVER,
            RefreshPart::Secret => self.end_reused(session),
        }
    }

    pub(crate) fn verify(&mut self, session: usize, generation: usize, cookie_until: i64) -> Expected {
        if cookie_until <= self.now {
            return Refused(ErrorKind::TokenExpired);
        }
        if self.fails(&[Operation::Load]) {
            return DOWN;
        }
        match self.worth(session, generation) {
            Worth::Current { .. } | Worth::Previous => Is(self.sessions[session].user),
            _ => Refused(ErrorKind::InvalidToken),
        }
    }

    pub(crate) fn logout(&mut self, session: usize, generation: usize, cookie_until: Option<i64>) -> Expected {
        if cookie_until.is_some_and(|until| until <= self.now) {
            return Done;
        }
        if self.fails(&[Operation::Load]) {
            return DOWN;
        }
        if self.worth(session, generation) == Worth::Dead {
            return Done;
        }
        self.revoke(session)
    }

    pub(crate) fn end_session(&mut self, by: usize, target: usize) -> Expected {
        let own = match self.own(by) {
            Ok(own) => own,
            Err(refused) => return refused,
        };
        if !own.contains(&target) {
            return Refused(ErrorKind::Forbidden);
        }
        self.revoke(target)
    }

    pub(crate) fn end_others(&mut self, by: usize) -> Expected {
        if let Err(refused) = self.own(by) {
            return refused;
        }
        self.write(Operation::EndSessions, |all| {
            let user = all.sessions[by].user;
            all.raise_epoch(user);
            // The one that asks goes on, under the new epoch.
            all.sessions[by].ended = false;
            all.sessions[by].epoch = all.users[user].epoch;
            Done
        })
    }

    pub(crate) fn end_all(&mut self, user: usize) -> Expected {
        self.write(Operation::EndSessions, |all| Ended(all.raise_epoch(user)))
    }

    pub(crate) fn update(&mut self, user: usize, change: Change) -> Expected {
        if matches!(change, Change::EmailOfTheOther) && self.users.iter().all(|user| user.exists) {
            // A conflict is found before anything is done, unless nothing is tried at all.
            let down = self.strikes(Operation::Update) == Some(Moment::BeforeWork);
            return if down { DOWN } else { Refused(ErrorKind::EmailTaken) };
        }
        if matches!(change, Change::Password) {
            // The address may be no password: the user is looked up for it, and one who is gone is not updated.
            if self.fails(&[Operation::FindById]) {
                return DOWN;
            }
            if !self.users[user].exists {
                return Changed(false);
            }
        }
        self.write(Operation::Update, |all| {
            let owner = &mut all.users[user];
            match change {
                Change::Suspend => owner.suspended = true,
                Change::Activate => owner.suspended = false,
                _ => {}
            }
            let exists = owner.exists;
            if exists {
                all.raise_epoch(user);
            }
            Changed(exists)
        })
    }

    pub(crate) fn delete(&mut self, user: usize) -> Expected {
        self.write(Operation::Delete, |all| {
            let existed = std::mem::take(&mut all.users[user].exists);
            if existed {
                all.raise_epoch(user);
            }
            Changed(existed)
        })
    }

    pub(crate) fn create(&mut self, user: usize) -> Expected {
        let owner = &mut self.users[user];
        let is_new = !std::mem::replace(&mut owner.exists, true);
        owner.suspended &= !is_new;
        Changed(is_new)
    }

    fn worth(&self, session: usize, generation: usize) -> Worth {
        let row = &self.sessions[session];
        let owner = &self.users[row.user];
        let out = !owner.exists || owner.suspended || owner.epoch != row.epoch;
        if row.ended || out || row.idle_until <= self.now || row.absolute <= self.now {
            return Worth::Dead;
        }
        let age = row.rotated_at.map(|at| self.now - at);
        let young = age.is_some_and(|age| age >= -SKEW && age.max(0) < self.grace);
        let head = row.heads.len() - 1;
        match head - generation {
            0 => Worth::Current { young },
            1 if young => Worth::Previous,
            1 if age.is_some_and(|age| age < -SKEW) => Worth::ClockFault,
            _ => Worth::Reused,
        }
    }

    fn end_reused(&mut self, session: usize) -> Expected {
        if self.ends_all {
            let user = self.sessions[session].user;
            return self.write(Operation::EndSessions, |all| {
                all.raise_epoch(user);
                OVER
            });
        }
        self.write(Operation::Revoke, |all| {
            all.sessions[session].ended = true;
            OVER
        })
    }

    fn revoke(&mut self, session: usize) -> Expected {
        self.write(Operation::Revoke, |all| {
            all.sessions[session].ended = true;
            Done
        })
    }

    /// The living sessions of the one who asks, newest first.
    fn own(&mut self, by: usize) -> Result<Vec<usize>, Expected> {
        if self.fails(&[Operation::Epoch, Operation::List]) {
            return Err(DOWN);
        }
        let user = self.sessions[by].user;
        let epoch = self.users[user].epoch;
        let is_own = |session: &Session| {
            session.user == user
                && !session.ended
                && session.epoch == epoch
                && session.idle_until > self.now
                && session.absolute > self.now
        };
        let mut own: Vec<usize> = (0..self.sessions.len()).filter(|at| is_own(&self.sessions[*at])).collect();
        own.sort_by_key(|at| std::cmp::Reverse((self.sessions[*at].created_at, self.sessions[*at].id)));
        if own.contains(&by) { Ok(own) } else { Err(Refused(ErrorKind::InvalidToken)) }
    }

    fn raise_epoch(&mut self, user: usize) -> u64 {
        self.users[user].epoch += 1;
        let alive = self.sessions.iter_mut().filter(|session| session.user == user && !session.ended);
        alive.map(|session| session.ended = true).count() as u64
    }

    /// Reads in this order, none of which does anything: whether one fails.
    fn fails(&mut self, reads: &[Operation]) -> bool {
        reads.iter().any(|read| self.strikes(*read).is_some())
    }

    /// A write that fails before it is done, after it, or not at all.
    fn write(&mut self, operation: Operation, work: impl FnOnce(&mut Self) -> Expected) -> Expected {
        match self.strikes(operation) {
            None => work(self),
            Some(Moment::BeforeWork) => DOWN,
            Some(Moment::AfterWork) => {
                work(self);
                DOWN
            }
        }
    }

    fn strikes(&mut self, operation: Operation) -> Option<Moment> {
        self.fault.take_if(|(of, _)| *of == operation).map(|(_, moment)| moment)
    }
}

pub(crate) const fn idle(mode: SessionMode) -> i64 {
    match mode {
        SessionMode::Session => SESSION_IDLE,
        SessionMode::Json | SessionMode::Cookie => IDLE,
    }
}
