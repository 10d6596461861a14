//! What a call orders, read from its body once: before it is written down, and for who does it.

use serde_json::Value;

use super::{
    Asked,
    calls::{Call, Ordered, Plain},
    revocations,
    throttle::Subject,
};
use crate::{
    revocation::Target,
    service::{ApiError, Ports, Service},
};

/// What is to be done.
pub(super) enum Order<'a> {
    /// A call whose path names what it is about.
    Plain(Plain),
    /// These rows of users.
    ImportUsers(&'a [Value]),
    /// The end of this.
    Revoke(Target),
    /// The end of what limits and locks say here.
    ClearThrottle(Subject),
}

impl Order<'_> {
    /// What the audit log calls it: whom or what it is about, and a detail.
    pub(super) fn named(&self, asked: &Asked<'_>) -> (String, String) {
        match self {
            Self::Plain(_) => (asked.parameters.join("/"), String::new()),
            Self::ImportUsers(rows) => (String::new(), rows.len().to_string() + " rows"),
            Self::Revoke(target) => (revocations::named(target), String::new()),
            // Not in the path, which logs elsewhere keep.
            Self::ClearThrottle(subject) => (subject.object.clone(), String::new()),
        }
    }
}

impl<P: Ports> Service<P> {
    /// The order of a call. One whose body names nothing is none, and no act.
    pub(super) fn order<'a>(&self, asked: &'a Asked<'_>) -> Result<Order<'a>, ApiError> {
        Ok(match asked.line.call {
            Call::Plain(call) => Order::Plain(call),
            Call::Ordered(Ordered::ImportUsers) => Order::ImportUsers(asked.rows()?),
            Call::Ordered(Ordered::Revoke) => Order::Revoke(self.target_to_revoke(asked)?),
            Call::Ordered(Ordered::ClearThrottle) => Order::ClearThrottle(self.subject_to_clear(asked)?),
        })
    }
}
