//! The whole of Postern in one deterministic program: the real code of its crates over a simulated platform, in one thread,
//! from one seed, on a simulated clock. `docs/concepts/simulation.md` describes it.

mod alarms;
mod bindings;
mod browser;
mod classes;
mod client;
mod code_thief;
mod codes;
mod crypto;
mod dialect;
mod dice;
mod endings;
mod executor;
mod faults;
mod heal;
pub mod invariants;
mod judge;
mod kv;
mod ledger;
mod machine;
mod objects;
mod operators;
mod others;
mod owners;
mod plan;
mod ports;
mod programs;
mod run;
mod settings;
mod sockets;
mod storage;
pub mod story;
mod trace;
mod upstream;
mod windows;
mod world;

pub use faults::Kind;
pub use ledger::Violation;
pub use plan::{Actor, Plan, kept, shrink};
pub use run::{Outcome, run};
