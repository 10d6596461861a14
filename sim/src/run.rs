//! One run: a plan from a seed, the world it makes, and what came of it.

use core::panic::AssertUnwindSafe;
use std::{
    collections::{BTreeMap, BTreeSet},
    panic::catch_unwind,
    rc::Rc,
};

use postern_app::{ports::Component, revocation::FeedCopy, time::Timestamp};

use crate::{
    dialect::Dialect,
    dice::Dice,
    faults::{Faults, Kind},
    heal,
    invariants::{self, Invariant},
    ledger::Violation,
    machine::START,
    operators, others,
    owners::Owner,
    programs::Installed,
    settings::{PROGRAMS, Version},
    sockets,
    trace::Note,
    world::World,
};

const MINUTE: u64 = 60_000;
/// Less than the clocks of two machines may differ by (`CLOCKS_DIFFER` in `crates/jose/src/time.rs`).
const BEHIND: i64 = 45_000;

/// What a seed makes of a run. Shrinking takes parts of it away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Of all draws.
    pub seed: u64,
    /// The kinds of faults that may strike.
    pub faults: BTreeSet<Kind>,
    /// How many users have devices.
    pub owners: usize,
    /// Whether there are thieves, guessers, an administrator, users of another issuer.
    pub thief: bool,
    /// See there.
    pub guesser: bool,
    /// See there.
    pub administrator: bool,
    /// How many users of another issuer there are.
    pub foreigners: usize,
    /// Whether users authorize programs (OAuth clients).
    pub programs: bool,
    /// Simulated minutes with faults; half an hour without follows.
    pub minutes: u64,
    /// Milliseconds between two requests of one tab, about.
    pub pause: u64,
}

impl Plan {
    /// The plan of this seed.
    pub fn of_seed(seed: u64) -> Self {
        let dice = Dice::new(seed ^ 0x706c_616e);
        let faults = Faults::of_seed(dice.fork()).chosen().clone();
        Self {
            seed,
            faults,
            owners: usize::try_from(dice.between(1, 7)).unwrap_or(1),
            thief: dice.percent(60),
            guesser: dice.percent(30),
            administrator: dice.percent(70),
            foreigners: dice.below(3),
            minutes: dice.between(90, 360),
            pause: [8_000, 20_000, 60_000][dice.below(3)],
            programs: dice.percent(60),
        }
    }
}

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
        let violation =
            Violation { invariant: invariants::PANIC, at: world.now(), seen: seen.unwrap_or_default() };
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
    if plan.thief {
        others::thief(world, &owners, 15 * MINUTE);
    }
    let mut programs = Vec::new();
    if plan.programs {
        for owner in owners.iter() {
            let program = PROGRAMS[world.dice.below(PROGRAMS.len())];
            programs.push(Installed::begin(world, owner, program, plan.pause * 2, plan.thief));
        }
    }
    if plan.guesser {
        others::guesser(world, 10 * MINUTE);
    }
    if plan.administrator {
        operators::administrator(world, &owners, plan.foreigners, 8 * MINUTE);
    }
    for number in 0..plan.foreigners {
        others::foreigner(world, number, plan.pause * 2);
    }
    if plan.foreigners > 0 {
        others::forger(world, 5 * MINUTE);
        rotate_upstream(world);
    }
    operators::prober(world, 2 * MINUTE);
    windows(world);
    sockets::watch(world);
    heal::watch_kv(world);
    world.executor.run(plan.minutes * MINUTE);
    world.faults.end_all();
    heal::check(world, &owners, &programs);
}

/// Every kind of fault has its windows.
fn windows(world: &Rc<World>) {
    for kind in world.faults.chosen().clone() {
        let world = Rc::clone(world);
        Rc::clone(&world).executor.spawn(world.root, async move {
            loop {
                world.executor.sleep(world.dice.about(15 * MINUTE)).await;
                if world.faults.are_over() {
                    return;
                }
                world
                    .trace
                    .note(world.now(), "fault", "", || format!("{} begins: {}", kind.name(), kind.words()));
                world.faults.begin(kind);
                window(&world, kind).await;
                world.faults.end(kind);
                world.trace.note(world.now(), "fault", "", || format!("{} ends", kind.name()));
            }
        });
    }
}

async fn window(world: &Rc<World>, kind: Kind) {
    let lasts = world.dice.between(10_000, 12 * MINUTE);
    match kind {
        Kind::IsolateEvicted => {
            for _ in 0..world.dice.between(1, 20) {
                world.executor.sleep(world.dice.between(500, 60_000)).await;
                let edges = world.edges();
                if !edges.is_empty() && !world.faults.are_over() {
                    world.faults.note(kind, "isolate");
                    world.evict(&edges[world.dice.below(edges.len())]);
                }
            }
        }
        Kind::ClockPutBack => {
            let edges = world.edges();
            if edges.is_empty() {
                return;
            }
            let machine = Rc::clone(&edges[world.dice.below(edges.len())].machine);
            world.faults.note(kind, "isolate");
            let before = machine.offset.replace(3_600_000);
            world.executor.sleep(lasts).await;
            world.trace.note(world.now(), &machine.name, "", || "its clock is put back".to_owned());
            machine.offset.set(before);
        }
        Kind::FeedMoves => {
            let feed = world.object(Component::RevocationFeed, "own");
            world.faults.note(kind, "feed");
            let before = feed.machine.offset.get();
            feed.machine.offset.set(before - BEHIND);
            world.reset(&feed);
            world.executor.sleep(lasts).await;
            feed.machine.offset.set(before);
            world.reset(&feed);
        }
        Kind::Rollout
        | Kind::HastyRollout
        | Kind::MasterRemoved
        | Kind::IssuerMoved
        | Kind::NewerMessages
        | Kind::OlderMessages => {
            if world.rolling.replace(true) {
                return;
            }
            world.faults.note(kind, "version");
            let mut version = world.deployed.borrow().clone();
            match kind {
                Kind::MasterRemoved if world.removed_master_at.get().is_none() => {
                    operators::remove_master(world, &mut version).await;
                }
                Kind::MasterRemoved => {}
                Kind::NewerMessages | Kind::OlderMessages => {
                    let dialect = if kind == Kind::NewerMessages { Dialect::Next } else { Dialect::Old };
                    operators::deploy(world, Version { dialect, ..version.clone() }, false).await;
                    operators::deploy(world, version.clone(), false).await;
                }
                Kind::IssuerMoved => {
                    let moved = Version { is_moved: true, ..version.clone() };
                    operators::deploy(world, moved, false).await;
                    operators::deploy(world, version.clone(), false).await;
                    world.moved_until.set(world.now() + 20 * MINUTE);
                }
                _ => operators::roll_out(world, &mut version, kind == Kind::HastyRollout).await,
            }
            world.deployed.replace(version);
            world.rolling.set(false);
        }
        Kind::OtherDeployment => {
            for _ in 0..lasts / MINUTE {
                world.faults.note(kind, "feed");
                let version = Timestamp::from_millis(START + world.now());
                let empty = FeedCopy::new(version, None, [].into_iter(), [].into_iter()).encode();
                world.kv.write("revocations", &empty, world.now());
                world.executor.sleep(MINUTE).await;
            }
        }
        Kind::Quiet => world.executor.sleep(world.dice.between(20 * MINUTE, 150 * MINUTE)).await,
        Kind::IssuerRotatesBadly => {
            world.faults.note(kind, "key");
            world.upstream.publish(world);
            if world.dice.percent(50) {
                world.upstream.withdraw(world);
            }
            world.executor.sleep(lasts).await;
        }
        _ => world.executor.sleep(lasts).await,
    }
}

/// The other issuer changes its keys: the next one is published long before it signs, and the former one goes long after.
fn rotate_upstream(world: &Rc<World>) {
    let world = Rc::clone(world);
    Rc::clone(&world).executor.spawn(world.people, async move {
        loop {
            world.executor.sleep(world.dice.about(40 * MINUTE)).await;
            world.upstream.publish(&world);
            world.executor.sleep(world.dice.between(25 * MINUTE, 50 * MINUTE)).await;
            world.upstream.withdraw(&world);
        }
    });
}

/// Takes away faults and actors for as long as the same promise is still broken.
pub fn shrink(plan: &Plan, invariant: Invariant) -> Plan {
    let fails = |plan: &Plan| run(plan, false).violations.iter().any(|found| found.invariant == invariant);
    let mut best = plan.clone();
    let mut again = true;
    while again {
        again = false;
        for smaller in smaller(&best) {
            if fails(&smaller) {
                best = smaller;
                again = true;
                break;
            }
        }
    }
    best
}

fn smaller(plan: &Plan) -> Vec<Plan> {
    let mut plans = Vec::new();
    for kind in &plan.faults {
        let mut fewer = plan.clone();
        fewer.faults.remove(kind);
        plans.push(fewer);
    }
    let with = |change: &dyn Fn(&mut Plan)| {
        let mut other = plan.clone();
        change(&mut other);
        other
    };
    plans.push(with(&|plan| plan.thief = false));
    plans.push(with(&|plan| plan.guesser = false));
    plans.push(with(&|plan| plan.administrator = false));
    plans.push(with(&|plan| plan.programs = false));
    plans.push(with(&|plan| plan.foreigners = 0));
    plans.push(with(&|plan| plan.owners = (plan.owners / 2).max(1)));
    plans.push(with(&|plan| plan.owners = (plan.owners - 1).max(1)));
    plans.push(with(&|plan| plan.minutes /= 2));
    plans.push(with(&|plan| plan.minutes = plan.minutes * 3 / 4));
    plans.retain(|other| other != plan);
    plans
}
