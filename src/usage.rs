//! Counts what the platform bills, in objects and in the Worker.
//!
//! An object has no request that would flush counters, and may be alone in its isolate. So what is counted waits in the
//! isolate's memory. An object's next answer takes it along in a header, and the Worker adds it to its counters at its
//! next call of an object. What waits in an isolate that ends is lost: the rows of an alarm, for example, after which no
//! object of that isolate was called.

use core::cell::Cell;

use postern_app::{metrics::MetricFamily, service::Isolate};

/// The header of an object's answer: the counts in the order of [`Unit::ALL`], each with a comma behind it.
pub(super) const HEADER: &str = "postern-usage";

/// A unit that the platform bills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Requests to objects. Alarms are requests.
    ObjectRequests,
    /// Rows that objects read.
    ObjectRowsRead,
    /// Rows that objects wrote. Setting an alarm writes one.
    ObjectRowsWritten,
    /// Reads of KV.
    KvReads,
    /// Writes of KV.
    KvWrites,
    /// Rows that D1 read.
    D1RowsRead,
    /// Rows that D1 wrote.
    D1RowsWritten,
}

impl Unit {
    /// All of them. New ones come last, because the header of another version has the old order.
    const ALL: [Self; 7] = [
        Self::ObjectRequests,
        Self::ObjectRowsRead,
        Self::ObjectRowsWritten,
        Self::KvReads,
        Self::KvWrites,
        Self::D1RowsRead,
        Self::D1RowsWritten,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::ObjectRequests => "object_requests",
            Self::ObjectRowsRead => "object_rows_read",
            Self::ObjectRowsWritten => "object_rows_written",
            Self::KvReads => "kv_reads",
            Self::KvWrites => "kv_writes",
            Self::D1RowsRead => "d1_rows_read",
            Self::D1RowsWritten => "d1_rows_written",
        }
    }
}

thread_local! {
    static WAITING: [Cell<u64>; Unit::ALL.len()] = const { [const { Cell::new(0) }; Unit::ALL.len()] };
}

/// Counts.
pub(super) fn count(unit: Unit, more: u64) {
    WAITING.with(|waiting| {
        for (known, count) in Unit::ALL.iter().zip(waiting) {
            if *known == unit {
                count.set(count.get().saturating_add(more));
            }
        }
    });
}

/// Counts what the platform reports as a number.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of rows; saturates")]
pub(super) fn count_number(unit: Unit, more: Option<f64>) {
    count(unit, more.unwrap_or_default() as u64);
}

/// Takes what waits, for the header of an answer. `None` if nothing does.
pub(super) fn hand_over() -> Option<String> {
    let mut text = String::new();
    let mut all = 0_u64;
    WAITING.with(|waiting| {
        for count in waiting {
            let count = count.take();
            all = all.saturating_add(count);
            text.push_str(&count.to_string());
            text.push(',');
        }
    });
    (all > 0).then_some(text)
}

/// Adds what an object handed over.
pub(super) fn take_over(header: &str) {
    for (unit, text) in Unit::ALL.iter().zip(header.split(',')) {
        count(*unit, text.parse().unwrap_or_default());
    }
}

/// Moves what waits to the counters of the isolate.
pub(super) fn settle(isolate: &Isolate) {
    WAITING.with(|waiting| {
        for (unit, count) in Unit::ALL.iter().zip(waiting) {
            let count = count.take();
            if count > 0 {
                isolate.counters.add_many(MetricFamily::Usage, unit.name(), count);
            }
        }
    });
}
