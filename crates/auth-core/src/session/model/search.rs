//! Breadth first through every world, so that the first violation found is one of the shortest.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;

use super::driver::{Driver, Seen};
use super::flaws::Flaw;
use super::invariants::{self, Taken};
use super::steps::{Act, Setting, Step, take};
use super::world::{Answer, Phase, Purpose, Shape, World};
use crate::session::machine::Standing;

pub(super) struct Found {
    /// Worlds that differ.
    pub(super) states: usize,
    /// Steps from one to another.
    pub(super) steps: usize,
    /// Every verdict that was given.
    pub(super) verdicts: Vec<Standing>,
    pub(super) violation: Option<Violation>,
}

pub(super) struct Violation {
    /// Every promise that the last step broke.
    pub(super) broken: Vec<&'static str>,
    /// How it comes to that.
    pub(super) trace: Vec<String>,
}

/// Visits every world that `setting` allows, until a promise is broken.
pub(super) fn search(setting: &Setting, flaw: Option<Flaw>) -> Found {
    let mut driver = Driver::new(flaw);
    let start = Rc::new(setting.start());
    let mut visited: HashSet<Rc<World>, BuildHasherDefault<Quick>> = HashSet::default();
    visited.insert(start.clone());
    // Where each world was first reached from; also the queue, from `next` on.
    let mut worlds: Vec<(Rc<World>, usize, Option<Step>)> = vec![(start, 0, None)];
    let mut next = 0;
    let mut steps = 0;
    let mut verdicts = Vec::new();
    while let Some((world, ..)) = worlds.get(next) {
        let world = world.clone();
        for step in setting.steps(&world) {
            steps += 1;
            let (after, seen) = take(&world, step, &mut driver);
            verdicts.extend(seen.standing.filter(|standing| !verdicts.contains(standing)));
            let taken = Taken { before: &world, seen: &seen, after: &after, driver: &driver };
            let mut broken = Vec::new();
            for (name, keeps) in invariants::ALL {
                if !keeps(&taken) {
                    broken.push(*name);
                }
            }
            if !broken.is_empty() {
                let mut path = vec![step];
                let mut at = next;
                while let (_, from, Some(step)) = &worlds[at] {
                    path.push(*step);
                    at = *from;
                }
                path.reverse();
                let trace = retell(setting, flaw, &path);
                return Found { states: worlds.len(), steps, verdicts, violation: Some(Violation { broken, trace }) };
            }
            let after = Rc::new(after);
            if visited.insert(after.clone()) {
                worlds.push((after, next, Some(step)));
            }
        }
        next += 1;
    }
    Found { states: worlds.len(), steps, verdicts, violation: None }
}

/// A hash that is quick without optimisation. It only has to spread: worlds are equal when all of them is equal.
#[derive(Default)]
struct Quick(u64);

impl Quick {
    const fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl Hasher for Quick {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.add(u64::from(*byte));
        }
    }
    fn write_u8(&mut self, n: u8) {
        self.add(u64::from(n));
    }
    fn write_i16(&mut self, n: i16) {
        self.add(n.cast_unsigned().into());
    }
    fn write_isize(&mut self, n: isize) {
        self.add(n as u64);
    }
    fn write_usize(&mut self, n: usize) {
        self.add(n as u64);
    }
}

/// The steps in words.
fn retell(setting: &Setting, flaw: Option<Flaw>, path: &[Step]) -> Vec<String> {
    let mut driver = Driver::new(flaw);
    let mut world = setting.start();
    let mut lines = Vec::new();
    for step in path {
        let (after, seen) = take(&world, *step, &mut driver);
        lines.push(format!("{:>5} s  {}", world.now, tell(&world, *step, &seen, &driver)));
        world = after;
    }
    lines
}

fn tell(before: &World, step: Step, seen: &Seen, driver: &Driver) -> String {
    let show = |secret| driver.secrets.show(secret);
    let who = |at: usize| {
        let request = &before.requests[at];
        let purpose = if request.purpose == Purpose::Logout { "logout" } else { "refresh" };
        let token = if request.shape == Shape::Whole { show(request.token) } else { "a bad token".to_owned() };
        format!("{}'s {purpose} with {token}", request.by)
    };
    let outcome = |seen: &Seen| match (&seen.answered, seen.reuse_ended) {
        (_, true) => "the session is ended for reuse".to_owned(),
        (Some((_, Answer::Tokens(secret))), _) => format!("the answer is {}", show(*secret)),
        (Some((_, answer)), _) => format!("the answer is {answer:?}"),
        (None, _) => "there is something to write".to_owned(),
    };
    match step {
        Step::Send(by, Purpose::Refresh) => format!("{by} sends a refresh"),
        Step::Send(by, Purpose::Logout) => format!("{by} signs out"),
        Step::Forge => "an outsider sends a forged token".to_owned(),
        Step::Damage(at) => format!("{} is damaged on its way", who(at)),
        Step::Steal(secret) => format!("the thief copies {}", show(secret)),
        Step::ReadClock(at) => format!("the server reads its clock for {}", who(at)),
        Step::Look(at) => format!("the server loads and judges for {}: {}", who(at), outcome(seen)),
        Step::Write(at) => {
            let lost = matches!(before.requests[at].phase, Phase::Rotating { .. }) && seen.rotated.is_none();
            let what = if lost { "the race is lost".to_owned() } else { outcome(seen) };
            format!("the server writes for {}: {what}", who(at))
        }
        Step::Deliver(at) => format!("the answer arrives for {}", who(at)),
        Step::Lose(at) => format!("{} is lost", who(at)),
        Step::Clock(by) => format!("the clock moves by {by} s"),
        Step::Act(Act::EndSession) => "the session is ended from elsewhere".to_owned(),
        Step::Act(Act::ChangePassword) => "the password is changed".to_owned(),
        Step::Act(Act::Suspend) => "the user is suspended".to_owned(),
        Step::Act(Act::Reactivate) => "the user is reactivated".to_owned(),
        Step::FailOver => "the database fails over, without its last commit".to_owned(),
    }
}
