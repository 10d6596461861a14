//! Machines, their clocks, and the calls that go between them.

use core::cell::{Cell, RefCell};
use std::{collections::BTreeMap, rc::Rc};

use postern_app::time::Timestamp;

use crate::{dialect::Dialect, executor::Group};

/// The wall clock at the beginning of every run, in milliseconds since 1970.
pub(crate) const START: u64 = 1_800_000_000_000;

/// What an isolate or an object runs on.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) name: String,
    pub(crate) region: usize,
    /// How far its clock is from the true time, in milliseconds.
    pub(crate) offset: Cell<i64>,
    /// Whether that was an hour a moment ago.
    pub(crate) was_wrong: Cell<bool>,
    pub(crate) group: Cell<Group>,
    /// Which messages its version has.
    pub(crate) dialect: Cell<Dialect>,
    /// By part: the true time of the last fault that a call from here met.
    hits: RefCell<BTreeMap<&'static str, u64>>,
}

impl Machine {
    pub(crate) fn new(name: String, region: usize, offset: i64, group: Group) -> Rc<Self> {
        let (offset, group) = (Cell::new(offset), Cell::new(group));
        Rc::new(Self {
            name,
            region,
            offset,
            was_wrong: Cell::default(),
            group,
            dialect: Cell::default(),
            hits: RefCell::default(),
        })
    }

    /// A call from here met a fault of this part.
    pub(crate) fn hit(&self, part: &'static str, now: u64) {
        self.hits.borrow_mut().insert(part, now);
    }

    /// Whether a call from here met a fault of one of these parts since then.
    pub(crate) fn is_hit(&self, parts: &[&str], since: u64) -> bool {
        self.hits.borrow().iter().any(|(part, at)| *at >= since && parts.contains(part))
    }

    /// Whether any call from here met a fault since then.
    pub(crate) fn is_any_hit_since(&self, since: u64) -> bool {
        self.hits.borrow().values().any(|at| *at >= since)
    }

    /// Whether a call from here ever met a fault.
    pub(crate) fn is_ever_hit(&self) -> bool {
        !self.hits.borrow().is_empty()
    }

    /// What its clock shows at this true time.
    pub(crate) fn clock(&self, now: u64) -> Timestamp {
        Timestamp::from_millis(START.saturating_add(now).saturating_add_signed(self.offset.get()))
    }
}

/// One request of a client, or one alarm, with all that it causes.
#[derive(Debug)]
pub(crate) struct Call {
    /// Whose.
    pub(crate) of: String,
    /// The true time at which the client sent it.
    pub(crate) sent_at: u64,
    /// The faults that it met and that may be seen in its answer.
    pub(crate) hits: RefCell<Vec<&'static str>>,
    /// When it was answered; what it left to do has 30 s from then.
    pub(crate) answered: Cell<Option<u64>>,
    /// How many calls of others it has made.
    pub(crate) subrequests: Cell<u32>,
}

impl Call {
    pub(crate) fn new(of: &str, sent_at: u64) -> Rc<Self> {
        let (hits, answered, subrequests) = (RefCell::default(), Cell::new(None), Cell::default());
        Rc::new(Self { of: of.to_owned(), sent_at, hits, answered, subrequests })
    }
}
