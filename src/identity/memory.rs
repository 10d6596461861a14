//! Users in memory, with fault modes.

use core::cell::{Cell, RefCell};
use std::rc::Rc;

use super::{IdentityStore, Login, NewUser, PasswordHash, User};
use crate::{
    ids::AccountId,
    ports::{Fault, Part},
};

/// How the store behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IdentityMode {
    /// As it should.
    #[default]
    Works,
    /// Every call fails and nothing is done.
    Fails,
    /// Reading works, writing fails and nothing is written.
    FailsToWrite,
    /// Reading works; a write is done, and reported as failed.
    FailsAfterWriting,
}

/// An identity store in memory. Clones share the users.
#[derive(Debug, Clone, Default)]
pub struct MemoryIdentity {
    users: Rc<RefCell<Vec<User>>>,
    mode: Rc<Cell<IdentityMode>>,
}

impl MemoryIdentity {
    /// From now on it behaves like this.
    pub fn behave(&self, mode: IdentityMode) {
        self.mode.set(mode);
    }

    /// Changes a user in place, as an operator's SQL would; nothing happens when there is none.
    pub fn amend(&self, account: AccountId, change: impl FnOnce(&mut User)) {
        if let Some(user) = self.users.borrow_mut().iter_mut().find(|user| user.account == account) {
            change(user);
        }
    }

    fn first(&self, matches: impl Fn(&User) -> bool) -> Result<Option<User>, Fault> {
        if self.mode.get() == IdentityMode::Fails {
            return Err(told_to_fail());
        }
        Ok(self.users.borrow().iter().find(|user| matches(user)).cloned())
    }

    fn change(&self, work: impl FnOnce(&mut Vec<User>) -> bool) -> Result<bool, Fault> {
        match self.mode.get() {
            IdentityMode::Fails | IdentityMode::FailsToWrite => Err(told_to_fail()),
            IdentityMode::Works => Ok(work(&mut self.users.borrow_mut())),
            IdentityMode::FailsAfterWriting => {
                work(&mut self.users.borrow_mut());
                Err(told_to_fail())
            }
        }
    }
}

fn told_to_fail() -> Fault {
    Fault::new(Part::Database, "told to fail")
}

impl IdentityStore for MemoryIdentity {
    async fn find_by_login(&self, login: &Login) -> Result<Option<User>, Fault> {
        self.first(|user| user.login == *login)
    }

    async fn find(&self, account: AccountId) -> Result<Option<User>, Fault> {
        self.first(|user| user.account == account)
    }

    async fn insert(&self, new: &NewUser) -> Result<bool, Fault> {
        self.change(|users| {
            if users.iter().any(|user| user.login == new.login || user.account == new.account) {
                return false;
            }
            users.push(new.clone().into_user());
            true
        })
    }

    async fn replace_password_hash(
        &self,
        account: AccountId,
        current: &PasswordHash,
        replacement: &PasswordHash,
    ) -> Result<bool, Fault> {
        self.change(|users| {
            let found =
                users.iter_mut().find(|user| user.account == account && user.password_hash == *current);
            found.map(|user| user.password_hash = replacement.clone()).is_some()
        })
    }

    async fn ping(&self) -> Result<(), Fault> {
        self.first(|_| true).map(drop)
    }
}
