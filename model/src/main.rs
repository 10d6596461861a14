//! Model checking of refresh families: every order of events within small bounds, over the real
//! `Account` and `Family` code. `docs/concepts/refresh-families.md` has the promises.
//!
//! - without arguments: every scene; succeeds when all rules hold everywhere.
//! - `--mutant NAME` or `--mutants`: with one rule broken; succeeds when that is found.
//! - `--gap NAME` or `--gaps`: with one assumption dropped; succeeds when that is found.

mod mutant;
mod object;
mod records;
mod rules;
mod scenes;
mod words;
mod world;

use std::{
    collections::{HashMap, VecDeque},
    process::ExitCode,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use stateright::{Checker as _, HasDiscoveries, Model as _};

use crate::{
    mutant::Mutant,
    rules::met,
    scenes::{GAPS, SCENES},
    world::{Action, Play, Scene, World},
};

/// How much of a counterexample is printed: twelve steps and the state after each.
const LAST_LINES: usize = 25;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let all_good = match arguments.as_slice() {
        [] => hold(&SCENES),
        ["--scene", name] => match SCENES.iter().find(|scene| scene.name == *name) {
            Some(scene) => hold(&[*scene]),
            None => return usage(),
        },
        ["--mutants"] => Mutant::ALL.into_iter().filter(|mutant| !falls(*mutant)).count() == 0,
        ["--mutant", name] => match Mutant::named(name) {
            Some(mutant) => falls(mutant),
            None => return usage(),
        },
        ["--gaps"] => GAPS.into_iter().filter(|gap| !gapes(*gap)).count() == 0,
        ["--gap", name] => match GAPS.into_iter().find(|gap| gap.name == *name) {
            Some(gap) => gapes(gap),
            None => return usage(),
        },
        _ => return usage(),
    };
    if all_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn usage() -> ExitCode {
    let mutants = Mutant::ALL.map(|mutant| mutant.told().0);
    eprintln!(
        "postern-model [--scene {} | --mutants | --mutant {} | --gaps | --gap {}]",
        SCENES.map(|scene| scene.name).join("|"),
        mutants.join("|"),
        GAPS.map(|gap| gap.name).join("|"),
    );
    ExitCode::from(2)
}

/// Whether every rule holds in each of these scenes.
fn hold(scenes: &[Scene]) -> bool {
    println!("The real object. Every rule, in every state that can be reached:");
    for (_, rule) in rules::ALL {
        println!("  - {rule}");
    }
    let mut good = true;
    let (mut states, mut seconds) = (0, Duration::ZERO);
    for scene in scenes {
        let run = explore(*scene, None);
        println!("\n{}: {}\n  {}", scene.name, scene.about, run.figures);
        states += run.states;
        seconds += run.took;
        if let Some(broken) = &run.broken {
            println!("{broken}");
            good = false;
        } else if run.unmet.is_empty() {
            println!("  every rule holds");
        } else {
            println!("  FAILED: the scene never met {}", run.unmet.join(", "));
            good = false;
        }
    }
    println!(
        "\n{states} different states in {:.1} s: {}",
        seconds.as_secs_f64(),
        if good { "all rules hold" } else { "FAILED" }
    );
    good
}

/// Whether the mutant is found out.
fn falls(mutant: Mutant) -> bool {
    let (name, about, scene) = mutant.told();
    let Some(scene) = SCENES.iter().find(|one| one.name == scene) else { return false };
    println!("\nmutant {name}: {about} (scene {})", scene.name);
    found(&explore(*scene, Some(mutant)))
}

/// Whether a rule breaks without the assumption.
fn gapes(gap: Scene) -> bool {
    println!("\ngap {}: {}", gap.name, gap.about);
    found(&explore(gap, None))
}

fn found(run: &Run) -> bool {
    if let Some(broken) = &run.broken {
        println!("{broken}\n  found: {}", run.figures);
    } else {
        println!("  NOT FOUND: {}", run.figures);
    }
    run.broken.is_some()
}

struct Run {
    figures: String,
    states: usize,
    took: Duration,
    /// The counterexample, as text.
    broken: Option<String>,
    /// What the scene should have met and did not.
    unmet: Vec<&'static str>,
}

fn explore(scene: Scene, mutant: Option<Mutant>) -> Run {
    #[expect(clippy::disallowed_methods, reason = "the figure printed; no decision rests on it")]
    let begin = Instant::now();
    let play = Play::new(scene, mutant);
    let garbage = play.objects.garbage_opens();
    let checker = play.checker().threads(2).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let (play, took) = (checker.model(), begin.elapsed());
    let states = checker.unique_state_count();
    let figures = format!(
        "{states} states, {} steps between them, depth {}, {} different objects, {:.1} s",
        checker.state_count(),
        checker.max_depth(),
        play.objects.count(),
        took.as_secs_f64(),
    );
    let mut broken = (!checker.discoveries().is_empty()).then(|| shortest(play));
    if garbage {
        broken = Some("  broken: a changed token is opened".to_owned());
    }
    let met = play.met.load(Ordering::Relaxed);
    let unmet = (0_u32..)
        .zip(met::NAMES)
        .filter(|(bit, _)| scene.meets & (1 << bit) != 0 && met & (1 << bit) == 0)
        .map(|(_, name)| name)
        .collect();
    Run { figures, states, took, broken, unmet }
}

/// A shortest counterexample, its last steps as text. The checker takes states in blocks and may
/// come upon a longer one first.
fn shortest(play: &Play) -> String {
    let mut reached: HashMap<World, Option<(World, Action)>> =
        play.init_states().into_iter().map(|world| (world, None)).collect();
    let mut queue: VecDeque<World> = reached.keys().cloned().collect();
    while let Some(world) = queue.pop_front() {
        if world.broken != 0 {
            return told(play, &world, &reached);
        }
        for (action, next) in play.next_steps(&world) {
            if !reached.contains_key(&next) {
                reached.insert(next.clone(), Some((world.clone(), action)));
                queue.push_back(next);
            }
        }
    }
    "  broken, but not found again".to_owned()
}

fn told(play: &Play, last: &World, reached: &HashMap<World, Option<(World, Action)>>) -> String {
    let mut lines = vec![format!("       {}", play.describe(last))];
    let mut world = last;
    while let Some(Some((before, action))) = reached.get(world) {
        lines.push(format!("    -> {}", play.name(before, *action)));
        lines.push(format!("       {}", play.describe(before)));
        world = before;
    }
    let left_out = lines.len().saturating_sub(LAST_LINES);
    lines.truncate(LAST_LINES);
    if left_out > 0 {
        lines.push(format!("       ... {left_out} lines before"));
    }
    let broken = rules::ALL.iter().rev().filter(|(bit, _)| last.broken & bit != 0);
    lines.extend(broken.map(|(_, rule)| format!("  broken: {rule}")));
    lines.reverse();
    lines.join("\n")
}
