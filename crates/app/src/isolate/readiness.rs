//! The result of the isolate's last readiness check.

use core::{cell::RefCell, time::Duration};

use crate::{http::Reply, isolate::turn::Turn, time::Timestamp};

/// The result of the isolate's last check.
#[derive(Debug, Default)]
pub(crate) struct Readiness {
    pub(crate) found: RefCell<Option<(Timestamp, Reply)>>,
    pub(crate) turn: Turn,
}

impl Readiness {
    /// The last answer, if it is at most this old.
    pub(crate) fn told(&self, now: Timestamp, at_most: Duration) -> Option<Reply> {
        let found = self.found.borrow();
        found.as_ref().filter(|(at, _)| !now.is_due(*at, at_most)).map(|(_, reply)| reply.clone())
    }
}
