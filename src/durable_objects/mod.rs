//! The Durable Object classes, and the [`stubs`] by which the Worker calls them.
//!
//! Each class reads one message, lets the domain decide over the object's records, and carries out the effects of the
//! answer: an alarm, a publication. The classes decide nothing themselves.

mod account;
mod audit_log;
mod client_documents;
mod issuer_keys;
mod key_ring;
mod metrics;
mod records;
mod revocation_feed;
pub(crate) mod stubs;
mod throttle;

use serde::Serialize;
use worker::{Request, Response, State};

use self::records::SqlRecords;
use crate::{
    js, log,
    runtime::Runtime,
    usage::{self, Unit},
};
use postern_app::{
    json,
    message::{self, Message},
    ports::{Clock as _, Component, Fault, RING_AGAIN},
    time::Timestamp,
};

/// Reads the message of a request. `part` is the component that a fault names.
async fn message<Q: Message>(request: Request, part: Component) -> Result<Q, Fault> {
    let text = js::text(request.inner().text()).await;
    let text = text.map_err(|error| Fault::new(part, js::cause(&error)))?;
    message::read(&text).map_err(|error| Fault::new(part, error))
}

/// Converts an answer of the domain to a response of the Durable Object.
fn answer<A: Serialize>(answer: &A) -> worker::Result<Response> {
    let response = web_sys::Response::new_with_opt_str(json::write(answer).ok().as_deref())?;
    if let Some(counts) = usage::hand_over() {
        response.headers().set(usage::HEADER, &counts)?;
    }
    Ok(response.into())
}

/// Opens the records of the Durable Object.
fn records(state: &State) -> Result<SqlRecords, Fault> {
    SqlRecords::open(&state.storage().sql())
}

/// Sets the alarm of the Durable Object. A time in the past rings at once.
async fn set_alarm(state: &State, at: Timestamp, now: Timestamp) -> Result<(), Fault> {
    // The platform takes an offset from now in milliseconds.
    let offset = i64::try_from(at.since(now).as_millis()).unwrap_or(i64::MAX);
    usage::count(Unit::ObjectRowsWritten, 1);
    state.storage().set_alarm(offset).await.map_err(|error| Fault::new(Component::Storage, error))
}

/// Ends an alarm. A failed alarm is set again until it succeeds. The platform's own retries would stop after six times in
/// two minutes.
async fn rung(state: &State, done: Result<(), Fault>) -> worker::Result<Response> {
    usage::count(Unit::ObjectRequests, 1);
    if let Err(fault) = done {
        log::fault(&fault);
        let now = Runtime.now();
        if let Err(fault) = set_alarm(state, now.plus(RING_AGAIN), now).await {
            return Err(worker::Error::RustError(fault.part.name().to_owned()));
        }
    }
    Response::empty()
}

/// Deletes everything that the Durable Object stores, including its alarm.
async fn forget(state: &State) -> Result<(), Fault> {
    state.storage().delete_all().await.map_err(|error| Fault::new(Component::Storage, error))
}
