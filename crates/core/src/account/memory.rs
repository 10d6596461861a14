//! Account objects in memory: what native tests use in place of Durable Objects. Not in the
//! Worker.

use core::cell::{Cell, RefCell};
use std::{collections::BTreeMap, rc::Rc};

use super::{Account, AccountAnswer, AccountRequest, Accounts, AlarmAction};
use crate::{
    ids::{AccountId, FamilyId},
    ports::{Component, Fault, memory::MemoryRecords},
    refresh::{Context, DriftPolicy, FamilyKind, Grant, Lifetimes, Secret},
    revocation::FeedObject,
};
use postern_jose::time::Timestamp;

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
    pub async fn alarm(&self, account: AccountId, feed: &impl FeedObject) -> (AlarmAction, Option<Fault>) {
        Account::new(self.records(account)).alarm(self.now.get(), feed).await
    }

    /// The accounts that were ever asked.
    pub fn all(&self) -> Vec<AccountId> {
        self.objects.borrow().keys().copied().collect()
    }

    /// Removes what has expired in one account.
    pub fn sweep(&self, account: AccountId) -> Result<AlarmAction, Fault> {
        Account::new(self.records(account)).sweep(self.now.get())
    }
}

impl Accounts for MemoryAccounts {
    async fn ask(&self, account: AccountId, request: &AccountRequest) -> Result<AccountAnswer, Fault> {
        self.asked.set(self.asked.get() + 1);
        if self.unreachable.get() {
            return Err(Fault::new(Component::Account, "unreachable"));
        }
        let served = Account::new(self.records(account)).serve(request, self.now.get());
        if self.lose_answers.get() {
            return Err(Fault::new(Component::Account, "the answer was lost"));
        }
        Ok(served.answer)
    }
}

/// The secret of the family that [`ordinary_sign_in`] opens.
pub const ORDINARY_SECRET: Secret = Secret::from_bytes([7; 32]);

/// A sign-in by a browser, no field of it longer than usual: what figures of time, size and
/// writes are taken of.
pub fn ordinary_sign_in(family: FamilyId, max_families: u16, now: Timestamp) -> AccountRequest {
    AccountRequest::Open {
        family,
        secret_hash: ORDINARY_SECRET.hash(),
        master: 1,
        grant: Grant {
            subject: "018f2f6e-9a3c-7c1e-8a55-0f9d3c1b2a77".into(),
            client_id: "postern".into(),
            scope: "read:orders write:orders".into(),
            roles: vec!["user".into()],
            tenant_id: Some("tenant-7".into()),
            amr: vec!["pwd".into()],
            auth_time: now,
        },
        lifetimes: Lifetimes::WEB,
        drift: DriftPolicy::default(),
        kind: FamilyKind::Session,
        binding: None,
        device_name: Some("Laptop".into()),
        context: Context::new(
            Some("203.0.113.7"),
            Some("AT"),
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        ),
        max_families,
        credential_version: 0,
    }
}
