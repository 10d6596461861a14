//! Events to the Worker's log, one JSON object a line, and to the event queue if the configuration names one.

use crate::{console, event_queue, isolate};
use postern_app::{
    events::{Event, EventContext, EventKind, EventSink},
    keys::ring::Step,
    ports::Fault,
    time::Timestamp,
};

/// The Worker's log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Log;

impl EventSink for Log {
    fn record(&self, event: &Event) {
        let line = event.to_line();
        console::log(&line);
        event_queue::offer(&line);
    }
}

/// Records a failed component, outside of any request.
pub(super) fn fault(fault: &Fault) {
    let happening = EventKind::Fault { part: fault.part, cause: fault.cause.clone() };
    isolate::count(&happening);
    Log.record(&console::event(happening));
}

/// Records what changed in the key ring.
pub(super) fn key_steps(steps: &[Step], now: Timestamp) {
    for step in steps {
        if let Some(happening) = EventKind::of_key_step(*step) {
            isolate::count(&happening);
            Log.record(&Event { at: now, happening, setting: EventContext::default() });
        }
    }
}

/// Records that more sessions were revoked than the feed can list.
pub(super) fn feed_overflow(entries: usize, now: Timestamp) {
    let entries = u64::try_from(entries).unwrap_or(u64::MAX);
    Log.record(&Event {
        at: now,
        happening: EventKind::FeedOverflow { entries },
        setting: EventContext::default(),
    });
}
