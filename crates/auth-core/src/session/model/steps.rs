//! Everything that may happen next, and what then does.

use super::driver::{Driver, Seen};
use super::secrets::Secret;
use super::world::{Answer, Holder, Phase, Punctuality, Purpose, Request, Shape, World};

/// One thing that happens. Requests are meant by their place in [`World::requests`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// A holder sends the token that it holds.
    Send(Holder, Purpose),
    /// An outsider makes up a token around the session's id.
    Forge,
    /// A character changes on the way.
    Damage(usize),
    /// The thief copies a token: from a tab, or from the network.
    Steal(Secret),
    ReadClock(usize),
    /// The server loads the row and judges the token.
    Look(usize),
    /// The server sends the UPDATE.
    Write(usize),
    /// The client gets its answer.
    Deliver(usize),
    /// Lost on the way, or with a server that died, or the client hung up.
    Lose(usize),
    /// The clock moves by so many seconds.
    Clock(i16),
    Act(Act),
    FailOver,
}

/// What an admin or the app does, each in one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// Ends this session from elsewhere.
    EndSession,
    /// Ends all sessions: a change of password, role, factor or address.
    ChangePassword,
    Suspend,
    Reactivate,
}

/// What may happen at all, and how often.
pub(super) struct Setting {
    /// 1: tabs that share a cookie jar, any number of them. 2: two tabs that hold a token each.
    pub(super) jars: usize,
    /// Requests under way at the same time.
    pub(super) at_once: usize,
    /// How the clock may move, in seconds.
    pub(super) clock: &'static [i16],
    pub(super) budget: super::world::Budget,
}

impl Setting {
    pub(super) fn start(&self) -> World {
        World::new(self.jars, self.budget)
    }

    pub(super) fn steps(&self, world: &World) -> Vec<Step> {
        let mut steps = Vec::with_capacity(16);
        for (at, request) in world.requests.iter().enumerate() {
            steps.push(match request.phase {
                Phase::Sent => Step::ReadClock(at),
                Phase::Arrived { .. } => Step::Look(at),
                Phase::Rotating { .. } | Phase::Ending => Step::Write(at),
                Phase::Answered(_) => Step::Deliver(at),
            });
            steps.push(Step::Lose(at));
            let fresh = request.phase == Phase::Sent && request.races_lost == 0 && request.shape == Shape::Whole;
            if fresh && world.left.damages > 0 && request.by.is_honest() {
                steps.push(Step::Damage(at));
            }
        }
        if world.requests.len() < self.at_once {
            self.sends(world, &mut steps);
        }
        if world.left.clock_steps > 0 {
            steps.extend(self.clock.iter().map(|by| Step::Clock(*by)));
        }
        if world.left.acts > 0 {
            let status = if world.database.active { Act::Suspend } else { Act::Reactivate };
            steps.extend([Act::EndSession, Act::ChangePassword, status].map(Step::Act));
        }
        if world.left.failovers > 0 && world.replica.is_some() {
            steps.push(Step::FailOver);
        }
        steps
    }

    fn sends(&self, world: &World, steps: &mut Vec<Step>) {
        for holder in [Holder::Tab(0), Holder::Tab(1), Holder::Thief] {
            let holds = holder.place().and_then(|place| world.holders[place]);
            if holds.is_none() || world.left.requests == 0 {
                continue;
            }
            steps.push(Step::Send(holder, Purpose::Refresh));
            if world.left.acts > 0 && holder.is_honest() {
                steps.push(Step::Send(holder, Purpose::Logout));
            }
        }
        if world.left.forgeries > 0 {
            steps.push(Step::Forge);
        }
        if world.left.thefts > 0 {
            let mut copies: Vec<Secret> = world.holders.iter().take(2).flatten().copied().collect();
            for request in &world.requests {
                copies.push(request.token);
                if let Phase::Answered(Answer::Tokens(secret)) = request.phase {
                    copies.push(secret);
                }
            }
            copies.sort_unstable();
            copies.dedup();
            steps.extend(copies.into_iter().map(Step::Steal));
        }
    }
}

/// The world after `step`.
pub(super) fn take(before: &World, step: Step, driver: &mut Driver) -> (World, Seen) {
    let mut world = before.clone();
    let mut seen = Seen::default();
    match step {
        Step::Send(by, purpose) => {
            let token = by.place().and_then(|place| world.holders[place]).expect("holds one");
            world.left.requests -= 1;
            world.left.acts -= u8::from(purpose == Purpose::Logout);
            world.past.thief_came |= by == Holder::Thief;
            world.requests.push(request(by, purpose, token, Shape::Whole));
        }
        Step::Forge => {
            world.left.forgeries -= 1;
            let token = world.database.row.current;
            world.requests.push(request(Holder::Outsider, Purpose::Refresh, token, Shape::Forged));
        }
        Step::Damage(at) => {
            world.left.damages -= 1;
            world.requests[at].shape = Shape::Damaged;
        }
        Step::Steal(secret) => {
            world.left.thefts -= 1;
            world.holders[2] = Some(secret);
        }
        Step::ReadClock(at) => world.requests[at].phase = Phase::Arrived { now: world.now },
        Step::Look(at) => seen = driver.look(&mut world, at),
        Step::Write(at) => seen = driver.write(&mut world, at),
        Step::Deliver(at) => deliver(&mut world, at),
        Step::Lose(at) => {
            world.requests.remove(at);
        }
        Step::Clock(by) => {
            world.left.clock_steps -= 1;
            world.move_clock(by);
        }
        Step::Act(act) => {
            world.left.acts -= 1;
            world.past.ended = true;
            world.commit(|database| {
                database.row.revoked = true;
                database.epoch += u8::from(act != Act::EndSession);
                database.active = match act {
                    Act::Suspend => false,
                    Act::Reactivate => true,
                    Act::EndSession | Act::ChangePassword => database.active,
                };
            });
        }
        Step::FailOver => {
            world.left.failovers -= 1;
            world.fail_over();
            seen.failed_over = true;
        }
    }
    // Nobody will look at it any more.
    if world.left.failovers == 0 {
        world.replica = None;
    }
    world.requests.sort_unstable();
    (world, seen)
}

fn request(by: Holder, purpose: Purpose, token: Secret, shape: Shape) -> Request {
    Request { by, purpose, token, shape, phase: Phase::Sent, races_lost: 0, came: Punctuality::InTime }
}

/// The client takes its answer. In a jar the last one to come stays, which need not be the last one sent.
fn deliver(world: &mut World, at: usize) {
    let request = world.requests.remove(at);
    let (Phase::Answered(answer), Some(place)) = (request.phase, request.by.place()) else { return };
    match (request.purpose, answer) {
        (Purpose::Refresh, Answer::Tokens(secret)) => world.holders[place] = Some(secret),
        (Purpose::Refresh, Answer::Refused | Answer::Unavailable) => {}
        (Purpose::Refresh, Answer::Over) | (Purpose::Logout, _) => world.holders[place] = None,
    }
}
