//! KV and D1 as an isolate or an object sees them during one call.

use std::{future::Future, rc::Rc};

use postern_app::{
    identity::{IdentityStore, Login, PasswordHash, User, UserChange, UserQuery},
    ids::AccountId,
    ports::{Clock as _, Component, Fault, KvStore},
    revocation::FeedCopy,
    time::Timestamp,
};

use crate::{
    faults::Kind,
    ports::{PART_TIMEOUT, SimPorts},
};

impl KvStore for SimPorts {
    async fn read(&self, key: &str) -> Result<Option<String>, Fault> {
        let (world, faults) = (&self.world, &self.world.faults);
        if !self.may_call() {
            return Err(Fault::new(Component::Kv, "simulated: too many subrequests"));
        }
        self.pause(self.latency()).await;
        if faults.strikes(Kind::KvReads, "read") {
            self.hit("kv");
            if world.dice.percent(30) {
                self.pause(PART_TIMEOUT).await;
            }
            return Err(Fault::new(Component::Kv, "simulated: a read fails"));
        }
        if key.starts_with("revocations:") && faults.strikes(Kind::KvGarbage, "feed") {
            self.hit("kv");
            // As a clock that was wrong would have left it: an empty feed of next year.
            let future = Timestamp::from_millis(self.now().millis() + 31_622_400_000);
            let future = FeedCopy::new(future, None, [].into_iter(), [].into_iter()).encode();
            let garbage = ["", "<html>", "postern-feed.1.AAAA", "postern-feed.9.", "{}", &future];
            return Ok(Some(garbage[world.dice.below(garbage.len())].to_owned()));
        }
        let is_stale = faults.is_on(Kind::KvStale);
        if is_stale {
            faults.note(Kind::KvStale, "read");
        }
        Ok(world.kv.read(key, self.machine.region, world.now(), is_stale, &world.dice))
    }

    async fn write(&self, key: &str, value: &str) -> Result<(), Fault> {
        let (world, faults) = (&self.world, &self.world.faults);
        if !self.may_call() {
            return Err(Fault::new(Component::Kv, "simulated: too many subrequests"));
        }
        // It is answered when the central stores have it.
        self.pause(world.dice.between(50, 600)).await;
        if faults.strikes(Kind::KvReadOnly, "write") {
            self.hit("kv");
            world.kv_failed_at.set(Some(world.now()));
            return Err(Fault::new(Component::Kv, "simulated: no writes"));
        }
        if faults.strikes(Kind::KvLateWrite, "write") {
            self.hit("kv");
            let (late, key, value) = (world.dice.between(0, 20_000), key.to_owned(), value.to_owned());
            let there = Rc::clone(world);
            world.kv_failed_at.set(Some(world.now() + PART_TIMEOUT + late));
            world.executor.spawn(world.root, async move {
                there.executor.sleep(PART_TIMEOUT + late).await;
                there.trace.note(there.now(), "kv", "", || "a write that was given up arrives".to_owned());
                there.kv.write(&key, &value, there.now());
            });
            self.pause(PART_TIMEOUT).await;
            return Err(Fault::new(Component::Kv, "simulated: no answer within the time limit"));
        }
        world
            .trace
            .note(world.now(), &self.machine.name, "kv", || format!("write {}", &key[..key.len().min(20)]));
        if world.kv.write(key, value, world.now()) {
            world.kv.answer(key, value);
            return Ok(());
        }
        world.refused_writes.set(world.refused_writes.get() + 1);
        self.hit("kv");
        world.kv_failed_at.set(Some(world.now()));
        Err(Fault::new(Component::Kv, "KV PUT failed: 429 Too Many Requests"))
    }
}

impl SimPorts {
    /// One statement of D1.
    async fn database<T>(
        &self,
        writes: bool,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let faults = &self.world.faults;
        let fault = |what: &str| Err(Fault::new(Component::Database, what));
        let name = if writes { "write" } else { "read" };
        if !self.may_call() {
            return fault("simulated: too many subrequests");
        }
        self.pause(self.latency()).await;
        if faults.strikes(Kind::DatabaseFails, name) {
            self.hit("database");
            return fault("simulated: failed");
        }
        if faults.strikes(Kind::DatabaseHangs, name) {
            self.hit("database");
            if self.world.dice.percent(50) {
                let _ = work.await;
            }
            self.pause(PART_TIMEOUT).await;
            return fault("simulated: no answer within the time limit");
        }
        let done = work.await;
        self.pause(self.latency()).await;
        if faults.strikes(Kind::DatabaseAnswerLost, name) {
            self.hit("database");
            return fault("simulated: the answer was lost");
        }
        done
    }
}

impl IdentityStore for SimPorts {
    async fn find_by_login(&self, login: &Login) -> Result<Option<User>, Fault> {
        self.database(false, self.world.users.find_by_login(login)).await
    }

    async fn find(&self, account: AccountId) -> Result<Option<User>, Fault> {
        self.database(false, self.world.users.find(account)).await
    }

    async fn insert(&self, user: &User) -> Result<bool, Fault> {
        self.database(true, self.world.users.insert(user)).await
    }

    async fn replace_password_hash(
        &self,
        account: AccountId,
        current: &PasswordHash,
        replacement: &PasswordHash,
    ) -> Result<bool, Fault> {
        self.database(true, self.world.users.replace_password_hash(account, current, replacement)).await
    }

    async fn change(
        &self,
        account: AccountId,
        change: &UserChange,
        now: Timestamp,
    ) -> Result<Option<u64>, Fault> {
        self.database(true, self.world.users.change(account, change, now)).await
    }

    async fn remove(&self, account: AccountId) -> Result<bool, Fault> {
        self.database(true, self.world.users.remove(account)).await
    }

    async fn list(&self, query: &UserQuery) -> Result<Vec<User>, Fault> {
        self.database(false, self.world.users.list(query)).await
    }

    async fn insert_all(&self, users: &[User]) -> Result<Vec<(AccountId, String)>, Fault> {
        self.database(true, self.world.users.insert_all(users)).await
    }

    async fn holders(&self, users: &[User]) -> Result<Vec<(AccountId, String)>, Fault> {
        self.database(false, self.world.users.holders(users)).await
    }

    async fn ping(&self) -> Result<(), Fault> {
        self.world.probes.set(self.world.probes.get() + 1);
        self.database(false, self.world.users.ping()).await
    }
}
