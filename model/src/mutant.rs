//! The object with one rule broken. Each mutant is a wrapper around the real object: it changes
//! what is asked, the clock, what is stored afterwards, or the answer.

use std::time::Duration;

use postern_app::{
    account::Granted,
    refresh::{Limits, RefusalCause},
    time::Timestamp,
};
use serde_json::json;

use crate::{
    object::{Ask, Reply},
    records::{Rows, View, edit_family, end_receipt, slide, slide_receipt},
};

/// A deliberately broken rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutant {
    ForkingRetry,
    GrandparentAccepted,
    SlidingWindow,
    InclusiveWindow,
    NoReceiptCheck,
    GraceSlides,
    ReceiptSlides,
    NoGrace,
    ConfirmAnyCount,
    RevokeLostOnCrash,
    AnswerBeforeCommit,
    ReuseNotRevoking,
    LateRuleOff,
    CapWithoutReceiptsOff,
    FaultIsTheft,
    ForgeryRevokes,
    DistanceCapped,
}

impl Mutant {
    pub(crate) const ALL: [Self; 17] = [
        Self::ForkingRetry,
        Self::GrandparentAccepted,
        Self::SlidingWindow,
        Self::InclusiveWindow,
        Self::NoReceiptCheck,
        Self::GraceSlides,
        Self::ReceiptSlides,
        Self::NoGrace,
        Self::ConfirmAnyCount,
        Self::RevokeLostOnCrash,
        Self::AnswerBeforeCommit,
        Self::ReuseNotRevoking,
        Self::LateRuleOff,
        Self::CapWithoutReceiptsOff,
        Self::FaultIsTheft,
        Self::ForgeryRevokes,
        Self::DistanceCapped,
    ];

    /// The name on the command line, what it breaks, and the scene in which it shows.
    pub(crate) const fn told(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::ForkingRetry => ("forking-retry", "a retry gets a new successor of its own", "tabs"),
            Self::GrandparentAccepted => {
                ("grandparent-accepted", "the token before the parent is answered as the parent is", "thief")
            }
            Self::SlidingWindow => ("sliding-window", "each retry begins the windows anew", "tabs"),
            Self::InclusiveWindow => ("inclusive-window", "the windows hold their last moment too", "tabs"),
            Self::NoReceiptCheck => ("no-receipt-check", "confirmations are ignored", "thief"),
            Self::GraceSlides => {
                ("grace-slides", "each retry begins the time after the receipt anew", "thief")
            }
            Self::ReceiptSlides => {
                ("receipt-slides", "each confirmation begins the time after the receipt anew", "tabs")
            }
            Self::NoGrace => ("no-grace", "a receipt closes the lost-response window at once", "tabs"),
            Self::ConfirmAnyCount => {
                ("confirm-any-count", "a confirmation of any count confirms the current one", "tabs")
            }
            Self::RevokeLostOnCrash => {
                ("revoke-lost-on-crash", "a revocation is answered before it is stored", "faults")
            }
            Self::AnswerBeforeCommit => {
                ("answer-before-commit", "a rotation is answered before it is stored", "faults")
            }
            Self::ReuseNotRevoking => {
                ("reuse-not-revoking", "reuse is refused and the family lives on", "thief")
            }
            Self::LateRuleOff => ("late-rule-off", "late-only rotations are not counted", "thief"),
            Self::CapWithoutReceiptsOff => {
                ("cap-without-receipts-off", "without receipts the long window is kept", "thief-no-receipts")
            }
            Self::FaultIsTheft => ("fault-is-theft", "a fault of the storage is taken for reuse", "faults"),
            Self::ForgeryRevokes => {
                ("forgery-revokes", "a wrong secret of the current count ends the family", "tabs")
            }
            Self::DistanceCapped => ("distance-capped", "the evidence names two rotations at most", "thief"),
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mutant| mutant.told().0 == name)
    }

    pub(crate) const fn limits(self, limits: Limits) -> Limits {
        match self {
            Self::LateRuleOff => Limits { late_only_rotations: u16::MAX, ..limits },
            Self::CapWithoutReceiptsOff => Limits { receipts: true, ..limits },
            _ => limits,
        }
    }

    /// The clock by which the object judges.
    pub(crate) fn now(self, now: Timestamp) -> Timestamp {
        match self {
            Self::InclusiveWindow => now.minus(Duration::from_millis(1)),
            _ => now,
        }
    }

    /// What is asked instead.
    pub(crate) fn ask(self, ask: Ask, view: View) -> Ask {
        match (self, ask) {
            (Self::GrandparentAccepted, Ask::Rotate { generation, agent })
                if generation + 2 == view.count =>
            {
                Ask::Rotate { generation: generation + 1, agent }
            }
            (Self::ConfirmAnyCount, Ask::Confirm { .. }) => Ask::Confirm { generation: view.count },
            _ => ask,
        }
    }

    /// Changes what is stored and answered; gives what a crash goes back to.
    pub(crate) fn after(self, before: &Rows, after: &mut Rows, reply: &mut Reply) -> Option<Rows> {
        match (self, &mut *reply) {
            (Self::ForkingRetry, Reply::Granted { how: Granted::Retry, successor, .. }) => {
                *successor = None;
                edit_family(after, |family| family["state"]["alive"]["secret_hash"] = json!("A".repeat(43)));
            }
            (Self::SlidingWindow, Reply::Granted { how: Granted::Retry | Granted::LateRetry, .. }) => {
                edit_family(after, slide);
            }
            (Self::GraceSlides, Reply::Granted { how: Granted::Retry | Granted::LateRetry, .. }) => {
                edit_family(after, slide_receipt);
            }
            (Self::ReceiptSlides, Reply::Done) => edit_family(after, slide_receipt),
            (Self::NoGrace, Reply::Done) => edit_family(after, end_receipt),
            (Self::NoReceiptCheck, Reply::Done)
            | (Self::ReuseNotRevoking, Reply::Refused { cause: RefusalCause::Reuse, .. }) => {
                after.clone_from(before);
            }
            (Self::RevokeLostOnCrash, Reply::Revoked)
            | (Self::AnswerBeforeCommit, Reply::Granted { how: Granted::Rotate, .. }) => {
                return Some(before.clone());
            }
            (Self::FaultIsTheft, Reply::Unavailable)
            | (Self::ForgeryRevokes, Reply::Refused { cause: RefusalCause::Forged, .. }) => end(after),
            (Self::DistanceCapped, Reply::Refused { distance: Some(distance), .. }) => {
                *distance = (*distance).min(2);
            }
            _ => {}
        }
        None
    }
}

fn end(rows: &mut Rows) {
    edit_family(rows, |family| {
        family["state"] = json!({ "ended": { "reason": { "reuse": { "distance": 1 } }, "at": 0 } });
    });
}
