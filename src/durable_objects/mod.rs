//! The Durable Objects: each reads one message, lets the domain decide over its own records,
//! and carries out what comes with the answer (alarm, publication). No decision is here.

mod account;
mod audit_log;
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
use crate::{js, log, runtime::Runtime};
use postern_app::{
    json,
    message::{self, Message},
    ports::{Clock as _, Fault, Part, RING_AGAIN},
    time::Timestamp,
};

/// The message of a request, or why it is none; `part` is the object's own.
async fn message<Q: Message>(request: Request, part: Part) -> Result<Q, Fault> {
    let text = js::text(request.inner().text()).await;
    let text = text.map_err(|error| Fault::new(part, js::cause(&error)))?;
    message::read(&text).map_err(|error| Fault::new(part, error))
}

/// An answer of the domain as the object's.
fn answer<A: Serialize>(answer: &A) -> worker::Result<Response> {
    Ok(web_sys::Response::new_with_opt_str(json::write(answer).ok().as_deref())?.into())
}

/// The object's records.
fn records(state: &State) -> Result<SqlRecords, Fault> {
    SqlRecords::open(&state.storage().sql())
}

/// Sets the object's alarm to a point in time; at once when that is past.
async fn set_alarm(state: &State, at: Timestamp, now: Timestamp) -> Result<(), Fault> {
    // The platform takes an offset in milliseconds.
    let offset = i64::try_from(at.since(now).as_millis()).unwrap_or(i64::MAX);
    state.storage().set_alarm(offset).await.map_err(|error| Fault::new(Part::Storage, error))
}

/// The end of an alarm. One that failed is set again for as long as it fails: thrown to the
/// platform, it would come six times within two minutes and never again.
async fn rung(state: &State, done: Result<(), Fault>) -> worker::Result<Response> {
    if let Err(fault) = done {
        log::fault(&fault);
        let now = Runtime.now();
        if let Err(fault) = set_alarm(state, now.plus(RING_AGAIN), now).await {
            return Err(worker::Error::RustError(fault.part.name().to_owned()));
        }
    }
    Response::empty()
}

/// Deletes all that the object stores, its alarm included.
async fn forget(state: &State) -> Result<(), Fault> {
    state.storage().delete_all().await.map_err(|error| Fault::new(Part::Storage, error))
}
