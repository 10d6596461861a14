//! A run as a person reads it: a timeline, or a sequence diagram in Mermaid.

use core::fmt::Write as _;
use std::collections::BTreeSet;

use crate::{
    plan::Plan,
    run::Outcome,
    trace::{Note, clock},
};

/// How many lines before the broken promise a timeline shows.
const LINES: usize = 80;
/// How many messages a diagram has at most.
const MESSAGES: usize = 40;

/// What was planned, in a line.
pub fn plan(plan: &Plan) -> String {
    let faults: Vec<&str> = plan.faults.iter().map(|kind| kind.name()).collect();
    let mut text = format!(
        "seed {}: {} users, {} minutes, a request every {} s; faults: {}",
        plan.seed,
        plan.owners,
        plan.minutes,
        plan.pause / 1000,
        if faults.is_empty() { "none".to_owned() } else { faults.join(" ") }
    );
    for actor in &plan.actors {
        let _ = write!(text, "; {}", actor.name());
    }
    if plan.foreigners > 0 {
        let _ = write!(text, "; {} users of another issuer", plan.foreigners);
    }
    text
}

/// The broken promises, each with its sentence.
pub fn violations(outcome: &Outcome) -> String {
    outcome.violations.iter().take(5).fold(String::new(), |mut text, found| {
        let invariant = found.invariant;
        let _ = writeln!(text, "{} BROKEN: {}\n    {}", clock(found.at), invariant.name, found.seen);
        let _ = writeln!(text, "    \"{}\" ({})", invariant.says, invariant.place);
        text
    })
}

/// The last lines before the first broken promise, of those whom it is about where that can be seen.
pub fn timeline(outcome: &Outcome) -> String {
    let end = outcome.first().map_or(u64::MAX, |found| found.at);
    let told = about(outcome, end);
    told.iter().skip(told.len().saturating_sub(LINES)).fold(String::new(), |mut text, note| {
        let to = if note.to.is_empty() { String::new() } else { format!(" -> {}", note.to) };
        let _ = writeln!(text, "{} {}{to}: {}", clock(note.at), note.from, short(&note.text, 150));
        text
    })
}

/// All lines with this text, such as the id of a session.
pub fn of(outcome: &Outcome, text: &str) -> String {
    let told = outcome.notes.iter().filter(|note| note.text.contains(text));
    told.fold(String::new(), |mut lines, note| {
        let _ = writeln!(lines, "{} {} {}: {}", clock(note.at), note.from, note.to, note.text);
        lines
    })
}

/// Notes until `end` without what tells little.
fn about(outcome: &Outcome, end: u64) -> Vec<&Note> {
    let dull = |note: &Note| {
        note.to.starts_with("object metrics")
            || note.from.starts_with("object metrics")
            || note.text.starts_with("asks")
    };
    // The machine that broke the promise, the faults, and whatever was said of an object by its name.
    let seen = outcome.first().map(|found| found.seen.clone()).unwrap_or_default();
    let machine = seen.split_once(" at isolate ").map(|(_, rest)| format!("isolate {rest}"));
    let concerns = |note: &Note| {
        let Some(machine) = &machine else { return true };
        note.from == *machine
            || note.to == *machine
            || note.from == "fault"
            || note.from.starts_with("object")
            || note.from == "administrator"
            || note.to == "administrator"
    };
    outcome.notes.iter().filter(|note| note.at <= end && !dull(note) && concerns(note)).collect()
}

fn short(text: &str, length: usize) -> String {
    let mut short: String = text.chars().take(length).collect();
    if short.len() < text.len() {
        short.push_str("...");
    }
    short
}

/// A sequence diagram of the last messages before the first broken promise, or before the end.
pub fn mermaid(outcome: &Outcome) -> String {
    let end = outcome.first().map_or(u64::MAX, |found| found.at);
    let told = about(outcome, end);
    let told = &told[told.len().saturating_sub(MESSAGES)..];
    let plain = |text: &str| text.replace([';', ':', '#', '"', '{', '}', '\n'], " ");
    let mut people = Vec::new();
    let mut seen = BTreeSet::new();
    for name in told.iter().flat_map(|note| [&note.from, &note.to]).filter(|name| !name.is_empty()) {
        if seen.insert(name.clone()) {
            people.push(name.clone());
        }
    }
    let number = |name: &str| people.iter().position(|own| own == name).unwrap_or_default();
    let mut text = "sequenceDiagram\n".to_owned();
    for (number, name) in people.iter().enumerate() {
        let _ = writeln!(text, "    participant p{number} as {}", plain(name));
    }
    for note in told {
        let said = plain(&short(&note.text, 70));
        let _ = if note.to.is_empty() {
            writeln!(text, "    Note over p{}: {} {said}", number(&note.from), plain(&clock(note.at)))
        } else {
            writeln!(text, "    p{}->>p{}: {said}", number(&note.from), number(&note.to))
        };
    }
    if let Some(found) = outcome.first() {
        let _ = writeln!(text, "    Note over p0: BROKEN {}", plain(&found.seen));
    }
    text
}
