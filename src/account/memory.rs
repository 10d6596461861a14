//! Account objects in memory, with fault modes: what native tests use in place of Durable
//! Objects. Not in the Worker.

use core::cell::{Cell, RefCell};
use std::{collections::BTreeMap, rc::Rc};

use super::{Account, AccountAnswer, AccountRequest, Accounts, Upkeep};
use crate::{
    ids::AccountId,
    ports::{Fault, Part, Records},
    revocation::FeedObject,
    time::Timestamp,
};

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
}

#[derive(Debug, Default)]
struct Inner {
    rows: RefCell<BTreeMap<(String, String), String>>,
    mode: Cell<FaultMode>,
    calls: Cell<u64>,
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

    /// How many calls were made.
    pub fn calls(&self) -> u64 {
        self.0.calls.get()
    }

    /// How many of them wrote or removed.
    pub fn writes(&self) -> u64 {
        self.0.writes.get()
    }

    /// A copy of all rows as (kind, id) to record: to compare, and to restore later.
    pub fn snapshot(&self) -> BTreeMap<(String, String), String> {
        self.0.rows.borrow().clone()
    }

    /// A copy of the rows that decide something: all but the activity, which only tells.
    pub fn decisive(&self) -> BTreeMap<(String, String), String> {
        let mut rows = self.snapshot();
        rows.retain(|(kind, _), _| kind != "activity");
        rows
    }

    /// Puts back a copy: a restored backup.
    pub fn restore(&self, rows: BTreeMap<(String, String), String>) {
        self.0.rows.replace(rows);
    }

    fn before(&self) -> Result<(), Fault> {
        self.0.calls.set(self.0.calls.get() + 1);
        match self.0.mode.get() {
            FaultMode::FailCall(0) => self.0.mode.set(FaultMode::None),
            FaultMode::Down => {}
            FaultMode::FailCall(n) => {
                self.0.mode.set(FaultMode::FailCall(n - 1));
                return Ok(());
            }
            FaultMode::None | FaultMode::FailAfterPersisting(_) => return Ok(()),
        }
        Err(Fault::new(Part::Storage, "out of order"))
    }

    fn after_write(&self) -> Result<(), Fault> {
        self.0.writes.set(self.0.writes.get() + 1);
        match self.0.mode.get() {
            FaultMode::FailAfterPersisting(0) => {
                self.0.mode.set(FaultMode::None);
                Err(Fault::new(Part::Storage, "out of order after persisting"))
            }
            FaultMode::FailAfterPersisting(n) => {
                self.0.mode.set(FaultMode::FailAfterPersisting(n - 1));
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl Records for MemoryRecords {
    fn read(&self, kind: &str, id: &str) -> Result<Option<String>, Fault> {
        self.before()?;
        Ok(self.0.rows.borrow().get(&(kind.to_owned(), id.to_owned())).cloned())
    }

    fn write(&self, kind: &str, id: &str, record: &str) -> Result<(), Fault> {
        self.before()?;
        self.0.rows.borrow_mut().insert((kind.to_owned(), id.to_owned()), record.to_owned());
        self.after_write()
    }

    fn remove(&self, kind: &str, id: &str) -> Result<(), Fault> {
        self.before()?;
        self.0.rows.borrow_mut().remove(&(kind.to_owned(), id.to_owned()));
        self.after_write()
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

/// Account objects in memory, with one clock, a count of the calls and a switch for transport.
/// Clones share the objects.
#[derive(Debug, Clone, Default)]
pub struct MemoryAccounts {
    objects: Rc<RefCell<BTreeMap<AccountId, MemoryRecords>>>,
    now: Rc<Cell<Timestamp>>,
    asked: Rc<Cell<u64>>,
    unreachable: Rc<Cell<bool>>,
    lose_answers: Rc<Cell<bool>>,
}

impl MemoryAccounts {
    /// With the objects' clock at `now`.
    pub fn at(now: Timestamp) -> Self {
        let accounts = Self::default();
        accounts.set_now(now);
        accounts
    }

    /// Sets the objects' clock. No alarm rings by itself: see [`Self::sweep`].
    pub fn set_now(&self, now: Timestamp) {
        self.now.set(now);
    }

    /// The objects cannot be reached: nothing arrives there.
    pub fn set_unreachable(&self, unreachable: bool) {
        self.unreachable.set(unreachable);
    }

    /// The objects do what they are asked, and their answers are lost.
    pub fn set_lose_answers(&self, lose: bool) {
        self.lose_answers.set(lose);
    }

    /// How many requests were made, reached or not.
    pub fn asked(&self) -> u64 {
        self.asked.get()
    }

    /// The records of one account, empty ones if it was never asked.
    pub fn records(&self, account: AccountId) -> MemoryRecords {
        self.objects.borrow_mut().entry(account).or_default().clone()
    }

    /// Rings the alarm of one account whole: tells `feed`, and removes what has expired.
    pub async fn alarm(
        &self,
        account: AccountId,
        feed: &impl FeedObject,
    ) -> Result<(Upkeep, Option<Fault>), Fault> {
        Account::new(self.records(account)).alarm(self.now.get(), feed).await
    }

    /// The accounts that were ever asked.
    pub fn all(&self) -> Vec<AccountId> {
        self.objects.borrow().keys().copied().collect()
    }

    /// Removes what has expired in one account.
    pub fn sweep(&self, account: AccountId) -> Result<Upkeep, Fault> {
        Account::new(self.records(account)).sweep(self.now.get())
    }
}

impl Accounts for MemoryAccounts {
    async fn ask(&self, account: AccountId, request: &AccountRequest) -> Result<AccountAnswer, Fault> {
        self.asked.set(self.asked.get() + 1);
        if self.unreachable.get() {
            return Err(Fault::new(Part::Account, "unreachable"));
        }
        let served = Account::new(self.records(account)).serve(request, self.now.get());
        if self.lose_answers.get() {
            return Err(Fault::new(Part::Account, "the answer was lost"));
        }
        Ok(served.answer)
    }
}
