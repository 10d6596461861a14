//! The record of a run for a reader: a timeline, or a sequence diagram. A run records only on request.

use core::cell::{Cell, RefCell};

/// One line.
#[derive(Debug, Clone)]
pub(crate) struct Note {
    /// True time, in milliseconds.
    pub(crate) at: u64,
    pub(crate) from: String,
    /// Empty for what happens at one place.
    pub(crate) to: String,
    pub(crate) text: String,
}

/// All lines of a run.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    records: bool,
    notes: RefCell<Vec<Note>>,
    count: Cell<u64>,
    /// FNV-1a over all times and names.
    digest: Cell<u64>,
}

impl Trace {
    pub(crate) fn new(records: bool) -> Self {
        Self { records, ..Self::default() }
    }

    /// Whether anything is kept of what is noted.
    pub(crate) const fn keeps(&self) -> bool {
        self.records
    }

    /// A message from one to another, or what happens at `from` alone. The text is made only if the run records.
    pub(crate) fn note(&self, at: u64, from: &str, to: &str, text: impl FnOnce() -> String) {
        self.count.set(self.count.get() + 1);
        let bytes = at.to_le_bytes().into_iter().chain(from.bytes()).chain(to.bytes());
        let add = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        self.digest.set(bytes.fold(self.digest.get(), add));
        if self.records {
            self.notes.borrow_mut().push(Note { at, from: from.into(), to: to.into(), text: text() });
        }
    }

    /// A hash of the order of all events: equal for two runs that went the same way.
    pub(crate) fn digest(&self) -> String {
        format!("{:016x}", self.digest.get())
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.get()
    }

    pub(crate) fn notes(&self) -> Vec<Note> {
        self.notes.borrow().clone()
    }
}

/// A time of a run, as people write it.
pub(crate) fn clock(millis: u64) -> String {
    let (days, seconds) = (millis / 86_400_000, millis / 1000);
    let day = if days > 0 { format!("{days}d ") } else { String::new() };
    format!(
        "{day}{:02}:{:02}:{:02}.{:03}",
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60,
        millis % 1000
    )
}
