//! The server: `service/refresh.rs` and `service/logout.rs` statement by statement, around the real [`judge`].
//!
//! ```text
//!   refresh.rs                                   here
//!   let arrived = self.clock.now();              read_clock     (once: a lost race is judged by it again)
//!   load, judge, derive the successor            look           (one statement, and then arithmetic)
//!   self.sessions.rotate(&rotation)              write          (the conditional UPDATE; lost: round again)
//!   self.end_reused(..)                          write
//!   Ok(tokens)                                   the step that ends in Phase::Answered
//! ```
//!
//! A server that dies is a request that is lost, whatever its phase.

use super::flaws::Flaw;
use super::secrets::{Secret, Secrets};
use super::world::{ABSOLUTE, Answer, GRACE, IDLE, Phase, Punctuality, Purpose, Request, Shape, World};
use crate::clock::Timestamp;
use crate::session::codec::{self, TokenParts};
use crate::session::machine::{Circumstances, Standing, judge};
use crate::store::{Epoch, SessionRecord};

/// As in `service/refresh.rs`.
const ATTEMPTS: u8 = 4;

/// What one step did, for the invariants.
#[derive(Default)]
pub(super) struct Seen {
    /// Tokens were given out: these.
    pub(super) issued: Option<Secret>,
    /// What the judge said.
    pub(super) standing: Option<Standing>,
    /// What the clock said when the token was judged that this step acts on.
    pub(super) judged_at: i16,
    /// This secret was replaced.
    pub(super) rotated: Option<Secret>,
    /// The row as it is stored now, when it changed.
    pub(super) stored: Option<SessionRecord>,
    /// A refresh ended the session.
    pub(super) reuse_ended: bool,
    /// This request wrote.
    pub(super) wrote: Option<Request>,
    /// This request is answered.
    pub(super) answered: Option<(Request, Answer)>,
    pub(super) failed_over: bool,
}

pub(super) struct Driver {
    pub(super) secrets: Secrets,
    /// `None` is the server as it is.
    pub(super) flaw: Option<Flaw>,
}

impl Driver {
    pub(super) fn new(flaw: Option<Flaw>) -> Self {
        Self { secrets: Secrets::new(), flaw }
    }

    pub(super) fn is(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    /// `load`, `judge`, and what follows from the verdict before the next statement.
    pub(super) fn look(&mut self, world: &mut World, at: usize) -> Seen {
        let mut request = world.requests[at].clone();
        let Phase::Arrived { now } = request.phase else { unreachable!("only what has arrived is looked at") };
        if request.races_lost == 0 && request.shape == Shape::Whole {
            request.came = world.punctuality(request.token, now);
            world.past.came_late |= request.by.is_honest() && request.came != Punctuality::InTime;
        }
        let mut seen = Seen { judged_at: now, ..Seen::default() };
        let presented = match request.shape {
            Shape::Whole => Some(self.secrets.parts(request.token).clone()),
            Shape::Damaged => self.secrets.damaged(request.token),
            Shape::Forged => Some(self.secrets.forged(request.token)),
        };
        request.phase = match presented {
            None => Phase::Answered(Answer::Refused),
            Some(presented) => {
                let row = self.stored(world);
                let standing = judge(&row, &presented, circumstances(world, &request, now));
                seen.standing = Some(standing);
                match request.purpose {
                    Purpose::Refresh => self.refresh(world, &request, &presented, &row, standing, now),
                    Purpose::Logout => logout(standing),
                }
            }
        };
        if let Phase::Answered(answer) = request.phase {
            if let Answer::Tokens(secret) = answer {
                seen.issued = Some(secret);
            }
            seen.answered = Some((request.clone(), answer));
        }
        world.requests[at] = request;
        seen
    }

    fn refresh(
        &mut self,
        world: &World,
        request: &Request,
        presented: &TokenParts,
        row: &SessionRecord,
        standing: Standing,
        now: i16,
    ) -> Phase {
        match self.flawed_verdict(standing, world, request, presented, now) {
            Standing::CurrentOld => {
                let successor = self.secrets.fresh_successor(request.token, |secret| world.knows(secret));
                Phase::Rotating { arrived: now, now: world.now, successor }
            }
            Standing::CurrentYoung => Phase::Answered(Answer::Tokens(request.token)),
            Standing::PreviousYoung => Phase::Answered(self.replay(world, request, presented, row)),
            Standing::Reused => Phase::Ending,
            Standing::Dead | Standing::Unknown => Phase::Answered(Answer::Over),
            Standing::Mismatch | Standing::Ahead | Standing::ClockFault | Standing::Overtaken => {
                Phase::Answered(Answer::Refused)
            }
        }
    }

    /// The successor once more, derived and compared as the service does it.
    fn replay(&self, world: &World, request: &Request, presented: &TokenParts, row: &SessionRecord) -> Answer {
        let successor = self.secrets.key.successor(presented, &row.salt);
        match self.flaw {
            Some(Flaw::EchoesTheToken) => Answer::Tokens(request.token),
            Some(Flaw::KnowsNoReplay) => Answer::Refused,
            Some(Flaw::ForgivesGrandparents | Flaw::AcceptsTheParentForEver) => {
                Answer::Tokens(world.database.row.current)
            }
            _ if row.key_id != self.secrets.key.id() || codec::hash(&*successor.secret) != row.current_hash => {
                Answer::Refused
            }
            _ => self.secrets.named(&successor).map_or(Answer::Refused, Answer::Tokens),
        }
    }

    /// The statement that the verdict asked for.
    pub(super) fn write(&self, world: &mut World, at: usize) -> Seen {
        let mut request = world.requests[at].clone();
        let mut seen = Seen::default();
        match request.phase {
            Phase::Rotating { arrived, now, successor } if self.swap_wins(world, &request) => {
                seen.rotated = Some(world.database.row.current);
                let idle_expires_at =
                    if self.is(Flaw::ForgetsTheAbsoluteEnd) { now + IDLE } else { (now + IDLE).min(ABSOLUTE) };
                world.commit(|database| {
                    let row = &mut database.row;
                    row.previous = Some(request.token);
                    row.current = successor;
                    row.generation += 1;
                    row.rotated_at = Some(now);
                    row.idle_expires_at = idle_expires_at;
                    row.revoked &= !self.is(Flaw::SavesTheRowItRead);
                });
                world.note_rotation(successor, now);
                seen.wrote = Some(request.clone());
                seen.issued = Some(successor);
                seen.judged_at = arrived;
                request.phase = Phase::Answered(Answer::Tokens(successor));
            }
            Phase::Rotating { arrived, .. } => {
                request.races_lost += 1;
                let gives_up = request.races_lost == ATTEMPTS;
                request.phase =
                    if gives_up { Phase::Answered(Answer::Unavailable) } else { Phase::Arrived { now: arrived } };
            }
            Phase::Ending => {
                if !world.database.row.revoked {
                    world.commit(|database| database.row.revoked = true);
                    world.past.ended = true;
                    seen.wrote = Some(request.clone());
                    seen.reuse_ended = request.purpose == Purpose::Refresh;
                }
                request.phase = Phase::Answered(Answer::Over);
            }
            _ => unreachable!("nothing to write"),
        }
        if let Phase::Answered(answer) = request.phase {
            seen.answered = Some((request.clone(), answer));
        }
        seen.stored = seen.wrote.is_some().then(|| self.stored(world));
        world.requests[at] = request;
        seen
    }

    /// `WHERE current_hash = :expected AND revoked_at IS NULL`.
    fn swap_wins(&self, world: &World, request: &Request) -> bool {
        let row = &world.database.row;
        let is_current = row.current == request.token || self.is(Flaw::WritesWithoutComparing);
        let is_alive = !row.revoked || self.is(Flaw::IgnoresTheTombstone) || self.is(Flaw::SavesTheRowItRead);
        is_current && is_alive
    }

    fn stored(&self, world: &World) -> SessionRecord {
        let mut record = self.secrets.record(&world.database);
        if self.is(Flaw::KeepsHalfASecret) {
            let current = self.secrets.parts(world.database.row.current);
            record.salt = *current.secret.first_chunk().expect("32 bytes");
        }
        record
    }

    fn flawed_verdict(
        &self,
        standing: Standing,
        world: &World,
        request: &Request,
        presented: &TokenParts,
        now: i16,
    ) -> Standing {
        let row = &world.database.row;
        let young = row.rotated_at.is_some_and(|at| (0..GRACE).contains(&(now - at)));
        match (self.flaw, standing) {
            (Some(Flaw::RotatesInTheGrace), Standing::CurrentYoung) => Standing::CurrentOld,
            (Some(Flaw::ForgivesGrandparents), Standing::Reused)
                if young && presented.generation + 2 == u64::from(row.generation) =>
            {
                Standing::PreviousYoung
            }
            (Some(Flaw::AcceptsTheParentForEver), Standing::Reused) if row.previous == Some(request.token) => {
                Standing::PreviousYoung
            }
            (Some(Flaw::LosersCountAnew), Standing::PreviousYoung | Standing::Overtaken)
                if request.races_lost > 0 && row.rotated_at.is_some_and(|at| world.now - at >= GRACE) =>
            {
                Standing::Reused
            }
            (Some(Flaw::TakesAClockFaultForReuse), Standing::ClockFault)
            | (Some(Flaw::TakesALostCommitForReuse), Standing::Ahead)
            | (Some(Flaw::BelievesAnyFamily), Standing::Unknown) => Standing::Reused,
            (Some(Flaw::NeverExpires), Standing::Dead) if !row.revoked => Standing::CurrentOld,
            _ => standing,
        }
    }
}

fn logout(standing: Standing) -> Phase {
    match standing {
        Standing::Unknown | Standing::Mismatch | Standing::Dead => Phase::Answered(Answer::Over),
        Standing::CurrentOld
        | Standing::CurrentYoung
        | Standing::PreviousYoung
        | Standing::Reused
        | Standing::Ahead
        | Standing::ClockFault
        | Standing::Overtaken => Phase::Ending,
    }
}

fn circumstances(world: &World, request: &Request, now: i16) -> Circumstances {
    Circumstances {
        now: Timestamp::from_secs(now.into()),
        grace_millis: i64::from(GRACE) * 1000,
        epoch: Epoch(world.database.epoch.into()),
        user_active: world.database.active,
        lost_race: request.races_lost > 0,
    }
}
