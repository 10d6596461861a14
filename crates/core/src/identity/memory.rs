//! Users in memory, with fault modes.

use core::cell::{Cell, RefCell};
use std::rc::Rc;

use super::{IdentityStore, Login, PasswordHash, User, UserChange, UserQuery};
use crate::{
    ids::AccountId,
    ports::{Component, Fault},
};
use postern_jose::time::Timestamp;

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
    /// The same once, and from then on every call fails.
    FailsFromAWriteOn,
}

/// An identity store in memory. Clones share the users.
#[derive(Debug, Clone, Default)]
pub struct MemoryIdentity {
    users: Rc<RefCell<Vec<User>>>,
    mode: Rc<Cell<IdentityMode>>,
    asked: Rc<Cell<u64>>,
}

impl MemoryIdentity {
    /// How many calls were made, failed or not.
    pub fn asked(&self) -> u64 {
        self.asked.get()
    }

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
        self.asked.set(self.asked.get() + 1);
        if self.mode.get() == IdentityMode::Fails {
            return Err(told_to_fail());
        }
        Ok(self.users.borrow().iter().find(|user| matches(user)).cloned())
    }

    fn write<T>(&self, work: impl FnOnce(&mut Vec<User>) -> T) -> Result<T, Fault> {
        self.asked.set(self.asked.get() + 1);
        match self.mode.get() {
            IdentityMode::Fails | IdentityMode::FailsToWrite => Err(told_to_fail()),
            IdentityMode::Works => Ok(work(&mut self.users.borrow_mut())),
            IdentityMode::FailsAfterWriting => {
                work(&mut self.users.borrow_mut());
                Err(told_to_fail())
            }
            IdentityMode::FailsFromAWriteOn => {
                work(&mut self.users.borrow_mut());
                self.mode.set(IdentityMode::Fails);
                Err(told_to_fail())
            }
        }
    }
}

/// Whether one of `users` has the login or the id of `other`.
fn is_held(users: &[User], other: &User) -> bool {
    users.iter().any(|user| user.login == other.login || user.account == other.account)
}

fn told_to_fail() -> Fault {
    Fault::new(Component::Database, "told to fail")
}

impl IdentityStore for MemoryIdentity {
    async fn find_by_login(&self, login: &Login) -> Result<Option<User>, Fault> {
        self.first(|user| user.login == *login)
    }

    async fn find(&self, account: AccountId) -> Result<Option<User>, Fault> {
        self.first(|user| user.account == account)
    }

    async fn insert(&self, new: &User) -> Result<bool, Fault> {
        self.write(|users| {
            let taken = is_held(users, new);
            if !taken {
                users.push(new.clone());
            }
            !taken
        })
    }

    async fn replace_password_hash(
        &self,
        account: AccountId,
        current: &PasswordHash,
        replacement: &PasswordHash,
    ) -> Result<bool, Fault> {
        self.write(|users| {
            let found =
                users.iter_mut().find(|user| user.account == account && user.password_hash == *current);
            found.map(|user| user.password_hash = replacement.clone()).is_some()
        })
    }

    async fn change(
        &self,
        account: AccountId,
        change: &UserChange,
        now: Timestamp,
    ) -> Result<Option<u64>, Fault> {
        self.write(|users| {
            let user = users.iter_mut().find(|user| user.account == account)?;
            match change {
                UserChange::Password { credential_version, .. }
                | UserChange::Grants { credential_version, .. }
                    if user.credential_version != *credential_version =>
                {
                    return None;
                }
                UserChange::Password { hash, .. } => user.password_hash = hash.clone(),
                UserChange::Disabled(disabled) => user.disabled = *disabled,
                UserChange::Grants { grants, .. } => user.grants.clone_from(grants),
                UserChange::EmailVerified => {
                    user.email_verified = true;
                    return Some(user.credential_version);
                }
            }
            user.credential_version = now.millis().max(user.credential_version + 1);
            Some(user.credential_version)
        })
    }

    async fn remove(&self, account: AccountId) -> Result<bool, Fault> {
        self.write(|users| {
            let before = users.len();
            users.retain(|user| user.account != account);
            users.len() < before
        })
    }

    async fn list(&self, query: &UserQuery) -> Result<Vec<User>, Fault> {
        self.first(|_| true)?;
        let mut users = self.users.borrow().clone();
        users.sort_by(|one, other| one.login.cmp(&other.login));
        users.retain(|user| {
            let id = query.part_of_id();
            let contains = user.login.as_str().contains(&query.part_of_login())
                || (!id.is_empty() && user.account.to_string().contains(id));
            contains
                && user.login.as_str().starts_with(&query.prefix)
                && query.after.as_ref().is_none_or(|after| user.login > *after)
        });
        users.truncate(usize::from(query.limit));
        Ok(users)
    }

    async fn insert_all(&self, new: &[User]) -> Result<Vec<(AccountId, String)>, Fault> {
        self.write(|users| {
            let mut made = Vec::new();
            for new in new {
                if !is_held(users, new) {
                    users.push(new.clone());
                    made.push((new.account, new.login.as_str().to_owned()));
                }
            }
            made
        })
    }

    async fn holders(&self, new: &[User]) -> Result<Vec<(AccountId, String)>, Fault> {
        self.first(|_| true)?;
        let held = |user: &&User| is_held(new, user);
        let users = self.users.borrow();
        Ok(users.iter().filter(held).map(|user| (user.account, user.login.as_str().to_owned())).collect())
    }

    async fn ping(&self) -> Result<(), Fault> {
        self.first(|_| true).map(drop)
    }
}
