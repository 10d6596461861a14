//! The `Metrics` Durable Objects: several shards for each deployment.

use worker::{DurableObject, Env, Request, Response, State, durable_object};

use crate::{log, runtime::Runtime};
use postern_app::{
    metrics::{MetricsAnswer, MetricsRequest, Shard},
    ports::{Clock as _, Component, Fault},
};

/// Adds up the counters of all isolates.
#[durable_object(fetch)]
#[derive(Debug)]
pub struct Metrics {
    state: State,
}

impl DurableObject for Metrics {
    fn new(state: State, _env: Env) -> Self {
        Self { state }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let answer = match super::message::<MetricsRequest>(request, Component::Metrics).await {
            Ok(message) => {
                super::records(&self.state).map(|records| Shard::new(records).serve(message, Runtime.now()))
            }
            Err(fault) => Err(fault),
        };
        super::answer(&answer.unwrap_or_else(|fault: Fault| {
            log::fault(&fault);
            MetricsAnswer::Unavailable { cause: fault.cause }
        }))
    }
}
