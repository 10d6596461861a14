//! All ports of the application over the simulated platform: what an isolate or an object sees of it during one call.

use core::time::Duration;
use std::{future::Future, rc::Rc};

use postern_app::{
    events::{Event, EventSink},
    identity::{Normalizer, UnicodeTables},
    ports::{Background, Clock, Component, Fault, Randomness, Timer},
    service::Ports,
    time::Timestamp,
};
use postern_oauth::stored::memory::MemoryClients;

use crate::{
    executor::within,
    faults::Kind,
    machine::{Call, Machine},
    world::World,
};

/// How long the Worker waits for a part (`PART_TIMEOUT` in `src/js.rs`).
pub(crate) const PART_TIMEOUT: u64 = 10_000;
/// How many calls of others one request may make, on the free plan.
const SUBREQUESTS: u32 = 50;
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
        self.machine.hit(what, self.world.now());
        if what == Component::IssuerKeys.name() {
            self.world.upstream.unreached_at.set(Some(self.world.now()));
        }
        self.world.trace.note(self.world.now(), &self.machine.name, "", || format!("fault: {what}"));
    }

    /// Counts a call of another part. `false`: the platform makes no more of them for this request.
    pub(crate) fn may_call(&self) -> bool {
        let made = self.call.subrequests.get() + 1;
        self.call.subrequests.set(made);
        let over = made > SUBREQUESTS && self.world.faults.is_on(Kind::SubrequestsUsedUp);
        if over {
            self.world.faults.note(Kind::SubrequestsUsedUp, "call");
            self.hit("subrequests");
        }
        !over
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

impl Background for SimPorts {
    fn spawn(&self, work: impl Future<Output = ()> + 'static) {
        let (world, call) = (Rc::clone(&self.world), Rc::clone(&self.call));
        let cut = self.world.faults.strikes(Kind::WorkCutOff, "work");
        if cut {
            self.hit("work");
        }
        let there = Rc::clone(&self.world);
        let task = self.world.executor.spawn(self.machine.group.get(), async move {
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
                    return;
                }
            }
        });
        if cut {
            let after = there.dice.between(0, 200);
            self.world.executor.spawn(self.world.root, async move {
                there.executor.sleep(after).await;
                there.executor.cancel(task);
            });
        }
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
