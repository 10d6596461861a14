//! What a seed makes of a run, and how a run that failed is made smaller.

use std::collections::BTreeSet;

use crate::{
    dice::Dice,
    faults::{Faults, Kind},
    invariants::Invariant,
    run::run,
};

/// Somebody beside the users and the holders of old tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Actor {
    /// Steals tokens and codes.
    Thief,
    /// Guesses passwords.
    Guesser,
    /// Revokes and rotates.
    Administrator,
    /// OAuth clients that users authorize.
    Programs,
}

impl Actor {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Thief, Self::Guesser, Self::Administrator, Self::Programs];

    /// Its name, as plans have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Thief => "thief",
            Self::Guesser => "guesser",
            Self::Administrator => "administrator",
            Self::Programs => "programs",
        }
    }
}

/// What a seed makes of a run. Shrinking takes parts of it away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Of all draws.
    pub seed: u64,
    /// The kinds of faults that may strike.
    pub faults: BTreeSet<Kind>,
    /// How many users have devices.
    pub owners: usize,
    /// Who is there besides.
    pub actors: BTreeSet<Actor>,
    /// How many users of another issuer there are.
    pub foreigners: usize,
    /// Simulated minutes with faults; half an hour without follows.
    pub minutes: u64,
    /// Milliseconds between two requests of one tab, about.
    pub pause: u64,
}

impl Plan {
    /// Whether this one is there.
    pub fn has(&self, actor: Actor) -> bool {
        self.actors.contains(&actor)
    }

    /// The plan of this seed.
    pub fn of_seed(seed: u64) -> Self {
        let dice = Dice::new(seed ^ 0x706c_616e);
        let faults = Faults::of_seed(dice.fork()).chosen().clone();
        let owners = usize::try_from(dice.between(1, 7)).unwrap_or(1);
        let mut actors: BTreeSet<Actor> =
            [(Actor::Thief, 60), (Actor::Guesser, 30), (Actor::Administrator, 70)]
                .into_iter()
                .filter_map(|(actor, percent)| dice.percent(percent).then_some(actor))
                .collect();
        let foreigners = dice.below(3);
        let minutes = dice.between(90, 360);
        let pause = [8_000, 20_000, 60_000][dice.below(3)];
        if dice.percent(60) {
            actors.insert(Actor::Programs);
        }
        Self { seed, faults, owners, actors, foreigners, minutes, pause }
    }
}

/// The seeds that are kept, with their stories: see `seeds.txt`.
pub fn kept() -> Vec<(Plan, &'static str)> {
    let lines =
        include_str!("../seeds.txt").lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.filter_map(|line| line.split_once(" | ")).map(|(plan, story)| (Plan::parse(plan), story)).collect()
}

impl Plan {
    /// A plan as `seeds.txt` has it: a seed, and what its run has of actors and faults.
    fn parse(text: &str) -> Self {
        let mut words = text.split_whitespace();
        let seed = words.next().and_then(|seed| seed.parse().ok()).expect("a seed");
        let mut plan = Self {
            seed,
            faults: BTreeSet::new(),
            owners: 1,
            actors: BTreeSet::new(),
            foreigners: 0,
            minutes: 60,
            pause: 60_000,
        };
        for word in words {
            match word.split_once('=') {
                Some(("users", number)) => plan.owners = number.parse().expect("a number"),
                Some(("minutes", number)) => plan.minutes = number.parse().expect("a number"),
                Some(("foreigners", number)) => plan.foreigners = number.parse().expect("a number"),
                Some(("pause", seconds)) => plan.pause = 1000 * seconds.parse::<u64>().expect("a number"),
                _ => {
                    let kind = Kind::ALL.iter().find(|kind| kind.name() == word);
                    let actor = Actor::ALL.into_iter().find(|actor| actor.name() == word);
                    plan.actors.extend(actor);
                    plan.faults.extend(kind);
                    assert!(kind.is_some() || actor.is_some(), "neither a fault nor an actor: {word}");
                }
            }
        }
        plan
    }
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
    for actor in &plan.actors {
        plans.push(with(&|plan| plan.actors.retain(|other| other != actor)));
    }
    plans.push(with(&|plan| plan.foreigners = 0));
    plans.push(with(&|plan| plan.owners = (plan.owners / 2).max(1)));
    plans.push(with(&|plan| plan.owners = (plan.owners - 1).max(1)));
    plans.push(with(&|plan| plan.minutes /= 2));
    plans.push(with(&|plan| plan.minutes = plan.minutes * 3 / 4));
    plans.retain(|other| other != plan);
    plans
}
