//! Events as lines of the Worker's log, one JSON object each.

use wasm_bindgen::prelude::wasm_bindgen;

use super::{isolate, outbox, store::Platform};
use postern_app::{
    config::ConfigError,
    keys::ring::Step,
    observe::{Event, EventSink, Happening, Setting},
    ports::{Clock as _, Fault},
    time::Timestamp,
};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console, js_name = log)]
    fn console_log(line: &str);
}

/// The Worker's log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Log;

impl EventSink for Log {
    fn record(&self, event: &Event) {
        let line = event.to_line();
        console_log(&line);
        outbox::offer(&line);
    }
}

fn record(at: Timestamp, happening: Happening) {
    Log.record(&Event { at, happening, setting: Setting::default() });
}

/// A part failed, outside of any request's point of view.
pub(super) fn fault(fault: &Fault) {
    count_fault(fault);
    record(Platform.now(), Happening::Fault { part: fault.part, cause: fault.cause.clone() });
}

/// The same, when it is the queue itself that failed.
pub(super) fn fault_without_queue(fault: &Fault) {
    count_fault(fault);
    let happening = Happening::Fault { part: fault.part, cause: fault.cause.clone() };
    console_log(&Event { at: Platform.now(), happening, setting: Setting::default() }.to_line());
}

fn count_fault(fault: &Fault) {
    if let Some(isolate) = isolate::known() {
        let happening = Happening::Fault { part: fault.part, cause: fault.cause.clone() };
        isolate.counters.count_event(&happening);
    }
}

/// What happened to signing keys.
pub(super) fn key_steps(steps: &[Step], now: Timestamp) {
    for step in steps {
        if let Some(happening) = Happening::of_key_step(*step) {
            if let Some(isolate) = isolate::known() {
                isolate.counters.count_event(&happening);
            }
            record(now, happening);
        }
    }
}

/// More sessions were revoked than the feed holds.
pub(super) fn feed_overflow(entries: usize, now: Timestamp) {
    let entries = u64::try_from(entries).unwrap_or(u64::MAX);
    record(now, Happening::FeedOverflow { entries });
}

/// The configuration's mistakes, one line each after the event. They hold no values.
pub(super) fn misconfigured(mistakes: &[ConfigError]) {
    let count = u64::try_from(mistakes.len()).unwrap_or(u64::MAX);
    record(Platform.now(), Happening::ConfigRefused { mistakes: count });
    for mistake in mistakes {
        console_log(&format!("configuration: {mistake}"));
    }
}
