//! What is configured about an issuer's key set, and how getting it can fail.

use core::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{JwkSet, time::Timestamp};

/// How old a key set may be and how often it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CachePolicy {
    /// From this age on a set is refreshed in the background while it is used. 5 min: a key that
    /// an issuer withdraws stops verifying within this and one request.
    pub soft_age: Duration,
    /// From this age on a set is not used even if no newer one can be had. 24 h: an issuer's
    /// outage of a night is survived.
    pub hard_age: Duration,
    /// The shortest time between two fetches for the sake of a token that no known key verifies
    /// (an unknown `kid`, a signature that fails), for the whole deployment. 30 s: made-up tokens
    /// cost the issuer two fetches a minute.
    pub unknown_kid_cooldown: Duration,
    /// How long one fetch may take. 5 s: longer than any healthy issuer needs, shorter than a
    /// client's patience.
    pub timeout: Duration,
    /// The largest document accepted.
    pub max_bytes: usize,
}

impl Default for CachePolicy {
    fn default() -> Self {
        Self {
            soft_age: Duration::from_mins(5),
            hard_age: Duration::from_hours(24),
            unknown_kid_cooldown: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
            max_bytes: JwkSet::MAX_BYTES,
        }
    }
}

/// How many soft ages old a set is when it is asked for before it is used. The background refresh
/// of a set in use comes after one and is tried again every cooldown: a set that is older than
/// three was not in use, or cannot be had.
const ASK_FIRST: u32 = 3;

impl CachePolicy {
    /// From this age on a set is asked for before it is used.
    pub(super) fn ask_first_age(&self) -> Duration {
        self.soft_age.saturating_mul(ASK_FIRST)
    }

    /// How old a set of that time is. A time that lies ahead of all clocks says nothing: such a set
    /// is asked for first, and serves when nothing else can be had.
    pub(super) fn age(&self, fetched_at: Timestamp, now: Timestamp) -> Duration {
        if fetched_at.is_far_ahead_of(now) { self.ask_first_age() } else { now.since(fetched_at) }
    }

    /// After this long an unchanged set is written into KV again. KV's copy is what an isolate
    /// starts from when neither the object nor the issuer can be reached, so that it must stay well
    /// within the hard age: 24 writes to one hard age (a day), where every fetch would be 288 of the
    /// 1 000 that the free plan has a day.
    pub fn rewrite_after(&self) -> Duration {
        (self.hard_age / 24).max(self.soft_age)
    }
}

/// Where an issuer's keys are published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyLocation {
    /// At this URL, by configuration.
    JwksUri(String),
    /// Where the issuer's metadata says (`OpenID` Connect Discovery, RFC 8414).
    Discovery,
}

/// One trusted issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuerSource {
    /// Its identifier, as in `iss`.
    pub issuer: String,
    /// Where its keys are.
    pub location: KeyLocation,
    /// Local development: http and private addresses are allowed.
    pub local: bool,
}

impl IssuerSource {
    /// The name of what is kept of this issuer's keys from this place. A place that the
    /// configuration names is part of it.
    pub fn place(&self) -> String {
        match &self.location {
            KeyLocation::JwksUri(uri) => [&self.issuer, " ", uri].concat(),
            KeyLocation::Discovery => self.issuer.clone(),
        }
    }
}

/// Why a fetch brought no key set, or no other document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FetchFailure {
    /// No answer, or not in time.
    Network,
    /// A redirect: keys come from the configured place or not at all.
    Redirected,
    /// A status other than 200.
    Status(u16),
    /// More bytes than allowed.
    TooLarge,
    /// Of another media type than the document's.
    MediaType,
    /// Not a key set, or not the document that it should be.
    Malformed,
    /// A key set without a single usable key.
    NoUsableKeys,
    /// The metadata is of another issuer.
    OtherIssuer,
    /// The metadata names no `jwks_uri`.
    NoJwksUri,
    /// The URL is one that must not be fetched.
    UnsafeUrl,
    /// It was not fetched: the platform could have taken a way around the public internet.
    NotPublic,
}

impl FetchFailure {
    /// The stable name, for logs and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Redirected => "redirected",
            Self::Status(_) => "status",
            Self::TooLarge => "too_large",
            Self::MediaType => "media_type",
            Self::Malformed => "malformed",
            Self::NoUsableKeys => "no_usable_keys",
            Self::OtherIssuer => "other_issuer",
            Self::NoJwksUri => "no_jwks_uri",
            Self::UnsafeUrl => "unsafe_url",
            Self::NotPublic => "not_public",
        }
    }
}

impl fmt::Display for FetchFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(formatter, "status {status}"),
            other => formatter.write_str(other.code()),
        }
    }
}

impl core::error::Error for FetchFailure {}
