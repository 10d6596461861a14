//! The calendar of the key ring.

use core::time::Duration;
use postern_jose::SignatureAlgorithm;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// How long keys stay in each state. All durations are wall-clock time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RingPolicy {
    /// What new keys are made for. A change takes effect by rotation.
    pub algorithm: SignatureAlgorithm,
    /// The least time a key is published before it signs by itself. 24 h: a client that
    /// refreshes its key set only once a day still knows the key on the first day it signs.
    pub publish_lead: Duration,
    /// How long a key signs. 30 days.
    pub active_period: Duration,
    /// The `max-age` that the key set is answered with, and so the longest a client that obeys
    /// HTTP caching may not know a new key. No key younger than this signs unless forced. 600 s.
    pub client_cache: Duration,
    /// The longest lifetime of an access token of any client.
    pub access_token_lifetime: Duration,
    /// The leeway that verifiers grant on `exp`. 30 s.
    pub leeway: Duration,
    /// How long a Worker may go on signing with the key it fetched. 60 s: what a rotation or
    /// a revocation takes to reach every isolate, against one object call a minute for each.
    pub signer_cache: Duration,
    /// How long the name of a retired key is remembered, for the operator. 90 days.
    pub tombstone_period: Duration,
    /// How often the key set is written to KV again although nothing changed: a write that was
    /// lost is made good within this time. 1 h: 720 writes a month.
    pub republish_every: Duration,
}

impl Default for RingPolicy {
    fn default() -> Self {
        Self {
            algorithm: SignatureAlgorithm::Es256,
            publish_lead: DAY,
            active_period: 30 * DAY,
            client_cache: Duration::from_mins(10),
            access_token_lifetime: Duration::from_mins(10),
            leeway: Duration::from_secs(30),
            signer_cache: Duration::from_mins(1),
            tombstone_period: 90 * DAY,
            republish_every: HOUR,
        }
    }
}

impl RingPolicy {
    /// How long a key stays published after it was told to stop signing: until the last Worker
    /// has heard of it, the last token signed has expired everywhere, and the last client has
    /// had to fetch the set again.
    pub(crate) fn retiring_period(&self) -> Duration {
        self.signer_cache
            .saturating_add(self.access_token_lifetime)
            .saturating_add(self.leeway)
            .saturating_add(self.client_cache)
    }
}
