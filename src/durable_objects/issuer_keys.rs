//! The `IssuerKeys` Durable Object: one for each trusted external issuer and place of its keys.

use core::cell::OnceCell;

use worker::{DurableObject, Env, Request, Response, State, durable_object};

use super::records::SqlRecords;
use crate::{log, runtime::Runtime};
use postern_app::{
    issuer_keys::{IssuerKeys as Keys, IssuerKeysAnswer, IssuerKeysRequest, Unavailable},
    ports::{Clock as _, Component, Fault, Randomness as _},
};

/// Fetches an issuer's key set for the whole deployment, one fetch at a time.
#[durable_object(fetch)]
pub struct IssuerKeys {
    state: State,
    /// Kept between requests, because it knows whether a fetch is in progress.
    keys: OnceCell<Keys<SqlRecords, Runtime>>,
}

impl DurableObject for IssuerKeys {
    fn new(state: State, _env: Env) -> Self {
        Self { state, keys: OnceCell::new() }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let answer = match super::message(request, Component::IssuerKeys).await {
            Ok(message) => self.serve(&message).await,
            Err(fault) => Err(fault),
        };
        super::answer(&answer.unwrap_or_else(|fault| {
            log::fault(&fault);
            let why = fault.to_string();
            IssuerKeysAnswer::Unavailable { cause: Unavailable::Storage, why, retry_after: 1 }
        }))
    }
}

impl IssuerKeys {
    async fn serve(&self, message: &IssuerKeysRequest) -> Result<IssuerKeysAnswer, Fault> {
        let mut jitter = [0; 2];
        Runtime.fill(&mut jitter)?;
        let keys = if let Some(keys) = self.keys.get() {
            keys
        } else {
            let records = super::records(&self.state)?;
            self.keys.get_or_init(|| Keys::new(records, Runtime))
        };
        Ok(keys.serve(message, Runtime.now(), u16::from_be_bytes(jitter)).await)
    }
}
