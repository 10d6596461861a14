//! What the last readiness check of this isolate found.

use core::{cell::RefCell, time::Duration};

use crate::{http::Reply, isolate::turn::Turn, time::Timestamp};

/// What the last check of this isolate found.
#[derive(Debug, Default)]
pub(crate) struct Readiness {
    pub(crate) found: RefCell<Option<(Timestamp, Reply)>>,
    pub(crate) turn: Turn,
}

impl Readiness {
    /// The last answer, if it is not older than this.
    pub(crate) fn told(&self, now: Timestamp, at_most: Duration) -> Option<Reply> {
        let found = self.found.borrow();
        found.as_ref().filter(|(at, _)| !now.is_due(*at, at_most)).map(|(_, reply)| reply.clone())
    }
}
