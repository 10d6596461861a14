//! Durable Objects: their storage, their one thread, their alarms, and the calls to them.
//!
//! A task of an object is dropped at any await when the object is reset; its records stay.

use core::cell::{Cell, RefCell};
use std::{future::pending, rc::Rc};

use postern_app::{
    issuer_keys::IssuerKeys,
    json,
    message::{self, Broken, Message},
    ports::{
        Clock as _, Component, Fault, Records as _,
        memory::{FaultMode, MemoryRecords},
    },
    revocation::Feed,
    service::Isolate,
    time::Timestamp,
};
use serde::de::DeserializeOwned;

use crate::{
    dialect,
    executor::{channel, within},
    faults::Kind,
    machine::Machine,
    ports::{PART_TIMEOUT, SimPorts},
    upstream::Internet,
};

/// After this long without a call the platform puts an object out of memory.
const IDLE: u64 = 100_000;

/// What an object keeps in memory between calls.
pub(crate) struct Instance {
    pub(crate) feed: Feed<MemoryRecords>,
    pub(crate) feed_alarm_at: Cell<Timestamp>,
    pub(crate) flushed_at: Cell<Timestamp>,
    pub(crate) issuer_keys: Option<IssuerKeys<MemoryRecords, Internet>>,
    pub(crate) armed: Cell<bool>,
    /// Of the version that the object was started in.
    pub(crate) isolate: Rc<Isolate>,
}

/// An object, whether it is in memory or not.
pub(crate) struct Object {
    pub(crate) part: Component,
    pub(crate) name: String,
    pub(crate) records: MemoryRecords,
    pub(crate) machine: Rc<Machine>,
    pub(crate) instance: RefCell<Option<Rc<Instance>>>,
    /// The true time at which the alarm rings.
    pub(crate) alarm: Cell<Option<u64>>,
    /// Whether its alarm's handler runs: the platform runs one at a time.
    pub(crate) is_ringing: Cell<bool>,
    /// Whether the handler broke off, and the platform has not rung again with success.
    pub(crate) rings_again: Cell<bool>,
    pub(crate) alarm_number: Cell<u64>,
    pub(crate) alarm_task: Cell<u64>,
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
            is_ringing: Cell::new(false),
            rings_again: Cell::new(false),
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
        let own = self.machine.dialect.get();
        let Some(body) = own.said(part, dialect::Side::Request, body) else {
            self.differ();
            return Err(fault("simulated: the former version has no such message"));
        };
        if !self.may_call() {
            return Err(fault("simulated: too many subrequests"));
        }
        let (began_at, mut tries) = (self.world.now(), 0);
        loop {
            tries += 1;
            // As there, too: one time limit for both tries.
            let left = PART_TIMEOUT.saturating_sub(self.world.now() - began_at);
            match self.once(&object, body.clone(), left).await {
                Ok(answer) => {
                    let Some(answer) = own.heard(part, dialect::Side::Answer, answer) else {
                        self.differ();
                        return Err(fault("simulated: the former version cannot read the answer"));
                    };
                    return message::read(&answer).map_err(|error| Fault::new(part, error));
                }
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

    async fn once(&self, object: &Rc<Object>, body: String, limit: u64) -> Result<String, Trouble> {
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
        let said = if world.trace.keeps() { body.clone() } else { String::new() };
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
        world.trace.note(world.now(), &self.machine.name, &object.machine.name, || format!("asks {said}"));
        if faults.strikes_part(Kind::ObjectReset, part) {
            let (later, object, after) = (self.clone(), Rc::clone(object), world.dice.between(0, 25));
            world.executor.spawn(world.root, async move {
                later.pause(after).await;
                later.world.reset(&object);
            });
        }
        match within(&world.executor, limit, taker).await {
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
            if object.part == Component::IssuerKeys {
                self.world.upstream.unreached_at.set(Some(self.world.now()));
            }
        }
        self.world.ledger.mute(before.is_some());
        let answer = self.in_its_dialect(object, body).await;
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

    /// Two versions do not understand each other: which calls that may concern, the judge knows.
    fn differ(&self) {
        self.world.faults.note(Kind::OlderMessages, "message");
        self.world.trace.note(self.world.now(), &self.machine.name, "", || "versions differ".to_owned());
    }

    /// Answers as the version of the object does.
    async fn in_its_dialect(&self, object: &Rc<Object>, body: &str) -> String {
        self.instance(object);
        let (own, part) = (object.machine.dialect.get(), object.part);
        let Some(body) = own.heard(part, dialect::Side::Request, body.to_owned()) else {
            self.differ();
            // As it answers whatever it cannot read.
            return self.answer(object, "?").await;
        };
        let answer = self.answer(object, &body).await;
        own.said(part, dialect::Side::Answer, answer).unwrap_or_default()
    }

    pub(crate) fn instance(&self, object: &Rc<Object>) -> Rc<Instance> {
        let now = self.world.now();
        let idle = now.saturating_sub(object.used_at.replace(now)) > IDLE;
        if idle {
            object.instance.take();
        }
        let make = || {
            let records = || object.records.clone();
            let (isolate, dialect) = self.world.isolate_of_some_version();
            object.machine.dialect.set(dialect);
            let of_issuer = object.part == Component::IssuerKeys;
            Rc::new(Instance {
                feed: Feed::new(records()),
                feed_alarm_at: Cell::default(),
                flushed_at: Cell::default(),
                issuer_keys: of_issuer.then(|| IssuerKeys::new(records(), Internet(Rc::clone(&self.world)))),
                armed: Cell::new(false),
                isolate,
            })
        };
        Rc::clone(object.instance.borrow_mut().get_or_insert_with(make))
    }
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
