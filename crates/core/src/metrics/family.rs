//! The families of metrics: their names, labels and buckets.

/// What a family is in `OpenMetrics`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only ever grows.
    Counter,
    /// What is so at the moment of asking.
    Gauge,
    /// How many observations fell below which bound.
    Histogram,
}

/// A family of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MetricFamily {
    /// Every security event.
    Events,
    /// Sign-ins, by how they ended.
    SignIns,
    /// Refreshes, by what was decided.
    Refreshes,
    /// Replaced refresh tokens that came again.
    Reuse,
    /// Access tokens that the gate refused, by cause.
    AccessRefused,
    /// Requests at the gate.
    GateRequests,
    /// Forwarded requests that got no answer of their upstream.
    UpstreamFailures,
    /// Parts of ours that failed.
    Faults,
    /// Fetches of other issuers' key sets.
    JwksFetches,
    /// Writes of the revocation feed to KV.
    FeedWrites,
    /// Calls that a limit refused.
    Throttled,
    /// Passwords that were to be hashed.
    PasswordHashes,
    /// Events that did not reach the queue.
    EventsDropped,
    /// What the platform bills.
    Usage,
    /// How long objects take to answer.
    ObjectLatency,
    /// The running version.
    Build,
    /// How old a key set in this isolate is.
    JwksAge,
    /// How long the signing keys are in their state.
    KeyAge,
    /// When the next signing key takes over.
    KeyRotation,
    /// How old this isolate's copy of the revocation feed is.
    FeedAge,
    /// How old the feed was that KV had for this isolate.
    FeedKvAge,
    /// How much it lists.
    FeedEntries,
    /// Passwords that wait to be hashed in this isolate.
    HashQueue,
}

/// What stands about a family in the text, and which labels its series have.
#[derive(Debug, Clone, Copy)]
pub struct Description {
    /// The name, without `_total`.
    pub name: &'static str,
    /// What it is.
    pub kind: MetricKind,
    /// Its labels, in order.
    pub labels: &'static [&'static str],
    /// For people.
    pub help: &'static str,
}

impl MetricFamily {
    /// All of them, in the order of the text.
    pub(crate) const ALL: [Self; 23] = [
        Self::Events,
        Self::SignIns,
        Self::Refreshes,
        Self::Reuse,
        Self::AccessRefused,
        Self::GateRequests,
        Self::UpstreamFailures,
        Self::Faults,
        Self::JwksFetches,
        Self::FeedWrites,
        Self::Throttled,
        Self::PasswordHashes,
        Self::EventsDropped,
        Self::Usage,
        Self::ObjectLatency,
        Self::Build,
        Self::JwksAge,
        Self::KeyAge,
        Self::KeyRotation,
        Self::FeedAge,
        Self::FeedKvAge,
        Self::FeedEntries,
        Self::HashQueue,
    ];

    /// What stands about it.
    #[expect(clippy::too_many_lines, reason = "a table")]
    pub(crate) const fn describe(self) -> Description {
        use MetricKind::{Counter, Gauge, Histogram};
        let (name, kind, labels, help): (_, _, &[&str], _) = match self {
            Self::Events => (
                "postern_events",
                Counter,
                &["event", "outcome"],
                "Security events, as docs/reference/audit-events.md names them.",
            ),
            Self::SignIns => (
                "postern_sign_ins",
                Counter,
                &["result"],
                "Sign-ins by result: success or the cause of the refusal.",
            ),
            Self::Refreshes => (
                "postern_refreshes",
                Counter,
                &["decision"],
                "Refreshes by decision: rotate, retry, late_retry, reuse, or the cause of the refusal.",
            ),
            Self::Reuse => (
                "postern_reuse_detected",
                Counter,
                &[],
                "Replaced refresh tokens that were used again: stolen, or kept by a client.",
            ),
            Self::AccessRefused => (
                "postern_access_refused",
                Counter,
                &["code"],
                "Access tokens that the gate refused, by cause.",
            ),
            Self::GateRequests => (
                "postern_gate_requests",
                Counter,
                &["route", "outcome"],
                "Requests at the gate by route and outcome; without a route if none matched.",
            ),
            Self::UpstreamFailures => (
                "postern_upstream_failures",
                Counter,
                &["route", "cause"],
                "Forwarded requests that got 502 or 504 because the upstream did not respond.",
            ),
            Self::Faults => ("postern_faults", Counter, &["part"], "Failures of a component."),
            Self::JwksFetches => (
                "postern_jwks_fetches",
                Counter,
                &["issuer", "result"],
                "Fetches of other issuers' key sets.",
            ),
            Self::FeedWrites => (
                "postern_revocation_feed_writes",
                Counter,
                &["result"],
                "Writes of the revocation feed to KV: success or failure.",
            ),
            Self::Throttled => {
                ("postern_throttled", Counter, &["limit"], "Calls that were answered 429, by limit.")
            }
            Self::PasswordHashes => (
                "postern_password_hashes",
                Counter,
                &["result"],
                "Password hashes: admitted, or refused because too many waited.",
            ),
            Self::EventsDropped => (
                "postern_events_dropped",
                Counter,
                &["reason"],
                "Events that did not reach the event queue; the log has them.",
            ),
            Self::Usage => (
                "postern_usage",
                Counter,
                &["unit"],
                "What the platform bills, apart from the requests at the gate: calls of objects, rows, KV.",
            ),
            Self::ObjectLatency => (
                "postern_object_latency_seconds",
                Histogram,
                &["object"],
                "How long Durable Objects take to answer the Worker.",
            ),
            Self::Build => ("postern_build_info", Gauge, &["version"], "The running version; always 1."),
            Self::JwksAge => (
                "postern_jwks_age_seconds",
                Gauge,
                &["issuer"],
                "Age of the key set that the answering isolate has in memory.",
            ),
            Self::KeyAge => (
                "postern_signing_key_age_seconds",
                Gauge,
                &["state"],
                "Time that the signing keys have been in their state.",
            ),
            Self::KeyRotation => (
                "postern_signing_key_rotation_timestamp_seconds",
                Gauge,
                &[],
                "When the next key will sign, in seconds since 1970.",
            ),
            Self::FeedAge => (
                "postern_revocation_feed_age_seconds",
                Gauge,
                &[],
                "Age of the revocation feed that the answering isolate has in memory.",
            ),
            Self::FeedKvAge => (
                "postern_revocation_feed_kv_age_seconds",
                Gauge,
                &[],
                "Age of KV's copy of the revocation feed at the last read of the answering isolate.",
            ),
            Self::FeedEntries => (
                "postern_revocation_feed_entries",
                Gauge,
                &[],
                "Revocations in the copy of the answering isolate.",
            ),
            Self::HashQueue => (
                "postern_password_hash_queue",
                Gauge,
                &[],
                "Sign-ins that wait for a password hash in the answering isolate.",
            ),
        };
        Description { name, kind, labels, help }
    }
}

/// Upper bounds of the histograms' buckets in milliseconds; one more holds the rest. An object
/// nearby answers in 1 to 5 ms, one on another continent in 100 to 300, and 2.5 s is a failure.
pub const BOUNDS: [u32; 12] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000];

/// What a histogram's series holds: its buckets, the last one for the rest, and the sum in
/// milliseconds.
pub(super) const HISTOGRAM_VALUES: usize = BOUNDS.len() + 2;

/// How a request at the gate ended: few classes, so that a route has few series.
pub const fn gate_outcome(status: u16) -> &'static str {
    match status {
        200..=399 => "answered",
        401 => "unauthenticated",
        403 => "forbidden",
        404 | 405 => "no_route",
        429 => "throttled",
        503 => "unavailable",
        500..=599 => "failed",
        _ => "bad_request",
    }
}
