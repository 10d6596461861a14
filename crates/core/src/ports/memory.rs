//! Records in memory, with fault modes: what native tests use in place of an object's storage.
//! Not in the Worker.

use core::cell::{Cell, RefCell};
use std::{collections::BTreeMap, rc::Rc};

use super::{Component, Fault, Records};

/// What goes wrong in [`MemoryRecords`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FaultMode {
    /// Nothing.
    #[default]
    None,
    /// The n-th call from now on (0 is the next) fails without effect, once.
    FailCall(u32),
    /// The n-th write or removal from now on takes effect and fails all the same, once.
    FailAfterPersisting(u32),
    /// Every call fails.
    Down,
    /// Every write and removal fails, and nothing is written.
    FailWrites,
    /// Every write and removal takes effect, and fails all the same.
    FailAfterWrites,
}

type Rows = BTreeMap<(String, String), String>;

#[derive(Debug, Default)]
struct Inner {
    rows: RefCell<Rows>,
    mode: Cell<FaultMode>,
    writes: Cell<u64>,
}

/// Records in memory. Clones share them, so that a test can look inside an object.
#[derive(Debug, Clone, Default)]
pub struct MemoryRecords(Rc<Inner>);

impl MemoryRecords {
    /// Sets what goes wrong from now on.
    pub fn break_with(&self, mode: FaultMode) {
        self.0.mode.set(mode);
    }

    /// How many of them wrote or removed.
    pub fn writes(&self) -> u64 {
        self.0.writes.get()
    }

    /// A copy of all rows as (kind, id) to record: to compare, and to restore later.
    pub fn snapshot(&self) -> Rows {
        self.0.rows.borrow().clone()
    }

    /// A copy of the rows that decide something: all but the activity, which only tells.
    pub fn decisive(&self) -> Rows {
        let mut rows = self.snapshot();
        rows.retain(|(kind, _), _| kind != "activity");
        rows
    }

    /// Puts back a copy: a restored backup.
    pub fn restore(&self, rows: Rows) {
        self.0.rows.replace(rows);
    }

    fn before(&self) -> Result<(), Fault> {
        match self.0.mode.get() {
            FaultMode::FailCall(0) => self.0.mode.set(FaultMode::None),
            FaultMode::Down => {}
            FaultMode::FailCall(n) => {
                self.0.mode.set(FaultMode::FailCall(n - 1));
                return Ok(());
            }
            FaultMode::None
            | FaultMode::FailAfterPersisting(_)
            | FaultMode::FailWrites
            | FaultMode::FailAfterWrites => return Ok(()),
        }
        Err(out_of_order())
    }

    fn change(&self, work: impl FnOnce(&mut Rows)) -> Result<(), Fault> {
        self.before()?;
        if self.0.mode.get() == FaultMode::FailWrites {
            return Err(out_of_order());
        }
        work(&mut self.0.rows.borrow_mut());
        self.after_write()
    }

    fn after_write(&self) -> Result<(), Fault> {
        self.0.writes.set(self.0.writes.get() + 1);
        match self.0.mode.get() {
            FaultMode::FailAfterPersisting(0) => {
                self.0.mode.set(FaultMode::None);
                Err(Fault::new(Component::Storage, "out of order after persisting"))
            }
            FaultMode::FailAfterPersisting(n) => {
                self.0.mode.set(FaultMode::FailAfterPersisting(n - 1));
                Ok(())
            }
            FaultMode::FailAfterWrites => {
                Err(Fault::new(Component::Storage, "out of order after persisting"))
            }
            _ => Ok(()),
        }
    }
}

fn out_of_order() -> Fault {
    Fault::new(Component::Storage, "out of order")
}

impl Records for MemoryRecords {
    fn read(&self, kind: &str, id: &str) -> Result<Option<String>, Fault> {
        self.before()?;
        Ok(self.0.rows.borrow().get(&(kind.to_owned(), id.to_owned())).cloned())
    }

    fn write(&self, kind: &str, id: &str, record: &str) -> Result<(), Fault> {
        self.change(|rows| {
            rows.insert((kind.to_owned(), id.to_owned()), record.to_owned());
        })
    }

    fn remove(&self, kind: &str, id: &str) -> Result<(), Fault> {
        self.change(|rows| {
            rows.remove(&(kind.to_owned(), id.to_owned()));
        })
    }

    fn scan(&self, kind: &str) -> Result<Vec<(String, String)>, Fault> {
        self.before()?;
        let rows = self.0.rows.borrow();
        Ok(rows
            .iter()
            .filter(|((of, _), _)| of == kind)
            .map(|((_, id), record)| (id.clone(), record.clone()))
            .collect())
    }
}
