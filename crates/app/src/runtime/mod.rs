//! What every use case has at hand: the isolate's state, the request's ports, events, work after the answer.

pub(crate) mod background;
pub(crate) mod events;
pub(crate) mod metrics_flush;
pub(crate) mod origins;
pub(crate) mod ports;
pub(crate) mod turns;

use std::rc::Rc;

pub use ports::Ports;

use crate::{gateway::Gate, isolate::Isolate, ports::Clock as _, time::Timestamp};

/// What one request has at hand. Cheap to clone: work after the answer takes a clone with it.
#[derive(Debug, Clone)]
pub(crate) struct Runtime<P> {
    pub(crate) isolate: Rc<Isolate>,
    pub(crate) ports: P,
    /// The route table as it was when the request came: the request is judged by this one to its end. `None` until the
    /// isolate has read one.
    pub(crate) gate: Option<Rc<Gate>>,
}

impl<P: Ports> Runtime<P> {
    pub(crate) fn new(isolate: Rc<Isolate>, ports: P) -> Self {
        let gate = isolate.tables.gate();
        Self { isolate, ports, gate }
    }

    /// The time on the request's clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.ports.platform().now()
    }
}
