//! Alarms: they ring at least once, late or twice.

use core::time::Duration;
use std::rc::Rc;

use postern_app::{
    account::Account,
    metrics::{MetricFamily, flush},
    ports::{Clock as _, Component, RING_AGAIN},
    time::Timestamp,
};
use postern_core::throttle::{Throttle, object::SWEEP_EVERY};

use crate::{
    classes::forget,
    executor::channel,
    faults::Kind,
    machine::Call,
    objects::{Instance, Object},
    ports::SimPorts,
};

/// After how long the platform rings an alarm again whose handler broke off, and how often it doubles that. It gives up
/// after six times, but does not count those that a reset of the object caused, and there are no others here.
const ALARM_BACKOFF: u64 = 2000;
const ALARM_DOUBLINGS: u32 = 9;
/// How long an alarm waits whose former one is still at work.
const LOOK_AGAIN: u64 = 50;
/// As in `src/durable_objects/revocation_feed.rs`.
const FLUSH_INTERVAL: Duration = Duration::from_mins(1);

impl SimPorts {
    pub(crate) fn set_feed_alarm(
        &self,
        object: &Rc<Object>,
        instance: &Instance,
        at: Timestamp,
        now: Timestamp,
    ) {
        let known = instance.feed_alarm_at.get();
        if now < known && known <= at {
            return;
        }
        self.set_alarm(object, at, now);
        instance.feed_alarm_at.set(at);
    }

    /// Sets the alarm, which the platform takes as an offset from now.
    pub(crate) fn set_alarm(&self, object: &Rc<Object>, at: Timestamp, now: Timestamp) {
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
            while object.is_ringing.get() {
                ports.pause(LOOK_AGAIN).await;
            }
            if object.alarm_number.get() == number && object.alarm.take().is_some() {
                object.is_ringing.set(true);
                ports.ring_until_done(&object).await;
                if world.faults.strikes(Kind::AlarmTwice, object.part.name()) {
                    ports.ring_until_done(&object).await;
                }
                object.is_ringing.set(false);
            }
        });
        self.world.executor.cancel(object.alarm_task.replace(timer));
    }

    /// The platform rings at least once: a handler that broke off is called again, unless the alarm was set meanwhile. Then
    /// it rings at that time instead.
    async fn ring_until_done(&self, object: &Rc<Object>) {
        for attempt in 0.. {
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
            if taker.await.is_some() || object.alarm.get().is_some() {
                break;
            }
            object.rings_again.set(true);
            self.pause(ALARM_BACKOFF << ALARM_DOUBLINGS.min(attempt)).await;
            if object.alarm.get().is_some() {
                break;
            }
        }
        object.rings_again.set(false);
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
