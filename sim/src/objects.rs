//! Durable Objects: their storage, their one thread, their alarms, and the calls to them.
//!
//! Each class does here what its class in `src/durable_objects` does: read a message, let the domain decide, carry out the
//! effects. A task of an object is dropped at any await when the object is reset; its records stay.

use core::cell::{Cell, RefCell};
use std::{future::pending, rc::Rc};

use postern_app::{
    account::{Account, AccountAnswer, AccountRequest, AlarmAction},
    audit::{AuditAnswer, AuditChain},
    issuer_keys::{IssuerKeys, IssuerKeysAnswer},
    json,
    keys::{
        KeyRingAnswer, KeyRingRequest,
        object::{KeyRingReply, Ring, RingPorts},
    },
    message::{self, Broken, Message},
    metrics::{MetricFamily, MetricsAnswer, Shard, flush},
    ports::{
        Clock as _, Component, Fault, KvStore as _, RING_AGAIN, Records as _,
        memory::{FaultMode, MemoryRecords},
    },
    revocation::{Feed, FeedAnswer, FeedRequest},
    service::{self, Isolate},
    time::Timestamp,
};
use postern_core::throttle::{Throttle, ThrottleAnswer, object::SWEEP_EVERY};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    executor::{channel, within},
    faults::Kind,
    machine::{Call, Machine},
    ports::{PART_TIMEOUT, SimPorts},
    upstream::Internet,
};

/// After this long without a call the platform puts an object out of memory.
const IDLE: u64 = 100_000;
/// How often the platform itself rings an alarm whose handler broke off, and after how long first.
const ALARM_TRIES: u32 = 6;
const ALARM_BACKOFF: u64 = 2000;
/// As in `src/durable_objects/revocation_feed.rs`.
const FLUSH_INTERVAL: core::time::Duration = core::time::Duration::from_mins(1);

/// What an object keeps in memory between calls.
pub(crate) struct Instance {
    feed: Feed<MemoryRecords>,
    feed_alarm_at: Cell<Timestamp>,
    flushed_at: Cell<Timestamp>,
    issuer_keys: Option<IssuerKeys<MemoryRecords, Internet>>,
    armed: Cell<bool>,
    /// Of the version that the object was started in.
    isolate: Rc<Isolate>,
}

/// An object, whether it is in memory or not.
pub(crate) struct Object {
    pub(crate) part: Component,
    pub(crate) name: String,
    pub(crate) records: MemoryRecords,
    pub(crate) machine: Rc<Machine>,
    instance: RefCell<Option<Rc<Instance>>>,
    /// The true time at which the alarm rings.
    pub(crate) alarm: Cell<Option<u64>>,
    alarm_number: Cell<u64>,
    alarm_task: Cell<u64>,
    used_at: Cell<u64>,
}

impl Object {
    pub(crate) fn new(part: Component, name: &str, machine: Rc<Machine>) -> Rc<Self> {
        Rc::new(Self {
            part,
            name: name.to_owned(),
            records: MemoryRecords::default(),
            machine,
            instance: RefCell::default(),
            alarm: Cell::new(None),
            alarm_number: Cell::new(0),
            alarm_task: Cell::new(0),
            used_at: Cell::new(0),
        })
    }
}

/// Why a call brought no answer.
enum Trouble {
    Broken(Broken),
    Other(&'static str),
}

impl SimPorts {
    /// Asks an object, as `exchange` in `src/durable_objects/stubs.rs` does: a passing failure is tried again, once.
    pub(crate) async fn exchange<Q: Message, A: DeserializeOwned>(
        &self,
        part: Component,
        name: &str,
        request: &Q,
    ) -> Result<A, Fault> {
        let fault = |cause: &str| Fault::new(part, cause);
        let body = json::write(request).map_err(|error| Fault::new(part, error))?;
        let object = self.world.object(part, name);
        let mut tries = 0;
        loop {
            tries += 1;
            match self.once(&object, body.clone()).await {
                Ok(answer) => return message::read(&answer).map_err(|error| Fault::new(part, error)),
                Err(Trouble::Broken(broken)) if broken.asks_again(request.is_repeatable(), tries) => {}
                Err(Trouble::Broken(broken)) => {
                    // A reset that struck once, and a message that may be repeated: no cause to fail.
                    if tries > 1 || !broken.retryable || !request.is_repeatable() {
                        self.hit(part.name());
                    }
                    return Err(fault("simulated: the call broke off"));
                }
                Err(Trouble::Other(cause)) => {
                    self.hit(part.name());
                    return Err(fault(cause));
                }
            }
        }
    }

    async fn once(&self, object: &Rc<Object>, body: String) -> Result<String, Trouble> {
        let (world, faults, part) = (&self.world, &self.world.faults, object.part);
        if faults.strikes_part(Kind::ObjectUnreachable, part) {
            self.pause(self.latency()).await;
            return Err(Trouble::Other("simulated: unreachable"));
        }
        let (mut there, back) = (self.latency(), self.latency());
        if faults.strikes_part(Kind::ObjectSlow, part) {
            there += world.dice.between(1000, 15_000);
        }
        let loses = faults.strikes_part(Kind::ObjectAnswerLost, part);
        let (giver, taker) = channel();
        let at = Self { machine: Rc::clone(&object.machine), ..self.clone() };
        let object_there = Rc::clone(object);
        world.executor.spawn(object.machine.group.get(), async move {
            at.pause(there).await;
            let served = at.serve(&object_there, &body).await;
            at.pause(back).await;
            if loses {
                pending::<()>().await;
            }
            giver.give(served);
        });
        world.trace.note(world.now(), &self.machine.name, &object.machine.name, || "asks".to_owned());
        if faults.strikes_part(Kind::ObjectReset, part) {
            let (later, object, after) = (self.clone(), Rc::clone(object), world.dice.between(0, 25));
            world.executor.spawn(world.root, async move {
                later.pause(after).await;
                later.world.reset(&object);
            });
        }
        match within(&world.executor, PART_TIMEOUT, taker).await {
            None => Err(Trouble::Other("simulated: no answer within the time limit")),
            Some(None) => Err(Trouble::Broken(Broken { retryable: true, overloaded: false })),
            Some(Some(answer)) => Ok(answer),
        }
    }

    /// At the object: one message.
    async fn serve(&self, object: &Rc<Object>, body: &str) -> String {
        let faults = &self.world.faults;
        // The classes that decide without waiting: nothing else can have been written meanwhile.
        let is_sync = !matches!(object.part, Component::KeyRing | Component::IssuerKeys);
        let crashes = is_sync && faults.strikes_part(Kind::ObjectCrash, object.part);
        let before = crashes.then(|| (object.records.snapshot(), object.alarm.get()));
        if faults.strikes_part(Kind::ObjectStorage, object.part) {
            let nth = u32::try_from(self.world.dice.below(5)).unwrap_or(0);
            let mode = [FaultMode::FailCall(nth), FaultMode::FailAfterPersisting(nth), FaultMode::FailWrites];
            object.records.break_with(mode[self.world.dice.below(3)]);
            self.hit("storage");
        }
        self.world.ledger.mute(before.is_some());
        let answer = self.answer(object, body).await;
        self.world.ledger.mute(false);
        object.records.break_with(FaultMode::None);
        if let Some((before, alarm)) = before {
            // Nothing of it left the machine: the output gate holds answers until writes are on disk.
            object.records.restore(before);
            object.alarm.set(None);
            if let Some(alarm) = alarm {
                let left = core::time::Duration::from_millis(alarm.saturating_sub(self.world.now()));
                self.set_alarm(object, self.now().plus(left), self.now());
            }
            self.hit("crash");
            self.world.reset(object);
            pending::<()>().await;
        }
        answer
    }

    fn instance(&self, object: &Rc<Object>) -> Rc<Instance> {
        let now = self.world.now();
        let idle = now.saturating_sub(object.used_at.replace(now)) > IDLE;
        if idle {
            object.instance.take();
        }
        let make = || {
            let records = || object.records.clone();
            let of_issuer = object.part == Component::IssuerKeys;
            Rc::new(Instance {
                feed: Feed::new(records()),
                feed_alarm_at: Cell::default(),
                flushed_at: Cell::default(),
                issuer_keys: of_issuer.then(|| IssuerKeys::new(records(), Internet(Rc::clone(&self.world)))),
                armed: Cell::new(false),
                isolate: self.world.isolate_of_some_version(),
            })
        };
        Rc::clone(object.instance.borrow_mut().get_or_insert_with(make))
    }

    async fn answer(&self, object: &Rc<Object>, body: &str) -> String {
        let instance = self.instance(object);
        let (records, now, part) = (object.records.clone(), self.now(), object.part);
        let read = |error: json::ReadError| Fault::new(part, error);
        match part {
            Component::Account => {
                let answer = match message::read(body).map_err(read) {
                    Ok(request) => self.serve_account(object, &request),
                    Err(fault) => AccountAnswer::Unavailable { cause: fault.cause },
                };
                text(&answer)
            }
            Component::RevocationFeed => {
                let answer = match message::read::<FeedRequest>(body).map_err(read) {
                    Ok(request) => {
                        let served = instance.feed.serve(&request, now, &instance.isolate.feed_policy);
                        if let (FeedRequest::Add { entries }, FeedAnswer::Taken) = (&request, &served.answer)
                        {
                            self.world.ledger.listed(entries, self.world.now());
                        }
                        if let Some(at) = served.alarm {
                            self.set_feed_alarm(object, &instance, at, now);
                        }
                        served.answer
                    }
                    Err(fault) => FeedAnswer::Unavailable { cause: fault.cause },
                };
                text(&answer)
            }
            Component::KeyRing => match message::read(body).map_err(read) {
                Ok(request) => text(&self.serve_ring(object, &instance, Some(request)).await),
                Err(fault) => text(&KeyRingAnswer::Unavailable { part: fault.part }),
            },
            Component::IssuerKeys => {
                let jitter = u16::try_from(self.world.dice.word() & 0xffff).unwrap_or(0);
                match (message::read(body), &instance.issuer_keys) {
                    (Ok(request), Some(keys)) => text(&keys.serve(&request, now, jitter).await),
                    _ => text(&IssuerKeysAnswer::Unavailable {
                        cause: postern_app::issuer_keys::Unavailable::Storage,
                        why: String::new(),
                        retry_after: 1,
                    }),
                }
            }
            Component::Throttle => match message::read(body).map_err(read) {
                Ok(request) => {
                    let answer = Throttle::new(records).serve(&request, now);
                    if !instance.armed.replace(true) && object.alarm.get().is_none() {
                        self.set_alarm(object, now.plus(SWEEP_EVERY), now);
                    }
                    text(&answer)
                }
                Err(fault) => text(&ThrottleAnswer::Unavailable { cause: fault.cause }),
            },
            Component::AuditLog => match message::read(body).map_err(read) {
                Ok(request) => text(&AuditChain::new(records).serve(request, now, &instance.isolate.masters)),
                Err(fault) => text(&AuditAnswer::Unavailable { cause: fault.cause }),
            },
            _ => match message::read(body).map_err(read) {
                Ok(request) => text(&Shard::new(records).serve(request, now)),
                Err(fault) => text(&MetricsAnswer::Unavailable { cause: fault.cause }),
            },
        }
    }

    fn serve_account(&self, object: &Rc<Object>, request: &AccountRequest) -> AccountAnswer {
        let now = self.now();
        let served = Account::new(object.records.clone()).serve(request, now);
        self.world.ledger.account(request, &served.answer, &self.call, self.world.now());
        self.keep_up(object, served.alarm, now);
        served.answer
    }

    fn keep_up(&self, object: &Rc<Object>, alarm: AlarmAction, now: Timestamp) {
        match alarm {
            AlarmAction::Unchanged => {}
            AlarmAction::Alarm(at) => self.set_alarm(object, at, now),
            AlarmAction::Empty => forget(object),
        }
    }

    async fn serve_ring(
        &self,
        object: &Rc<Object>,
        instance: &Instance,
        request: Option<KeyRingRequest>,
    ) -> KeyRingAnswer {
        let isolate = &instance.isolate;
        let ring = Ring::new(object.records.clone());
        let ports = RingPorts {
            signer: self,
            randomness: self,
            masters: &isolate.masters,
            policy: &isolate.ring_policy,
        };
        let now = self.now();
        let served = match &request {
            Some(request) => ring.serve(request, now, &ports).await,
            None => ring.alarm(now, &ports).await,
        };
        let KeyRingReply { answer, alarm, publish, steps, .. } = served;
        for step in &steps {
            self.world.trace.note(self.world.now(), &self.machine.name, "", || format!("{step:?}"));
        }
        if let Some(at) = alarm {
            self.set_alarm(object, at, now);
        }
        if let Some(set) = publish {
            let issuer = &isolate.config.issuer;
            if let Ok(snapshot) = service::own_snapshot(issuer, &set, self.now()) {
                // A lost write only delays a change: the ring publishes every hour.
                let _ = self.write(&service::kv_key(issuer), &text(&snapshot)).await;
            }
        }
        answer
    }

    fn set_feed_alarm(&self, object: &Rc<Object>, instance: &Instance, at: Timestamp, now: Timestamp) {
        let known = instance.feed_alarm_at.get();
        if now < known && known <= at {
            return;
        }
        self.set_alarm(object, at, now);
        instance.feed_alarm_at.set(at);
    }

    /// Sets the alarm, which the platform takes as an offset from now.
    fn set_alarm(&self, object: &Rc<Object>, at: Timestamp, now: Timestamp) {
        let offset = u64::try_from(at.since(now).as_millis()).unwrap_or(u64::MAX);
        let number = object.alarm_number.get() + 1;
        object.alarm_number.set(number);
        object.alarm.set(Some(self.world.now().saturating_add(offset)));
        let (ports, there) = (self.clone(), Rc::clone(object));
        let timer = self.world.executor.spawn(self.world.root, async move {
            let object = there;
            ports.pause(offset).await;
            // From here on it rings, whatever is set meanwhile.
            object.alarm_task.set(0);
            // Another time was set meanwhile.
            if object.alarm_number.get() != number || object.alarm.get().is_none() {
                return;
            }
            let world = &ports.world;
            if world.faults.strikes(Kind::AlarmLate, object.part.name()) {
                world.alarm_late_at.set(Some(world.now() + 20_000));
                ports.pause(world.dice.between(100, 20_000)).await;
            }
            if object.alarm_number.get() == number && object.alarm.take().is_some() {
                ports.ring_until_done(&object).await;
                if world.faults.strikes(Kind::AlarmTwice, object.part.name()) {
                    ports.ring_until_done(&object).await;
                }
            }
        });
        self.world.executor.cancel(object.alarm_task.replace(timer));
    }

    /// The platform rings at least once: a handler that broke off is called again, a few times.
    async fn ring_until_done(&self, object: &Rc<Object>) {
        for attempt in 0..ALARM_TRIES {
            let (giver, taker) = channel();
            let call = Call::new("alarm", self.world.now());
            let at = Self { machine: Rc::clone(&object.machine), call, world: Rc::clone(&self.world) };
            let there = Rc::clone(object);
            self.world.executor.spawn(object.machine.group.get(), async move {
                at.ring(&there).await;
                giver.give(());
            });
            if self.world.faults.strikes_part(Kind::ObjectReset, object.part) {
                self.pause(self.world.dice.between(0, 25)).await;
                self.world.reset(object);
            }
            if taker.await.is_some() {
                return;
            }
            self.pause(ALARM_BACKOFF << attempt).await;
        }
    }

    async fn ring(&self, object: &Rc<Object>) {
        let instance = self.instance(object);
        let now = self.now();
        self.world.trace.note(self.world.now(), &self.machine.name, "", || "the alarm rings".to_owned());
        match object.part {
            Component::Account => {
                let account = Account::new(object.records.clone());
                let (alarm, _) = account.alarm(now, self).await;
                self.keep_up(object, alarm, self.now());
            }
            Component::RevocationFeed => {
                instance.feed_alarm_at.take();
                let isolate = &instance.isolate;
                let alarmed = instance.feed.alarm(now, self, &isolate.feed_key, &isolate.feed_policy).await;
                if let Some(written) = alarmed.written {
                    let result = if written { "success" } else { "failure" };
                    isolate.counters.add(MetricFamily::FeedWrites, result, "");
                }
                if alarmed.written == Some(false) || now.is_due(instance.flushed_at.get(), FLUSH_INTERVAL) {
                    instance.flushed_at.set(now);
                    let _ = flush(&isolate.counters, self, self, None).await;
                }
                self.set_feed_alarm(object, &instance, alarmed.next, now);
            }
            Component::KeyRing => {
                self.serve_ring(object, &instance, None).await;
            }
            Component::Throttle => {
                instance.armed.set(false);
                match Throttle::new(object.records.clone()).sweep(now) {
                    Ok(true) => self.set_alarm(object, now.plus(SWEEP_EVERY), now),
                    Ok(false) => forget(object),
                    Err(_) => self.set_alarm(object, now.plus(RING_AGAIN), now),
                }
            }
            _ => {}
        }
    }
}

fn forget(object: &Object) {
    object.records.restore(std::collections::BTreeMap::new());
    object.alarm.set(None);
}

fn text(answer: &impl Serialize) -> String {
    json::write(answer).expect("an answer is JSON")
}

/// How many rows all objects of a part have.
pub(crate) fn rows(object: &Object) -> usize {
    object.records.snapshot().len()
}

/// Whether an Account object has something left to tell the feed.
pub(crate) fn has_outbox(object: &Object) -> bool {
    object.records.scan("outbox").is_ok_and(|rows| !rows.is_empty())
}

impl Object {
    /// Its instance is gone from memory.
    pub(crate) fn forget_instance(&self) {
        self.instance.take();
    }
}
