//! The proof of the rotation: in small worlds, everything that can happen, in every order.
//!
//! A world has one session, two tabs of its honest user, a thief who copies a token, a database and the network. Any of
//! them may act next: a request goes out, arrives, is judged, writes, is answered; it is lost, or the server dies at
//! any of these points; the clock runs or is set back; the password changes, the user is suspended; the database falls
//! back to a replica that lacks a commit. The search visits every world that can be reached within a budget of such
//! steps, once, and checks every promise of [`invariants`] after each step.
//!
//! What is under test is the real [`judge`](super::machine::judge), on real rows and real tokens made by the real
//! codec and ratchet ([`secrets`]). What stands around it, `service/refresh.rs` and the four statements of a store, is
//! written down again in [`driver`] and [`steps`], one function a statement; the store suite of `auth-testkit` holds
//! real databases to the same statements, and `tests/tests/machine` drives the whole of it.
//!
//! What a budget of three or four requests cannot show, it does not show. But the chain of secrets is the same from
//! every generation on, and every published failure of a rotation that we know needs three requests or fewer: the
//! [`flaws`] are these failures, built into the server one at a time, and each is found, by its shortest trace.
//!
//! `MODEL_REQUESTS=1` gives every world one request more: about eight times as many states.

mod driver;
mod flaws;
mod invariants;
mod search;
mod secrets;
mod steps;
mod world;

use search::search;
use steps::Setting;
use world::Budget;

use super::machine::Standing::{
    self, Ahead, ClockFault, CurrentOld, CurrentYoung, Dead, Mismatch, Overtaken, PreviousYoung, Reused, Unknown,
};

const NOTHING: Budget =
    Budget { requests: 0, clock_steps: 0, acts: 0, thefts: 0, damages: 0, forgeries: 0, failovers: 0 };

/// Half the grace, exactly the grace, the skew that nodes may have, and a second more.
const AROUND_THE_GRACE: &[i16] = &[5, 10, -60, -61];

/// Visits every world, and says how many there were. All of `verdicts` must be met: what never happens proves nothing.
fn all_promises_hold(name: &str, verdicts: &[Standing], mut setting: Setting) {
    let more = std::env::var("MODEL_REQUESTS").ok();
    setting.budget.requests += more.map_or(0, |more| more.parse().expect("MODEL_REQUESTS is a number"));
    let found = search(&setting, None);
    if let Some(violation) = found.violation {
        panic!("{name}: {} broken after\n{}", violation.broken.join(", "), violation.trace.join("\n"));
    }
    for verdict in verdicts {
        assert!(found.verdicts.contains(verdict), "{name}: {verdict:?} was never met");
    }
    println!("{name}: {} states, {} steps, no violation", found.states, found.steps);
}

#[test]
fn i1_to_i9_two_tabs_with_a_token_each() {
    let budget = Budget { requests: 3, clock_steps: 2, ..NOTHING };
    all_promises_hold(
        "two tabs",
        &[CurrentOld, CurrentYoung, PreviousYoung, Reused, ClockFault, Overtaken],
        Setting { jars: 2, at_once: 3, clock: AROUND_THE_GRACE, budget },
    );
}

#[test]
fn i1_to_i9_tabs_that_share_a_cookie_jar() {
    let budget = Budget { requests: 4, clock_steps: 1, ..NOTHING };
    all_promises_hold(
        "one jar",
        &[CurrentOld, CurrentYoung, PreviousYoung, Reused, ClockFault],
        Setting { jars: 1, at_once: 3, clock: AROUND_THE_GRACE, budget },
    );
}

#[test]
fn i1_to_i9_a_thief_beside_the_owner() {
    let budget = Budget { requests: 3, clock_steps: 2, thefts: 1, ..NOTHING };
    all_promises_hold(
        "a thief",
        &[CurrentOld, CurrentYoung, PreviousYoung, Reused, Dead],
        Setting { jars: 1, at_once: 3, clock: &[5, 10, -61], budget },
    );
}

#[test]
fn i1_to_i9_a_session_that_is_ended_at_any_moment() {
    let budget = Budget { requests: 3, clock_steps: 1, acts: 2, thefts: 1, ..NOTHING };
    all_promises_hold(
        "endings",
        &[CurrentOld, CurrentYoung, PreviousYoung, Reused, Dead],
        Setting { jars: 1, at_once: 3, clock: &[10], budget },
    );
}

#[test]
fn i1_to_i9_a_database_that_falls_back_by_a_commit() {
    let budget = Budget { requests: 3, clock_steps: 1, failovers: 1, ..NOTHING };
    all_promises_hold(
        "failover",
        &[CurrentOld, CurrentYoung, PreviousYoung, Reused, Ahead, Mismatch],
        Setting { jars: 2, at_once: 3, clock: &[10], budget },
    );
}

#[test]
fn i1_to_i9_damaged_and_forged_tokens() {
    let budget = Budget { requests: 3, clock_steps: 1, damages: 1, forgeries: 1, ..NOTHING };
    all_promises_hold(
        "damage",
        &[CurrentOld, CurrentYoung, PreviousYoung, Unknown],
        Setting { jars: 1, at_once: 3, clock: &[10], budget },
    );
}

#[test]
fn i1_to_i9_idle_and_absolute_ends() {
    let budget = Budget { requests: 3, clock_steps: 3, ..NOTHING };
    all_promises_hold(
        "expiry",
        &[CurrentOld, CurrentYoung, Dead],
        Setting { jars: 1, at_once: 2, clock: &[10, 900, 1500, -61], budget },
    );
}

#[test]
fn i1_to_i9_everything_at_once() {
    let budget = Budget { requests: 2, clock_steps: 1, acts: 1, thefts: 1, damages: 1, forgeries: 1, failovers: 1 };
    all_promises_hold(
        "everything",
        &[CurrentOld, CurrentYoung, PreviousYoung, Reused, Dead, Ahead, Unknown],
        Setting { jars: 2, at_once: 2, clock: &[10], budget },
    );
}
