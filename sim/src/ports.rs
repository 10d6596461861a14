//! All ports of the application over the simulated platform: what an isolate or an object sees of it during one call.

use core::time::Duration;
use std::{future::Future, rc::Rc};

use postern_app::{
    account::{AccountAnswer, AccountRequest, Accounts},
    audit::{AuditAnswer, AuditLog, AuditRequest},
    client_documents::{ClientDocumentAnswer, ClientDocumentObjects, ClientDocumentRequest},
    events::{Event, EventSink},
    identity::{IdentityStore, Login, Normalizer, PasswordHash, UnicodeTables, User, UserChange, UserQuery},
    ids::AccountId,
    issuer_keys::{IssuerKeysAnswer, IssuerKeysObjects, IssuerKeysRequest},
    keys::{KeyRingAnswer, KeyRingObject, KeyRingRequest},
    metrics::{MetricsAnswer, MetricsRequest, MetricsShards},
    ports::{
        Background, Bindings, CacheHeaders, Clock, Component, Document, Fault, KvStore, Randomness,
        RateLimiter, Timer,
    },
    revocation::{FeedAnswer, FeedCopy, FeedObject, FeedRequest},
    service::Ports,
    time::Timestamp,
};
use postern_core::throttle::{ThrottleAnswer, ThrottleRequest, Throttles};
use postern_oauth::stored::memory::MemoryClients;

use crate::{
    executor::within,
    faults::Kind,
    machine::{Call, Machine},
    world::World,
};

/// How long the Worker waits for a part (`PART_TIMEOUT` in `src/js.rs`).
pub(crate) const PART_TIMEOUT: u64 = 10_000;
/// How long the platform lets work go on after the answer.
const WAIT_UNTIL: u64 = 30_000;

/// The ports of one call at one machine.
#[derive(Clone)]
pub(crate) struct SimPorts {
    pub(crate) world: Rc<World>,
    pub(crate) machine: Rc<Machine>,
    pub(crate) call: Rc<Call>,
}

impl SimPorts {
    /// Notes a fault that may be seen in the answer of this call, and in what this machine answers for a while.
    pub(crate) fn hit(&self, what: &'static str) {
        self.call.hits.borrow_mut().push(what);
        self.machine.hit_at.set(Some(self.world.now()));
        if what == Component::IssuerKeys.name() {
            self.world.upstream.unreached_at.set(Some(self.world.now()));
        }
        self.world.trace.note(self.world.now(), &self.machine.name, "", || format!("fault: {what}"));
    }

    pub(crate) async fn pause(&self, millis: u64) {
        self.world.executor.sleep(millis).await;
    }

    /// The way to a part in the same data centre, or near it.
    pub(crate) fn latency(&self) -> u64 {
        self.world.dice.between(1, 12)
    }
}

impl Clock for SimPorts {
    fn now(&self) -> Timestamp {
        self.machine.clock(self.world.now())
    }
}

impl Timer for SimPorts {
    async fn sleep(&self, duration: Duration) {
        self.pause(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)).await;
    }
}

impl Randomness for SimPorts {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), Fault> {
        self.world.dice.bytes(buffer);
        Ok(())
    }
}

impl Normalizer for SimPorts {
    fn nfc(&self, text: &str) -> String {
        UnicodeTables.nfc(text)
    }

    fn nfkc(&self, text: &str) -> String {
        UnicodeTables.nfkc(text)
    }
}

impl EventSink for SimPorts {
    fn record(&self, event: &Event) {
        self.world.trace.note(self.world.now(), &self.machine.name, "", || event.to_line());
    }
}

impl KvStore for SimPorts {
    async fn read(&self, key: &str) -> Result<Option<String>, Fault> {
        let (world, faults) = (&self.world, &self.world.faults);
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
        self.pause(self.latency()).await;
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
        self.database(false, self.world.users.ping()).await
    }
}

impl Accounts for SimPorts {
    async fn ask(&self, account: AccountId, request: &AccountRequest) -> Result<AccountAnswer, Fault> {
        self.exchange(Component::Account, &account.to_string(), request).await
    }
}

impl KeyRingObject for SimPorts {
    async fn ask(&self, request: &KeyRingRequest) -> Result<KeyRingAnswer, Fault> {
        self.exchange(Component::KeyRing, "own", request).await
    }
}

impl FeedObject for SimPorts {
    async fn ask(&self, request: &FeedRequest) -> Result<FeedAnswer, Fault> {
        self.exchange(Component::RevocationFeed, "own", request).await
    }
}

impl IssuerKeysObjects for SimPorts {
    async fn ask(&self, place: &str, request: &IssuerKeysRequest) -> Result<IssuerKeysAnswer, Fault> {
        self.exchange(Component::IssuerKeys, place, request).await
    }
}

impl Throttles for SimPorts {
    async fn ask(&self, name: &str, request: &ThrottleRequest) -> Result<ThrottleAnswer, Fault> {
        self.exchange(Component::Throttle, name, request).await
    }
}

impl AuditLog for SimPorts {
    async fn ask(&self, request: &AuditRequest) -> Result<AuditAnswer, Fault> {
        self.exchange(Component::AuditLog, "own", request).await
    }
}

impl MetricsShards for SimPorts {
    async fn ask(&self, shard: u8, request: &MetricsRequest) -> Result<MetricsAnswer, Fault> {
        self.exchange(Component::Metrics, &shard.to_string(), request).await
    }

    fn write_point(&self, _: &str, _: &str) -> Result<(), Fault> {
        Err(Fault::new(Component::Metrics, "there is no data set"))
    }
}

impl ClientDocumentObjects for SimPorts {
    async fn ask(&self, _: u8, _: &ClientDocumentRequest) -> Result<ClientDocumentAnswer, Fault> {
        Err(Fault::new(Component::ClientDocuments, "no client has a document here"))
    }
}

impl RateLimiter for SimPorts {
    async fn admits(&self, _: &str, _: &str) -> Result<bool, Fault> {
        Ok(true)
    }
}

impl Bindings for SimPorts {
    async fn call(
        &self,
        _: Component,
        _: &str,
        _: &str,
        _: &str,
        _: usize,
        _: u32,
    ) -> Result<Document, Fault> {
        Ok(Document { status: 200, content_type: None, body: Vec::new(), cache: CacheHeaders::default() })
    }

    async fn send(&self, _: Component, _: &str, _: &str) -> Result<(), Fault> {
        Ok(())
    }

    fn print(&self, _: &str) {}
}

impl Background for SimPorts {
    fn spawn(&self, work: impl Future<Output = ()> + 'static) {
        let (world, call) = (Rc::clone(&self.world), Rc::clone(&self.call));
        self.world.executor.spawn(self.machine.group.get(), async move {
            let mut work = Box::pin(work);
            loop {
                let left = match call.answered.get() {
                    Some(at) => (at + WAIT_UNTIL).saturating_sub(world.now()),
                    None => WAIT_UNTIL,
                };
                if within(&world.executor, left, work.as_mut()).await.is_some() {
                    return;
                }
                if call.answered.get().is_some_and(|at| at + WAIT_UNTIL <= world.now()) {
                    world.cut_off.set(world.cut_off.get() + 1);
                    return;
                }
            }
        });
    }

    fn spawn_later(&self, delay: Duration, work: impl Future<Output = ()> + 'static) {
        let later = self.clone();
        self.spawn(async move {
            later.sleep(delay).await;
            work.await;
        });
    }
}

impl Ports for SimPorts {
    type Platform = Self;
    type Crypto = Self;
    type Log = Self;
    type Kv = Self;
    type Identity = Self;
    type Clients = MemoryClients;
    type Accounts = Self;
    type KeyRing = Self;
    type IssuerKeys = Self;
    type ClientDocuments = Self;
    type Feed = Self;
    type RateLimiter = Self;
    type Throttles = Self;
    type Bindings = Self;
    type AuditLog = Self;
    type Metrics = Self;
    type Background = Self;

    fn platform(&self) -> &Self {
        self
    }
    fn crypto(&self) -> &Self {
        self
    }
    fn log(&self) -> &Self {
        self
    }
    fn kv(&self) -> &Self {
        self
    }
    fn identity(&self) -> &Self {
        self
    }
    fn clients(&self) -> &MemoryClients {
        &self.world.clients
    }
    fn accounts(&self) -> &Self {
        self
    }
    fn key_ring(&self) -> &Self {
        self
    }
    fn issuer_keys(&self) -> &Self {
        self
    }
    fn client_documents(&self) -> &Self {
        self
    }
    fn feed(&self) -> &Self {
        self
    }
    fn rate_limiter(&self) -> &Self {
        self
    }
    fn throttles(&self) -> &Self {
        self
    }
    fn bindings(&self) -> &Self {
        self
    }
    fn audit_log(&self) -> &Self {
        self
    }
    fn metrics(&self) -> &Self {
        self
    }
    fn background(&self) -> &Self {
        self
    }
}
