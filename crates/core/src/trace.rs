//! Which trace a request belongs to (W3C Trace Context).
//!
//! The gate makes no span of its own, so it passes a caller's `traceparent` on as it came: a parent that no system has
//! recorded would cut the trace in two.

use core::{fmt, num::NonZeroU128};

use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use postern_jose::encoding::hex;

/// The header with the trace and the span that called (section 3.2).
pub const TRACEPARENT: &str = "traceparent";

/// The header with what tracing systems add to it (section 3.3). Without a valid `traceparent` it has no meaning.
pub const TRACESTATE: &str = "tracestate";

/// Separates this use of SHA-256 from all others.
const LABEL: &[u8] = b"postern/v1/trace\0";

/// The length of a `traceparent` of version 00, and the least length of any, in bytes.
const LENGTH: usize = 55;

/// The id of a trace: 32 lower-case hexadecimal digits, not all zero (section 3.2.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceId(NonZeroU128);

impl TraceId {
    /// The trace of a `traceparent`, or `None` if the value is not valid. Of a version above 00 only the beginning is
    /// known, as section 3.2.4 says.
    pub fn of_traceparent(value: &str) -> Option<Self> {
        let version = number(value, 0, 2)?;
        let trace = number(value, 3, 32)?;
        let parent = number(value, 36, 16)?;
        number(value, 53, 2)?;
        let bytes = value.as_bytes();
        let is_dash = |at: &usize| bytes.get(*at) == Some(&b'-');
        let ends = bytes.len() == LENGTH || (version != 0 && is_dash(&LENGTH));
        let valid = version != 0xff && parent != 0 && [2, 35, 52].iter().all(is_dash) && ends;
        NonZeroU128::new(trace).filter(|_| valid).map(Self)
    }
}

/// The number that lower-case hexadecimal digits are, from a place on.
fn number(value: &str, from: usize, length: usize) -> Option<u128> {
    let digits = value.as_bytes().get(from..from + length)?;
    digits.iter().try_fold(0, |number, digit| match digit {
        b'0'..=b'9' => Some(number << 4 | u128::from(digit - b'0')),
        b'a'..=b'f' => Some(number << 4 | u128::from(digit - b'a' + 10)),
        _ => None,
    })
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Serialize for TraceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_string())
    }
}

/// Which traces a deployment takes part in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceRules {
    /// Whether a caller's trace is gone on with. Otherwise its headers end at the gate.
    pub from_callers: bool,
    /// Of the requests without a trace, for which one is started: the part whose trace is to be recorded, in per cent.
    /// `None` starts no traces.
    pub sampled_percent: Option<u8>,
}

impl Default for TraceRules {
    fn default() -> Self {
        Self { from_callers: true, sampled_percent: None }
    }
}

/// The trace of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trace {
    /// The caller's: its headers are passed on as they are.
    OfCaller(TraceId),
    /// One that begins here, with the `traceparent` to send.
    Started(TraceId, String),
    /// None.
    None,
}

impl TraceRules {
    /// The trace of a request, by the caller's `traceparent` and the request's id in the log.
    ///
    /// A trace that begins here has its ids from the id of the request. So it is the same wherever it is asked for, and a
    /// request that a line of the log names can be found among the traces.
    pub fn trace(self, traceparent: Option<&str>, request_id: Option<&str>) -> Trace {
        self.of(traceparent.and_then(TraceId::of_traceparent), request_id)
    }

    /// As [`Self::trace`], for a `traceparent` that was read before.
    pub fn of(self, caller: Option<TraceId>, request_id: Option<&str>) -> Trace {
        if let Some(id) = caller.filter(|_| self.from_callers) {
            return Trace::OfCaller(id);
        }
        let (Some(percent), Some(request_id)) = (self.sampled_percent, request_id) else {
            return Trace::None;
        };
        let hash = hex(&Sha256::new_with_prefix(LABEL).chain_update(request_id).finalize());
        let (Some(trace), Some(parent)) = (hash.get(..32), hash.get(32..48)) else { return Trace::None };
        // Sampling goes by the right end of the id, which is the random part for all (Trace Context level 2).
        let is_sampled = number(trace, 28, 4).unwrap_or_default() * 100 < u128::from(percent) << 16;
        // No other flag: there are readers of version 00 that refuse the random flag of level 2.
        let flags = if is_sampled { "-01" } else { "-00" };
        let traceparent = ["00-", trace, "-", parent, flags].concat();
        TraceId::of_traceparent(&traceparent).map_or(Trace::None, |id| Trace::Started(id, traceparent))
    }
}

impl Trace {
    /// The id for the log.
    pub fn into_id(self) -> Option<TraceId> {
        match self {
            Self::OfCaller(id) | Self::Started(id, _) => Some(id),
            Self::None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn id(value: &str) -> Option<String> {
        TraceId::of_traceparent(value).map(|id| id.to_string())
    }

    // Tests W3C Trace Context section 3.2.2: a valid traceparent names its trace, of a later version too
    #[test]
    fn a_valid_traceparent_names_its_trace() {
        for value in [
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-brings",
        ] {
            assert_eq!(id(value).as_deref(), Some(TRACE), "{value}");
        }
    }

    // Tests W3C Trace Context section 3.2.2: an invalid traceparent names no trace
    #[test]
    fn an_invalid_traceparent_names_no_trace() {
        for value in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.more",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
            "0-04bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
            "00-4bf92f3577b34da6a3ce929d0e0e473ä-0f067aa0ba902b7-01",
            // Two headers, as a request view joins them.
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01, 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(id(value), None, "{value}");
        }
    }

    #[test]
    fn a_started_trace_is_valid_and_the_same_each_time() {
        let rules = TraceRules { from_callers: true, sampled_percent: Some(100) };
        let Trace::Started(id, traceparent) = rules.trace(Some("not one"), Some("8f1c-VIE")) else {
            panic!()
        };
        assert_eq!(TraceId::of_traceparent(&traceparent), Some(id));
        assert!(traceparent.ends_with("-01"), "{traceparent}");
        assert!(
            matches!(rules.trace(None, Some("8f1c-VIE")), Trace::Started(_, again) if again == traceparent)
        );
        assert!(
            matches!(rules.trace(None, Some("8f1d-VIE")), Trace::Started(_, other) if other != traceparent)
        );
        // There is nothing that would tell two requests apart.
        assert_eq!(rules.trace(None, None), Trace::None);
    }

    #[test]
    fn as_many_traces_are_sampled_as_the_setting_says() {
        for percent in [0, 10, 50, 100] {
            let rules = TraceRules { from_callers: true, sampled_percent: Some(percent) };
            let begun = (0..2000).map(|number: u32| rules.trace(None, Some(&number.to_string())));
            let is_sampled =
                |trace: &Trace| matches!(trace, Trace::Started(_, value) if value.ends_with("-01"));
            let sampled = begun.filter(is_sampled).count();
            let expected = usize::from(percent) * 20;
            // Five standard deviations of half of them.
            assert!(
                sampled.abs_diff(expected) <= if percent % 100 == 0 { 0 } else { 112 },
                "{percent}: {sampled}"
            );
        }
    }

    // Tests W3C Trace Context section "Processing Model": a deployment that does not take callers' traces restarts them
    #[test]
    fn a_trace_of_a_caller_counts_where_the_rules_say_so() {
        let value = Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let taken = TraceRules::default().trace(value, Some("8f1c"));
        assert_eq!(taken.into_id().map(|id| id.to_string()).as_deref(), Some(TRACE));
        let none = TraceRules { from_callers: false, sampled_percent: None };
        assert_eq!(none.trace(value, Some("8f1c")), Trace::None);
        let own = TraceRules { from_callers: false, sampled_percent: Some(5) };
        assert!(matches!(own.trace(value, Some("8f1c")), Trace::Started(id, _) if id.to_string() != TRACE));
    }
}
