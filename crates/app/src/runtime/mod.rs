//! The context of every use case: the isolate's state, the request's ports, events, background work.

pub(crate) mod background;
pub(crate) mod events;
pub(crate) mod metrics_flush;
pub(crate) mod origins;
pub(crate) mod ports;
pub(crate) mod turns;

use std::rc::Rc;

pub use ports::Ports;

use crate::{gateway::Gate, isolate::Isolate, ports::Clock as _, time::Timestamp};

/// The context of one request. It is cheap to clone; background work gets a clone.
#[derive(Debug, Clone)]
pub(crate) struct Runtime<P> {
    pub(crate) isolate: Rc<Isolate>,
    pub(crate) ports: P,
    /// The route table at the beginning of the request, which applies to its end. `None` until the isolate has read a
    /// table.
    pub(crate) gate: Option<Rc<Gate>>,
}

impl<P: Ports> Runtime<P> {
    pub(crate) fn new(isolate: Rc<Isolate>, ports: P) -> Self {
        let gate = isolate.tables.gate();
        Self { isolate, ports, gate }
    }

    /// The current time.
    pub(crate) fn now(&self) -> Timestamp {
        self.ports.platform().now()
    }
}
