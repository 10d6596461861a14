//! What each class of objects does with a message: as its class in `src/durable_objects`, it lets the domain decide, and
//! carries out the effects.

use std::rc::Rc;

use postern_app::{
    account::{Account, AccountAnswer, AccountRequest, AlarmAction},
    audit::{AuditAnswer, AuditChain},
    issuer_keys::IssuerKeysAnswer,
    json,
    keys::{
        KeyRingAnswer, KeyRingRequest,
        object::{KeyRingReply, Ring, RingPorts},
    },
    message,
    metrics::{MetricsAnswer, Shard},
    ports::{Clock as _, Component, Fault, KvStore as _},
    revocation::{FeedAnswer, FeedRequest},
    service,
    time::Timestamp,
};
use postern_core::throttle::{Throttle, ThrottleAnswer, object::SWEEP_EVERY};
use serde::Serialize;

use crate::{
    objects::{Instance, Object},
    ports::SimPorts,
};

impl SimPorts {
    pub(crate) async fn answer(&self, object: &Rc<Object>, body: &str) -> String {
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
                Ok(request) => {
                    let answer = AuditChain::new(records).serve(request, now, &instance.isolate.masters);
                    if let AuditAnswer::Appended { .. } = answer {
                        self.world.ledger.appended();
                    }
                    text(&answer)
                }
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

    pub(crate) fn keep_up(&self, object: &Rc<Object>, alarm: AlarmAction, now: Timestamp) {
        match alarm {
            AlarmAction::Unchanged => {}
            AlarmAction::Alarm(at) => self.set_alarm(object, at, now),
            AlarmAction::Empty => forget(object),
        }
    }

    pub(crate) async fn serve_ring(
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
}

pub(crate) fn forget(object: &Object) {
    object.records.restore(std::collections::BTreeMap::new());
    object.alarm.set(None);
}

fn text(answer: &impl Serialize) -> String {
    json::write(answer).expect("an answer is JSON")
}
