//! The `KeyRing` Durable Object: one for each deployment.

use worker::{DurableObject, Env, Request, Response, State, durable_object};

use super::stubs::MetricsStubs;
use crate::{crypto::WebCrypto, isolate, kv::Kv, log, runtime::Runtime};
use postern_app::{
    jose::PublicJwkSet,
    keys::{
        KeyRingAnswer,
        object::{KeyRingReply, Ring, RingPorts},
    },
    metrics::flush,
    ports::{Clock as _, Component, Fault, KvStore as _},
    service,
};

/// Generates, stores and retires the deployment's signing keys, and publishes their public keys to KV.
#[durable_object(alarm)]
#[derive(Debug)]
pub struct KeyRing {
    state: State,
    env: Env,
}

impl DurableObject for KeyRing {
    fn new(state: State, env: Env) -> Self {
        Self { state, env }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let served = match super::message(request, Component::KeyRing).await {
            Ok(request) => self.serve(Some(request)).await,
            Err(fault) => Err(fault),
        };
        let reply = served.unwrap_or_else(|fault| {
            log::fault(&fault);
            KeyRingAnswer::Unavailable { part: fault.part }
        });
        super::answer(&reply)
    }

    async fn alarm(&self) -> worker::Result<Response> {
        super::rung(&self.state, self.serve(None).await.map(drop)).await
    }
}

impl KeyRing {
    /// Serves a request, or without one the steps that are due by the rotation calendar.
    async fn serve(
        &self,
        request: Option<postern_app::keys::KeyRingRequest>,
    ) -> Result<KeyRingAnswer, Fault> {
        let isolate = isolate::of(&self.env)
            .map_err(|_| Fault::new(Component::KeyRing, "the configuration is not valid"))?;
        let ring = Ring::new(super::records(&self.state)?);
        let ports = RingPorts {
            signer: &WebCrypto,
            randomness: &Runtime,
            masters: &isolate.masters,
            policy: &isolate.ring_policy,
        };
        let now = Runtime.now();
        let served = match &request {
            Some(request) => ring.serve(request, now, &ports).await,
            None => ring.alarm(now, &ports).await,
        };
        let KeyRingReply { answer, alarm, publish, steps, fault } = served;
        if let Some(fault) = fault {
            log::fault(&fault);
        }
        log::key_steps(&steps, now);
        if !steps.is_empty() {
            // The object can be alone in its isolate, where no request would flush the counters.
            let dataset = isolate.config.metrics.dataset.as_deref();
            let shards = MetricsStubs(self.env.clone().into());
            if let Err(fault) = flush(&isolate.counters, &Runtime, &shards, dataset).await {
                log::fault(&fault);
            }
        }
        if let Some(at) = alarm {
            super::set_alarm(&self.state, at, now).await?;
        }
        if let Some(set) = publish {
            // The key ring publishes every hour, so a lost write only delays a change.
            if let Err(fault) = self.publish(&set).await {
                log::fault(&fault);
            }
        }
        Ok(answer)
    }
}

impl KeyRing {
    async fn publish(&self, set: &PublicJwkSet) -> Result<(), Fault> {
        let isolate = isolate::of(&self.env)
            .map_err(|_| Fault::new(Component::KeyRing, "the configuration is not valid"))?;
        let issuer = &isolate.config.issuer;
        let snapshot = service::own_snapshot(issuer, set, Runtime.now())?;
        let text =
            postern_app::json::write(&snapshot).map_err(|error| Fault::new(Component::KeyRing, error))?;
        Kv(self.env.clone().into()).write(&service::kv_key(issuer), &text).await
    }
}
