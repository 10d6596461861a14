//! All calls to parts go through here, one after the other: so a test can say which of them
//! fails, and what happens between the work of a part and its answer.

use std::{
    cell::{Cell, RefCell},
    ops::Deref,
    rc::Rc,
};

use postern_app::{
    account::{AccountAnswer, AccountRequest, Accounts, memory::MemoryAccounts},
    audit::{AuditAnswer, AuditLog, AuditRequest, memory::MemoryAuditLog},
    identity::{IdentityStore, Login, PasswordHash, User, UserChange, UserQuery, memory::MemoryIdentity},
    ids::AccountId,
    ports::{Component, Fault},
    revocation::{FeedAnswer, FeedObject, FeedRequest, memory::MemoryFeed},
    time::Timestamp,
};
use postern_core::throttle::{ThrottleAnswer, ThrottleRequest, Throttles, memory::MemoryThrottles};

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// Nothing arrives.
    Lost,
    /// It is done, and the answer is lost.
    Unanswered,
}

type Meanwhile = Option<(Component, Box<dyn FnOnce()>)>;
type Before = Option<(Component, Box<dyn Fn()>)>;

/// The plan for one world. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Faults {
    /// How many calls pass until one fails.
    left: Rc<Cell<Option<(u32, How)>>>,
    /// The part that failed.
    failed: Rc<Cell<Option<Component>>>,
    meanwhile: Rc<RefCell<Meanwhile>>,
    before: Rc<RefCell<Before>>,
}

impl Faults {
    /// The n-th call from now on fails, 0 being the next, and no other.
    pub(crate) fn fail(&self, nth: u32, how: How) {
        self.left.set(Some((nth, how)));
        self.failed.set(None);
    }

    /// The part whose call failed, if it came to that; no other will fail.
    pub(crate) fn failed(&self) -> Option<Component> {
        self.left.set(None);
        self.failed.get()
    }

    /// Something happens once, after the next work of this part and before its answer arrives.
    pub(crate) fn meanwhile(&self, part: Component, what: impl FnOnce() + 'static) {
        self.meanwhile.replace(Some((part, Box::new(what))));
    }

    /// Each call of this part fails from now on, after something happened.
    pub(crate) fn fail_each(&self, part: Component, before: impl Fn() + 'static) {
        self.before.replace(Some((part, Box::new(before))));
    }

    pub(crate) async fn call<T>(
        &self,
        part: Component,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let how = match self.left.get() {
            Some((0, how)) => {
                self.left.set(None);
                self.failed.set(Some(part));
                Some(how)
            }
            Some((nth, how)) => {
                self.left.set(Some((nth - 1, how)));
                None
            }
            None => None,
        };
        let fault = || Err(Fault::new(part, "told to fail"));
        if let Some((_, before)) = self.before.borrow().as_ref().filter(|(of, _)| *of == part) {
            before();
            return fault();
        }
        if how == Some(How::Lost) {
            return fault();
        }
        let done = work.await;
        let due = self.meanwhile.borrow().as_ref().is_some_and(|(of, _)| *of == part);
        let what = if due { self.meanwhile.take() } else { None };
        if let Some((_, what)) = what {
            what();
        }
        if how.is_some() { fault() } else { done }
    }
}

/// A part in memory, reached by calls that may fail. What is not a call goes to it directly.
#[derive(Clone)]
pub(crate) struct Through<T> {
    part: T,
    faults: Faults,
}

impl<T> Through<T> {
    pub(crate) fn new(part: T, faults: &Faults) -> Self {
        Self { part, faults: faults.clone() }
    }
}

impl<T> Deref for Through<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.part
    }
}

impl Accounts for Through<MemoryAccounts> {
    async fn ask(&self, account: AccountId, request: &AccountRequest) -> Result<AccountAnswer, Fault> {
        self.faults.call(Component::Account, self.part.ask(account, request)).await
    }
}

impl FeedObject for Through<MemoryFeed> {
    async fn ask(&self, request: &FeedRequest) -> Result<FeedAnswer, Fault> {
        self.faults.call(Component::RevocationFeed, self.part.ask(request)).await
    }
}

impl AuditLog for Through<MemoryAuditLog> {
    async fn ask(&self, request: &AuditRequest) -> Result<AuditAnswer, Fault> {
        self.faults.call(Component::AuditLog, self.part.ask(request)).await
    }
}

impl Throttles for Through<MemoryThrottles> {
    async fn ask(&self, name: &str, request: &ThrottleRequest) -> Result<ThrottleAnswer, Fault> {
        self.faults.call(Component::Throttle, self.part.ask(name, request)).await
    }
}

impl IdentityStore for Through<MemoryIdentity> {
    async fn find_by_login(&self, login: &Login) -> Result<Option<User>, Fault> {
        self.faults.call(Component::Database, self.part.find_by_login(login)).await
    }

    async fn find(&self, account: AccountId) -> Result<Option<User>, Fault> {
        self.faults.call(Component::Database, self.part.find(account)).await
    }

    async fn insert(&self, user: &User) -> Result<bool, Fault> {
        self.faults.call(Component::Database, self.part.insert(user)).await
    }

    async fn replace_password_hash(
        &self,
        account: AccountId,
        current: &PasswordHash,
        replacement: &PasswordHash,
    ) -> Result<bool, Fault> {
        let work = self.part.replace_password_hash(account, current, replacement);
        self.faults.call(Component::Database, work).await
    }

    async fn change(
        &self,
        account: AccountId,
        change: &UserChange,
        now: Timestamp,
    ) -> Result<Option<u64>, Fault> {
        self.faults.call(Component::Database, self.part.change(account, change, now)).await
    }

    async fn remove(&self, account: AccountId) -> Result<bool, Fault> {
        self.faults.call(Component::Database, self.part.remove(account)).await
    }

    async fn list(&self, query: &UserQuery) -> Result<Vec<User>, Fault> {
        self.faults.call(Component::Database, self.part.list(query)).await
    }

    async fn insert_all(&self, users: &[User]) -> Result<Vec<(AccountId, String)>, Fault> {
        self.faults.call(Component::Database, self.part.insert_all(users)).await
    }

    async fn holders(&self, users: &[User]) -> Result<Vec<(AccountId, String)>, Fault> {
        self.faults.call(Component::Database, self.part.holders(users)).await
    }

    async fn ping(&self) -> Result<(), Fault> {
        self.faults.call(Component::Database, self.part.ping()).await
    }
}
