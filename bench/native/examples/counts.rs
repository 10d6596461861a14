//! `counts domain|growth` does every case once inside [`postern_bench::measured`], for callgrind to count, and prints
//! their names. `counts domain|growth --time` takes the time instead; `counts argon2` that of one password hash.
#![expect(clippy::expect_used, clippy::disallowed_methods, reason = "a stopwatch, not the domain")]

use std::time::{Duration, Instant};

use postern_bench::{Case, domain, growth, measured};
use serde_json::json;

/// Long enough for the median to settle, short enough for forty cases.
const TIME_FOR_EACH: Duration = Duration::from_millis(150);
/// Fewer do not make a median.
const LEAST_SAMPLES: usize = 5;

/// Nanoseconds: the median of batches that are long against the clock's own cost.
fn time(case: &mut Case) -> f64 {
    let begun = Instant::now();
    case.run();
    let once = begun.elapsed().max(Duration::from_nanos(1));
    let batch = (Duration::from_micros(200).as_nanos() / once.as_nanos()).clamp(1, 10_000);
    let batch = u32::try_from(batch).unwrap_or(1);
    let mut samples = Vec::new();
    while samples.len() < LEAST_SAMPLES || begun.elapsed() < TIME_FOR_EACH {
        let started = Instant::now();
        for _ in 0..batch {
            case.run();
        }
        samples.push(started.elapsed().as_secs_f64() * 1e9 / f64::from(batch));
    }
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied().unwrap_or_default()
}

/// What the Worker does for one password by default (crates/core/src/identity/password.rs), in milliseconds, several times.
fn argon2() -> Vec<f64> {
    let parameters = argon2::Params::new(19_456, 2, 1, Some(32)).expect("sound");
    let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, parameters);
    (0..15)
        .map(|_| {
            let mut hash = [0; 32];
            let begun = Instant::now();
            argon2
                .hash_password_into(b"correct horse battery staple", b"0123456789abcdef", &mut hash)
                .expect("hashed");
            begun.elapsed().as_secs_f64() * 1e3
        })
        .collect()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let what = arguments.first().map(String::as_str);
    if what == Some("argon2") {
        println!("{}", json!(argon2()));
        return;
    }
    let mut cases = if what == Some("domain") { domain::cases() } else { growth::cases() };
    for case in &mut cases {
        if arguments.iter().any(|argument| argument == "--time") {
            let nanoseconds = time(case);
            println!("{}", json!({"name": case.name, "size": case.size, "nanoseconds": nanoseconds}));
        } else {
            // Once before, so that no first time is counted.
            case.run();
            measured(case);
            println!("{}", json!({"name": case.name, "size": case.size}));
        }
    }
}
