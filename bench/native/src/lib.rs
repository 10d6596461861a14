//! What is measured of the domain: a list of cases, each of one size, for criterion, for callgrind and for the clock.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "nothing here meets input, and a bench that is wrong should stop"
)]

pub mod domain;
pub mod growth;
mod parts;

/// One thing that is done over and over.
pub struct Case {
    /// What it is; the cases of one curve share it.
    pub name: &'static str,
    /// How many of what grows there are.
    pub size: u64,
    run: Box<dyn FnMut()>,
}

impl Case {
    fn new(name: &'static str, size: u64, run: impl FnMut() + 'static) -> Self {
        Self { name, size, run: Box::new(run) }
    }

    /// Does it once.
    pub fn run(&mut self) {
        (self.run)();
    }
}

/// Does it once. Callgrind counts what happens in here and nothing else, so that it must stay a function.
#[inline(never)]
pub fn measured(case: &mut Case) {
    case.run();
}
