//! `postern-sim`: runs seeds, and tells what came of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    process::ExitCode,
    time::{Duration, Instant},
};

use postern_sim::{Actor, Kind, Outcome, Plan, invariants, run, shrink, story};

const USAGE: &str = "usage: postern-sim seed N [FAULT ...] | run [--seeds N] [--from N] [--seconds S] [--with FAULT ...] [--all | --until-broken] | story SEED | find SEED TEXT | table";

fn main() -> ExitCode {
    // A panic of the code under test is a result, and is printed with its seed.
    std::panic::set_hook(Box::new(|_| {}));
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["seed", seed, faults @ ..] => match seed.parse() {
            Ok(seed) => one(seed, faults),
            Err(_) => usage(),
        },
        ["story", seed] => match seed.parse() {
            Ok(seed) => {
                print!("{}", story::mermaid(&run(&Plan::of_seed(seed), true)));
                ExitCode::SUCCESS
            }
            Err(_) => usage(),
        },
        ["find", seed, text] => match seed.parse() {
            Ok(seed) => {
                print!("{}", story::of(&run(&Plan::of_seed(seed), true), text));
                ExitCode::SUCCESS
            }
            Err(_) => usage(),
        },
        ["run", options @ ..] => many(options),
        ["table"] => {
            table();
            ExitCode::SUCCESS
        }
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}

fn table() {
    println!("| promise | its sentence | where |\n|---|---|---|");
    for one in invariants::ALL {
        println!("| {} | {} | {} |", one.name, one.says, one.place);
    }
    for kind in Kind::ALL {
        println!("| `{}` | {} |", kind.name(), kind.words());
    }
}

fn one(seed: u64, faults: &[&str]) -> ExitCode {
    let mut plan = Plan::of_seed(seed);
    if !faults.is_empty() {
        plan.faults = Kind::ALL.iter().copied().filter(|kind| faults.contains(&kind.name())).collect();
    }
    let outcome = run(&plan, false);
    println!("{}", story::plan(&plan));
    println!(
        "{} h simulated, {} requests, {} events, digest {}",
        outcome.simulated / 3_600_000,
        outcome.requests,
        outcome.events,
        outcome.digest
    );
    for ((kind, place), times) in &outcome.points {
        println!("  {} at {place}: {times}", kind.name());
    }
    if outcome.violations.is_empty() {
        println!("every promise held");
        return ExitCode::SUCCESS;
    }
    tell(&plan, &outcome);
    ExitCode::FAILURE
}

/// A failure as a short story.
fn tell(plan: &Plan, outcome: &Outcome) {
    let Some(first) = outcome.first() else { return };
    print!("{}", story::violations(outcome));
    let small = shrink(plan, first.invariant);
    let again = run(&small, true);
    println!("shrunk to {}", story::plan(&small));
    print!("{}{}", story::timeline(&again), story::violations(&again));
}

#[derive(Default)]
struct Sum {
    seeds: u64,
    failed: Vec<u64>,
    simulated: u64,
    requests: u64,
    events: u64,
    points: BTreeMap<(Kind, &'static str), u64>,
    looked: BTreeMap<&'static str, u64>,
}

impl Sum {
    fn add(&mut self, outcome: &Outcome) {
        self.seeds += 1;
        self.simulated += outcome.simulated;
        self.requests += outcome.requests;
        self.events += outcome.events;
        for (point, times) in &outcome.points {
            *self.points.entry(*point).or_default() += times;
        }
        for (name, times) in &outcome.looked {
            *self.looked.entry(name).or_default() += times;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the figures printed; no decision rests on them")]
fn many(options: &[&str]) -> ExitCode {
    let option = |name: &str| {
        let place = options.iter().position(|word| *word == name)?;
        options.get(place + 1)?.parse::<u64>().ok()
    };
    let (from, seeds) = (option("--from").unwrap_or(1), option("--seeds").unwrap_or(u64::MAX));
    let seconds = option("--seconds").unwrap_or(u64::MAX);
    if seeds == u64::MAX && seconds == u64::MAX {
        return usage();
    }
    let of_name = |name: &&str| Kind::ALL.iter().copied().find(|kind| kind.name() == *name);
    let with: BTreeSet<Kind> =
        options.windows(2).filter(|pair| pair[0] == "--with").filter_map(|pair| of_name(&pair[1])).collect();
    let (begun, mut sum) = (Instant::now(), Sum::default());
    for seed in from..from.saturating_add(seeds) {
        if begun.elapsed() > Duration::from_secs(seconds) {
            break;
        }
        let mut plan = Plan::of_seed(seed);
        if !with.is_empty() {
            // These alone, and everybody there.
            plan.faults.clone_from(&with);
            plan.actors.extend(Actor::ALL);
            plan.foreigners = 2;
        }
        let outcome = run(&plan, false);
        sum.add(&outcome);
        if let Some(first) = outcome.first() {
            println!("{}\n{}", story::plan(&plan), story::violations(&outcome));
            let tells = !options.iter().any(|word| matches!(*word, "--all" | "--until-broken"));
            if sum.failed.is_empty() && tells {
                tell(&plan, &outcome);
            }
            sum.failed.push(seed);
            if options.contains(&"--until-broken") {
                println!("found by seed {seed} after {} seeds: {}", sum.seeds, first.invariant.name);
                return ExitCode::FAILURE;
            }
        }
    }
    figures(&sum, begun.elapsed());
    if sum.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn figures(sum: &Sum, took: Duration) {
    let seconds = took.as_secs_f64();
    println!(
        "{} seeds in {seconds:.1} s: {:.1} simulated hours and {:.0} requests a second, {} requests, {} events",
        sum.seeds,
        sum.simulated as f64 / 3_600_000.0 / seconds,
        sum.requests as f64 / seconds,
        sum.requests,
        sum.events,
    );
    let kinds = Kind::ALL.iter().filter(|kind| sum.points.keys().any(|(own, _)| own == *kind)).count();
    println!("kinds of faults reached: {kinds} of {}; points: {}", Kind::ALL.len(), sum.points.len());
    for kind in Kind::ALL {
        let places: Vec<String> = sum
            .points
            .iter()
            .filter(|((own, _), _)| own == kind)
            .map(|((_, place), times)| format!("{place} {times}"))
            .collect();
        println!(
            "  {}: {}",
            kind.name(),
            if places.is_empty() { "never".to_owned() } else { places.join(", ") }
        );
    }
    println!("promises looked at:");
    for one in invariants::ALL {
        println!("  {}: {}", one.name, sum.looked.get(one.name).copied().unwrap_or_default());
    }
    println!("broken: {} seeds {:?}", sum.failed.len(), &sum.failed[..sum.failed.len().min(20)]);
}
