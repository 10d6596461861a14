//! One run: a plan from a seed, the world it makes, and what came of it.

use core::panic::AssertUnwindSafe;
use std::{collections::BTreeMap, panic::catch_unwind, rc::Rc};

use crate::{
    dice::Dice,
    executor::STANDS_STILL,
    faults::{Faults, Kind},
    heal, invariants,
    ledger::Violation,
    operators, others,
    owners::Owner,
    plan::{Actor, Plan},
    programs::Installed,
    settings::{PROGRAMS, Version},
    sockets,
    trace::Note,
    windows,
    world::World,
};

const MINUTE: u64 = 60_000;

/// What came of a run.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Promises that were broken, in order.
    pub violations: Vec<Violation>,
    /// How often each promise was looked at.
    pub looked: BTreeMap<&'static str, u64>,
    /// How often each kind of fault struck, by place.
    pub points: BTreeMap<(Kind, &'static str), u64>,
    /// Simulated milliseconds.
    pub simulated: u64,
    /// Requests of clients.
    pub requests: u64,
    /// Events of the trace.
    pub events: u64,
    /// A hash of the order of everything.
    pub digest: String,
    /// Of a recorded run.
    pub(crate) notes: Vec<Note>,
}

impl Outcome {
    /// The first promise that was broken.
    pub fn first(&self) -> Option<&Violation> {
        self.violations.first()
    }
}

/// Runs a plan. `records` keeps the timeline.
pub fn run(plan: &Plan, records: bool) -> Outcome {
    let dice = Dice::new(plan.seed);
    let faults = Faults::new(dice.fork(), plan.faults.clone());
    let world = World::new(dice, faults, records, Version::first().config());
    world.ledger.look(invariants::PANIC);
    let played = catch_unwind(AssertUnwindSafe(|| play(plan, &world)));
    if let Err(panic) = played {
        let seen = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let seen = seen.unwrap_or_default();
        let invariant = if seen == STANDS_STILL { invariants::MEMORY } else { invariants::PANIC };
        let violation = Violation { invariant, at: world.now(), seen };
        world.ledger.violations.borrow_mut().push(violation);
    }
    world.executor.clear();
    let outcome = Outcome {
        violations: world.ledger.violations.take(),
        looked: world.ledger.looked.take(),
        points: world.faults.points(),
        simulated: world.now(),
        requests: world.requests.get(),
        events: world.trace.count(),
        digest: world.trace.digest(),
        notes: world.trace.notes(),
    };
    world.clear();
    outcome
}

fn play(plan: &Plan, world: &Rc<World>) {
    world.upstream.publish(world);
    let owners: Rc<Vec<Rc<Owner>>> =
        Rc::new((0..plan.owners).map(|number| Owner::new(world, number)).collect());
    for owner in owners.iter() {
        owner.begin(world, plan.pause);
    }
    if plan.has(Actor::Thief) {
        others::thief(world, &owners, 15 * MINUTE);
    }
    let mut programs = Vec::new();
    if plan.has(Actor::Programs) {
        for owner in owners.iter() {
            let program = PROGRAMS[world.dice.below(PROGRAMS.len())];
            programs.push(Installed::begin(world, owner, program, plan.pause * 2, plan.has(Actor::Thief)));
        }
    }
    if plan.has(Actor::Guesser) {
        others::guesser(world, 10 * MINUTE);
    }
    if plan.has(Actor::Administrator) {
        operators::administrator(world, &owners, plan.foreigners, 8 * MINUTE);
    }
    for number in 0..plan.foreigners {
        others::foreigner(world, number, plan.pause * 2);
    }
    if plan.foreigners > 0 {
        others::forger(world, 5 * MINUTE);
        windows::rotate_upstream(world);
    }
    operators::prober(world, 2 * MINUTE);
    windows::windows(world);
    sockets::watch(world);
    heal::watch_kv(world);
    heal::watch_outboxes(world);
    world.executor.run(plan.minutes * MINUTE);
    // A run that broke a promise ends here. The checks that follow take the longest, and its report needs none of them.
    if !world.ledger.violations.borrow().is_empty() {
        return;
    }
    world.faults.end_all();
    heal::check(world, &owners, &programs);
}
