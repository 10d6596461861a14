//! The short round: some seeds, every kind of fault, and that a seed is a story that repeats.

use postern_sim::{Kind, Plan, kept, run, story};

fn holds(plan: &Plan) {
    let outcome = run(plan, false);
    assert!(outcome.violations.is_empty(), "{}\n{}", story::plan(plan), story::violations(&outcome));
}

/// A plan that a test without optimisation plays in about a second.
fn small(seed: u64) -> Plan {
    let plan = Plan::of_seed(seed);
    Plan { owners: plan.owners.min(2), minutes: plan.minutes.min(40), pause: plan.pause.max(60_000), ..plan }
}

#[test]
fn a_seed_is_the_same_story_each_time() {
    let plan = small(7);
    let [first, second] = [run(&plan, false), run(&plan, true)];
    assert_eq!((first.digest, first.requests), (second.digest, second.requests));
}

#[test]
fn every_promise_holds_in_the_short_round() {
    (1..=2).for_each(|seed| holds(&small(seed)));
}

#[test]
fn every_promise_holds_under_every_kind_of_fault() {
    for (seed, kinds) in (1000..).zip(Kind::ALL.chunks(5)) {
        holds(&Plan { faults: kinds.iter().copied().collect(), ..small(seed) });
    }
}

// The stories are in `seeds.txt`.
#[test]
fn seeds_that_failed_before_hold() {
    for (plan, _) in kept() {
        holds(&plan);
    }
}
