//! A world of the model: the server's database, the clients, the network between them, and the past as an all-knowing
//! observer would write it down. The observer's notes are for the invariants alone; the server never sees them.

use std::fmt;

use super::secrets::{FIRST, Secret};

/// Times are whole seconds since the session was opened.
pub(super) const GRACE: i16 = 10;
pub(super) const SKEW: i16 = 60;
pub(super) const IDLE: i16 = 1000;
pub(super) const ABSOLUTE: i16 = 1500;

#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct World {
    /// What the clock of the server says.
    pub(super) now: i16,
    pub(super) database: Database,
    /// What a failover falls back to: the database without its last commit.
    pub(super) replica: Option<Database>,
    /// What each holder holds; see [`Holder`].
    pub(super) holders: [Option<Secret>; 3],
    /// In no order: each of them may be next.
    pub(super) requests: Vec<Request>,
    pub(super) left: Budget,
    pub(super) past: Past,
}

/// Somebody who presents tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Holder {
    /// A tab of the honest user; or, in a world with one jar, any tab: tabs that share a jar cannot be told apart.
    Tab(u8),
    /// Whoever copied a token.
    Thief,
    /// Whoever knows a session id, and holds nothing.
    Outsider,
}

impl Holder {
    pub(super) const fn is_honest(self) -> bool {
        matches!(self, Self::Tab(_))
    }

    /// The place in [`World::holders`].
    pub(super) const fn place(self) -> Option<usize> {
        match self {
            Self::Tab(tab) => Some(tab as usize),
            Self::Thief => Some(2),
            Self::Outsider => None,
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tab(tab) => write!(f, "tab {tab}"),
            Self::Thief => f.write_str("the thief"),
            Self::Outsider => f.write_str("an outsider"),
        }
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Database {
    pub(super) row: Row,
    /// The user's epoch.
    pub(super) epoch: u8,
    /// Whether the user may sign in.
    pub(super) active: bool,
}

/// The session's row, with names for the hashes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Row {
    pub(super) generation: u8,
    pub(super) current: Secret,
    pub(super) previous: Option<Secret>,
    pub(super) rotated_at: Option<i16>,
    pub(super) idle_expires_at: i16,
    pub(super) revoked: bool,
    pub(super) epoch: u8,
}

/// One request, from the click to the answer.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Request {
    pub(super) by: Holder,
    pub(super) purpose: Purpose,
    pub(super) token: Secret,
    pub(super) shape: Shape,
    pub(super) phase: Phase,
    pub(super) races_lost: u8,
    /// The observer's note, at the first look: see [`World::punctuality`].
    pub(super) came: Punctuality,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Purpose {
    Refresh,
    Logout,
}

/// What happened to the token on its way.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Shape {
    Whole,
    /// One character is another.
    Damaged,
    /// Made up around the session's id.
    Forged,
}

/// Where a request is. Between any two phases everybody else may act, the clock may move, and the server may die.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Phase {
    /// On its way; or, after a lost race, about to look again.
    Sent,
    /// The server has read its clock, and nothing else.
    Arrived { now: i16 },
    /// It has loaded the row and judged it by when it arrived, has read its clock again, and is about to rotate.
    Rotating { arrived: i16, now: i16, successor: Secret },
    /// It is about to end the session.
    Ending,
    /// The answer is on its way back.
    Answered(Answer),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Answer {
    Tokens(Secret),
    /// 401, and the cookie is cleared.
    Over,
    /// 401 for now: the client keeps what it has.
    Refused,
    /// 503.
    Unavailable,
}

/// When a token came, for the one that was replaced: counted from the clock that the rotation wrote into the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Punctuality {
    /// Current, or replaced less than the grace ago.
    InTime,
    /// Replaced at least the grace ago, by the server's clock when it arrived. Must end the session.
    Overdue,
    /// Neither can be said: the clock was set back in between, the database lost the token's rotation, or the server
    /// dawdled between its clock and its look.
    Unclear,
}

/// How much may still happen.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Budget {
    pub(super) requests: u8,
    pub(super) clock_steps: u8,
    /// Logouts, password changes, suspensions and the like.
    pub(super) acts: u8,
    pub(super) thefts: u8,
    pub(super) damages: u8,
    pub(super) forgeries: u8,
    pub(super) failovers: u8,
}

/// What really happened.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Past {
    /// Every secret that was ever current, in order. The last that is not lost is the head.
    pub(super) heads: Vec<Head>,
    /// The session was ended, and the database has not lost that.
    pub(super) ended: bool,
    /// The thief has presented something.
    pub(super) thief_came: bool,
    /// An honest request was not in time.
    pub(super) came_late: bool,
    pub(super) failed_over: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Head {
    pub(super) secret: Secret,
    /// When it became current, by the clock that the rotation wrote.
    pub(super) since: i16,
    pub(super) replaced_at: Option<i16>,
    /// Since it was replaced, the clock was past the grace or behind the skew. Whatever it says now, after it was set
    /// back, does not tell how long ago that was.
    pub(super) blurred: bool,
    /// A failover took its rotation back.
    pub(super) lost: bool,
}

impl World {
    /// Just signed in.
    pub(super) fn new(tabs: usize, left: Budget) -> Self {
        let row = Row {
            generation: 0,
            current: FIRST,
            previous: None,
            rotated_at: None,
            idle_expires_at: IDLE,
            revoked: false,
            epoch: 0,
        };
        let head = Head { secret: FIRST, since: 0, replaced_at: None, blurred: false, lost: false };
        Self {
            now: 0,
            database: Database { row, epoch: 0, active: true },
            replica: None,
            holders: [Some(FIRST), (tabs > 1).then_some(FIRST), None],
            requests: Vec::new(),
            left,
            past: Past { heads: vec![head], ended: false, thief_came: false, came_late: false, failed_over: false },
        }
    }

    /// The secret that counts.
    pub(super) fn head(&self) -> &Head {
        self.past.heads.iter().rev().find(|head| !head.lost).expect("the first is never lost")
    }

    /// Whether anybody or anything in this world knows the secret.
    pub(super) fn knows(&self, secret: Secret) -> bool {
        self.past.heads.iter().any(|head| head.secret == secret)
            || self
                .requests
                .iter()
                .any(|request| matches!(request.phase, Phase::Rotating { successor, .. } if successor == secret))
    }

    /// When `token` came, for a request whose server read `arrived` and looks now.
    pub(super) fn punctuality(&self, token: Secret, arrived: i16) -> Punctuality {
        let Some(head) = self.past.heads.iter().find(|head| head.secret == token) else { return Punctuality::InTime };
        let Some(replaced_at) = head.replaced_at else { return Punctuality::InTime };
        if head.lost {
            let young = self.now.max(arrived) - replaced_at < GRACE;
            return if young && !head.blurred { Punctuality::InTime } else { Punctuality::Unclear };
        }
        if arrived - replaced_at >= GRACE {
            return Punctuality::Overdue;
        }
        // A clock that was set back makes anything look young. One thing is still promised: the one token before the
        // head ends nothing.
        let is_previous = self.database.row.previous == Some(token);
        let unclear = self.now - replaced_at >= GRACE || (head.blurred && !is_previous);
        if unclear { Punctuality::Unclear } else { Punctuality::InTime }
    }

    /// The clock moves: time passes, or somebody sets it.
    pub(super) fn move_clock(&mut self, by: i16) {
        self.now += by;
        for head in &mut self.past.heads {
            head.blurred |= head.replaced_at.is_some_and(|replaced_at| is_blurred(self.now - replaced_at));
        }
    }

    /// Every write goes through here: the replica is one commit behind.
    pub(super) fn commit(&mut self, change: impl FnOnce(&mut Database)) {
        if self.left.failovers > 0 {
            self.replica = Some(self.database.clone());
        }
        change(&mut self.database);
    }

    pub(super) fn note_rotation(&mut self, successor: Secret, at: i16) {
        let (current, now) = (self.head().secret, self.now);
        for head in self.past.heads.iter_mut().filter(|head| head.secret == current) {
            head.replaced_at = Some(at);
            head.blurred = is_blurred(now - at);
        }
        let head = Head { secret: successor, since: at, replaced_at: None, blurred: false, lost: false };
        self.past.heads.push(head);
    }

    /// The primary is gone; the replica takes its place.
    pub(super) fn fail_over(&mut self) {
        let Some(replica) = self.replica.take() else { return };
        self.database = replica;
        self.past.failed_over = true;
        self.past.ended &= self.database.row.revoked;
        let current = self.database.row.current;
        let mut after_head = false;
        for head in &mut self.past.heads {
            if after_head && !head.lost {
                head.lost = true;
                head.replaced_at = Some(head.replaced_at.unwrap_or(self.now).min(self.now));
            } else if head.secret == current {
                head.replaced_at = None;
                head.blurred = false;
                after_head = true;
            }
        }
    }
}

fn is_blurred(age: i16) -> bool {
    !(-SKEW..GRACE).contains(&age)
}
