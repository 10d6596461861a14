//! Sends events to the queue that the configuration names, after the answer. Workers and Durable Objects both do.

use js_sys::{Array, JSON, Promise};
use wasm_bindgen::{JsCast as _, JsValue, prelude::wasm_bindgen};
use worker::Env;

use crate::{console, env, isolate, js, runtime::Runtime};
use postern_app::{
    events::{
        EventKind,
        buffer::{LINGER, Offered, TRIES},
    },
    metrics::MetricFamily,
    ports::{Clock as _, Component, Fault},
};

#[wasm_bindgen(module = "/src/ambient.js")]
extern "C" {
    /// The environment of the current event.
    fn environment() -> Env;

    /// `waitUntil` of the current event.
    fn afterwards(work: &Promise);
}

/// Adds the line of an event to the buffer, if the configuration names a queue.
pub(super) fn offer(line: &str) {
    // A Durable Object may be alone in its isolate, where no request has read the configuration yet.
    let Some(isolate) = isolate::known().or_else(|| isolate::of(&environment()).ok()) else { return };
    if isolate.config.events_queue.is_none() {
        return;
    }
    match isolate.event_buffer.offer(line.to_owned(), Runtime.now()) {
        Offered::Waits => {}
        Offered::Dropped => isolate.counters.add_many(MetricFamily::EventsDropped, "full", 1),
        Offered::Send => afterwards(&js::finished(Box::pin(async {
            let _ = js::settled(js::wait(js::millis(LINGER))).await;
            send().await;
        }))),
    }
}

async fn send() {
    let Some(isolate) = isolate::known() else { return };
    let Some(queue) = &isolate.config.events_queue else { return };
    while let Some((batch, count)) = isolate.event_buffer.batch() {
        let mut sent = Ok(());
        for _ in 0..TRIES {
            sent = send_one(queue, &batch).await;
            if sent.is_ok() {
                break;
            }
        }
        if let Err(error) = sent {
            let count = u64::try_from(count).unwrap_or(u64::MAX);
            isolate.counters.add_many(MetricFamily::EventsDropped, "unreachable", count);
            log_fault(Fault::new(Component::EventQueue, js::cause(&error)));
        }
    }
}

/// Logs and counts a fault of the queue itself, which the queue does not get.
fn log_fault(fault: Fault) {
    let happening = EventKind::Fault { part: fault.part, cause: fault.cause };
    isolate::count(&happening);
    console::log(&console::event(happening).to_line());
}

async fn send_one(queue: &str, batch: &str) -> Result<(), JsValue> {
    let producer = env::queue(&environment(), queue)
        .ok_or_else(|| js_sys::Error::new(&["there is no queue binding named ", queue].concat()))?;
    let messages = JSON::parse(batch)?.unchecked_into::<Array>();
    js::in_time(producer.send_batch(&messages)?).await.map(drop)
}
