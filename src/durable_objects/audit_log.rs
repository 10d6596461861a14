//! The `AuditLog` Durable Object: one for each deployment.

use worker::{DurableObject, Env, Request, Response, State, durable_object};

use crate::{isolate, log, runtime::Runtime};
use postern_app::{
    audit::{AuditAnswer, AuditChain, AuditRequest},
    ports::{Clock as _, Component, Fault},
};

/// Stores the audit log of administrators' actions as an append-only hash chain.
#[durable_object(fetch)]
#[derive(Debug)]
pub struct AuditLog {
    state: State,
    env: Env,
}

impl DurableObject for AuditLog {
    fn new(state: State, env: Env) -> Self {
        Self { state, env }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let answer = match super::message(request, Component::AuditLog).await {
            Ok(message) => self.serve(message),
            Err(fault) => Err(fault),
        };
        super::answer(&answer.unwrap_or_else(|fault| {
            log::fault(&fault);
            AuditAnswer::Unavailable { cause: fault.cause }
        }))
    }
}

impl AuditLog {
    fn serve(&self, message: AuditRequest) -> Result<AuditAnswer, Fault> {
        let isolate = isolate::of(&self.env)
            .map_err(|_| Fault::new(Component::AuditLog, "the configuration is not valid"))?;
        let chain = AuditChain::new(super::records(&self.state)?);
        Ok(chain.serve(message, Runtime.now(), &isolate.masters))
    }
}
