//! The messages between the Worker and a Throttle object, and the object's one record.
//!
//! The rules travel with each request, so that a change of the configuration holds at once and
//! the object keeps nothing but what happened.

use core::time::Duration;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    distinct::{DistinctCounter, DistinctLimit},
    lockout::{LockoutPolicy, LockoutState},
};
use crate::{
    message::Message,
    rate::{FullAt, Rate},
};
use postern_jose::time::Timestamp;

/// What the Worker asks of a Throttle object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThrottleRequest {
    /// Takes one from each bucket and steps on each ladder, all or none.
    Take {
        /// What it is limited by. The first that refuses decides.
        claims: Vec<Charge>,
    },
    /// The attempt succeeded: takes back what it was charged beforehand.
    Forgive {
        /// For each row.
        pardons: Vec<Refund>,
    },
    /// What stands in these rows, or in the first [`MAX_ROWS`] there are.
    Read {
        /// Their names; none for whatever there is.
        rows: Vec<String>,
    },
    /// An operator's word: forgets these rows, or all.
    Clear {
        /// Their names; none for whatever there is.
        rows: Vec<String>,
    },
}

impl Message for ThrottleRequest {
    fn is_repeatable(&self) -> bool {
        match self {
            // It would be charged twice, and the limits are exact.
            Self::Take { .. } => false,
            // What was charged would be taken back twice, unless all is forgotten anyway.
            Self::Forgive { pardons } => pardons.iter().all(|pardon| pardon.all),
            Self::Read { .. } | Self::Clear { .. } => true,
        }
    }
}

/// The most rows of one reading. An account has one for strangers, one for its users and one for
/// each device that tried of late.
pub const MAX_ROWS: usize = 50;

/// One thing that limits a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// Whose: the row in the object.
    pub row: String,
    /// Which of its buckets: the name of what is limited.
    pub bucket: String,
    /// How fast, if it is limited so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// The ladder of failures, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ladder: Option<LockoutPolicy>,
    /// When many different ones are an attack, if that is watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread: Option<DistinctLimit>,
    /// The one that is tried here: an account's stand-in or a network's.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub one: String,
}

/// What is taken back after a success.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Refund {
    /// The row.
    pub row: String,
    /// Everything: the one who owns this row has proved it.
    pub all: bool,
    /// [`LockoutPolicy::forget`]: what one failure weighs.
    pub forget: u32,
    /// The lock that the attempt brought, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<Timestamp>,
    /// The one that was tried.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub one: String,
    /// Whether the attempt raised the alarm.
    pub alarm: bool,
}

/// What a Throttle object answers. Only transport can fail; every decision is a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThrottleAnswer {
    /// Granted by all claims.
    Taken {
        /// One for each, in order, up to the first that is locked: those after it were not charged.
        grants: Vec<Allowance>,
    },
    /// Refused by one, and nothing was charged.
    Refused(Refused),
    /// Done.
    Forgiven,
    /// What stands where. Rows in which nothing stands are left out.
    Standings {
        /// By their names.
        rows: Vec<(String, ThrottleState)>,
    },
    /// The object's storage failed: nothing is known.
    Unavailable {
        /// For the log.
        cause: String,
    },
}

/// A claim that was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Allowance {
    /// Wait so many milliseconds before the attempt.
    pub delay: u32,
    /// The attempt must be answered as a failure, whatever it brings.
    pub locked: bool,
    /// The lock that a failure brings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<Timestamp>,
    /// This one made it an attack.
    pub alarm: bool,
}

/// A claim that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Which, counted from 0.
    pub claim: usize,
    /// Nothing is granted before this.
    pub until: Timestamp,
    /// By a lock, not by the rate.
    pub locked: bool,
    /// This one made it an attack.
    pub alarm: bool,
    /// Asking again before `until` would tell the object nothing new either.
    pub settled: bool,
}

/// One row of a Throttle object.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ThrottleState {
    /// The buckets that are not full, by what is limited.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub buckets: BTreeMap<String, FullAt>,
    /// The ladder of failures.
    #[serde(default, skip_serializing_if = "LockoutState::is_untouched")]
    pub rung: LockoutState,
    /// The different ones that failed.
    #[serde(default, skip_serializing_if = "DistinctCounter::is_untouched")]
    pub seen: DistinctCounter,
}

/// The longest window of a [`DistinctLimit`]: config allows no longer one.
pub const MAX_WINDOW: Duration = Duration::from_hours(1);

impl ThrottleState {
    /// Whether forgetting it changes nothing.
    pub(crate) fn is_spent(&self, now: Timestamp) -> bool {
        self.buckets.values().all(|bucket| bucket.is_full(now))
            && self.rung.is_clean(now)
            && self.seen.is_stale(MAX_WINDOW, now)
    }
}
