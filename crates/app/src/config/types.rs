//! The parts of a [`super::Config`], with their defaults.

use core::time::Duration;
use std::collections::BTreeSet;

use crate::{jose::SignatureAlgorithm, jwt::RolesForm, keys::RingPolicy, refresh::DriftPolicy};

const DAY: Duration = Duration::from_hours(24);

/// The profile of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Refuses everything that is only for development.
    Production,
    /// Allows plain HTTP, loopback hosts, the two local users and short times.
    Local,
}

/// Whether people can register accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// Only administrators add users.
    Closed,
    /// Everyone can register.
    Open,
}

/// The lifetimes and limits of refresh families.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshSettings {
    /// How long a family lives without a refresh.
    pub idle_lifetime: Duration,
    /// How long a family lives after the sign-in, regardless of refreshes.
    pub absolute_lifetime: Duration,
    /// How long after a rotation the replaced token still gets the same successor.
    pub reuse_interval: Duration,
    /// How long the replaced token still gets the same successor if the successor was never used.
    pub lost_response_window: Duration,
    /// Whether the gate confirms the arrival of a new access token to the Account object.
    pub receipts: bool,
    /// How many late retries of one rotation are answered.
    pub max_late_retries: u32,
    /// How many sessions a subject can have at the same time.
    pub max_families: u32,
}

impl Default for RefreshSettings {
    fn default() -> Self {
        Self {
            idle_lifetime: DAY * 7,
            absolute_lifetime: DAY * 30,
            // Tabs that refresh at the same time differ by tens of milliseconds, slow networks by seconds.
            reuse_interval: Duration::from_secs(10),
            lost_response_window: DAY,
            receipts: true,
            max_late_retries: 10,
            max_families: 50,
        }
    }
}

/// The kind of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientKind {
    /// Pages in a browser.
    Web,
    /// An app on a device.
    Mobile,
}

/// The reaction to a refresh from another network or kind of device than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContextChange {
    /// Write an event.
    Log,
    /// Require a new sign-in.
    SignIn,
}

/// The drift score from which clients with `on_context_change = "sign_in"` require a new sign-in: another country with
/// another network (45), or another program on another platform (70), but not a phone that leaves its WLAN (10).
const SIGN_IN_FROM_SCORE: u8 = 45;

impl ContextChange {
    /// The reaction as a refresh family has it.
    pub(crate) const fn policy(self) -> DriftPolicy {
        match self {
            Self::SignIn => DriftPolicy::SignIn { from_score: SIGN_IN_FROM_SCORE },
            Self::Log => DriftPolicy::Log,
        }
    }
}

/// A client for sign-ins at `/auth/login`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The `client_id` (RFC 6749 section 2.2).
    pub client_id: String,
    /// The kind, which decides the default lifetimes.
    pub kind: ClientKind,
    /// As [`RefreshSettings::idle_lifetime`], for this client.
    pub idle_lifetime: Duration,
    /// As [`RefreshSettings::absolute_lifetime`], for this client.
    pub absolute_lifetime: Duration,
    /// The reaction to a refresh from another network or kind of device.
    pub on_context_change: ContextChange,
}

impl Client {
    /// The client of a deployment without configured clients.
    pub(super) fn first_party(refresh: &RefreshSettings) -> Self {
        Self {
            client_id: "first-party".to_owned(),
            kind: ClientKind::Web,
            idle_lifetime: refresh.idle_lifetime,
            absolute_lifetime: refresh.absolute_lifetime,
            on_context_change: ContextChange::Log,
        }
    }
}

/// The refresh cookie. It always has `Secure`, `HttpOnly` and `SameSite=Strict`; browsers accept `Secure` cookies on
/// `http://localhost`, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CookieSettings {
    /// The name, which starts with `__Secure-` or `__Host-`.
    pub name: String,
    /// The path: `/auth` or `/`.
    pub path: String,
    /// The domain. Without it, only the host itself gets the cookie.
    pub domain: Option<String>,
    /// Whether pages also get the access token as a cookie, for routes that accept it.
    pub access: bool,
}

impl Default for CookieSettings {
    fn default() -> Self {
        Self {
            name: "__Secure-postern_refresh".to_owned(),
            path: "/auth".to_owned(),
            domain: None,
            access: false,
        }
    }
}

/// How long key sets are cached and used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwksSettings {
    /// The age from which a key set is fetched again in the background.
    pub soft_age: Duration,
    /// The age from which a key set is no longer used.
    pub hard_age: Duration,
    /// The minimum time between two fetches because of an unknown `kid`.
    pub unknown_kid_cooldown: Duration,
    /// The time limit of a whole fetch.
    pub timeout: Duration,
}

impl Default for JwksSettings {
    fn default() -> Self {
        Self {
            soft_age: Duration::from_mins(5),
            hard_age: DAY,
            unknown_kid_cooldown: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
        }
    }
}

/// How often the gate reads the revocation feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationSettings {
    /// The time between two reads of the feed by an isolate.
    pub reread: Duration,
    /// The age from which the feed is out of date, for routes with `stale_feed`.
    pub max_age: Duration,
}

impl Default for RevocationSettings {
    fn default() -> Self {
        // KV answers from a copy that is up to 30 s old, so reading more often has no effect.
        Self { reread: Duration::from_secs(30), max_age: Duration::from_mins(5) }
    }
}

/// The place of a route table in KV.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutesInKv {
    /// The key of the document ([`super::RouteDocument`]).
    pub key: String,
    /// The minimum time between two reads by one isolate.
    pub refresh: Duration,
}

/// The required `typ` of a token's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypRule {
    /// `at+jwt` (RFC 9068 section 2.1).
    AccessToken,
    /// Any value, for issuers that use `JWT` or no `typ`. Only the audience then distinguishes their ID tokens.
    Any,
}

/// Another issuer whose access tokens are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalIssuer {
    /// The `iss` of its tokens, compared exactly.
    pub issuer: String,
    /// The URL of its key set. Without it, the issuer's metadata has the URL.
    pub jwks_uri: Option<String>,
    /// The accepted audiences. Never empty.
    pub audiences: BTreeSet<String>,
    /// The claim with the audience, instead of `aud`.
    pub audience_claim: Option<String>,
    /// The allowed algorithms. Never empty.
    pub algorithms: BTreeSet<SignatureAlgorithm>,
    /// The required `typ` of its tokens.
    pub typ: TypRule,
    /// The maximum length of its tokens, in bytes.
    pub max_token_bytes: usize,
    /// The claims with the subject, instead of `sub`. The first one in the token counts.
    pub subject_claim: Option<Vec<String>>,
    /// The claim with the scopes, instead of `scope`.
    pub scope_claim: Option<String>,
    /// The claims with the roles, instead of `roles`.
    pub roles_claim: Option<BTreeSet<String>>,
    /// The form of the roles in these claims.
    pub roles_form: RolesForm,
    /// The claim with the tenant, instead of `tenant_id`.
    pub tenant_claim: Option<String>,
    /// The claims with the client, instead of `client_id`. A token's claims among them must be equal.
    pub client_claim: Option<BTreeSet<String>>,
    /// The leeway for this issuer, instead of `POSTERN_LEEWAY`.
    pub leeway: Option<Duration>,
}

/// The cost of Argon2id for new password hashes (RFC 9106).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2Cost {
    /// The memory in KiB.
    pub memory_kib: u32,
    /// The number of passes over the memory (`t`).
    pub iterations: u32,
    /// The number of lanes (`p`).
    pub parallelism: u32,
}

impl Default for Argon2Cost {
    fn default() -> Self {
        Self { memory_kib: 19_456, iterations: 2, parallelism: 1 }
    }
}

/// The store of the users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentitySource {
    /// Postern, in D1.
    Store,
    /// Another service, which Postern calls.
    Service {
        /// The service binding.
        binding: String,
        /// The permanent name of the service. Account ids are a hash of it and the subject, so it must not change.
        issuer: String,
    },
}

/// The delivery of messages to users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifierSettings {
    /// The service or the queue.
    pub way: NotifierWay,
    /// The page for a new password. Messages then contain a link to it with the token.
    pub reset_page: Option<String>,
    /// The page that verifies an email address.
    pub verify_page: Option<String>,
}

/// How messages leave the Worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotifierWay {
    /// A call of this service binding.
    Service(String),
    /// The queue of this producer binding.
    Queue(String),
}

/// The settings of metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricsSettings {
    /// The SHA-256 hash of the bearer token for `/metrics`. The token itself is not kept.
    pub token: Option<crate::audit::chain::Digest>,
    /// How long an isolate collects counts before it flushes them.
    pub flush_interval: Duration,
    /// The binding of an Analytics Engine data set that also gets the counts.
    pub dataset: Option<String>,
}

impl Default for MetricsSettings {
    fn default() -> Self {
        // A shorter interval costs more writes; a longer one loses more counts when an isolate is discarded.
        Self { token: None, flush_interval: Duration::from_secs(10), dataset: None }
    }
}

/// The settings of the administrators' API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminSettings {
    /// Whether the API is enabled.
    pub enabled: bool,
    /// The path prefix of its calls, without a slash at the end. No route of the gate matches below it.
    pub path: String,
    /// The maximum age of an administrator's sign-in for calls that change something.
    pub max_sign_in_age: Duration,
    /// Whether the dashboard is there, below the same prefix. It needs the pages.
    pub dashboard: bool,
}

impl Default for AdminSettings {
    fn default() -> Self {
        // An hour: a morning's work takes few sign-ins, and a session on a machine that was left alone overnight can
        // change nothing.
        let max_sign_in_age = Duration::from_hours(1);
        Self { enabled: true, path: "/admin".to_owned(), max_sign_in_age, dashboard: false }
    }
}

/// The rotation calendar of the deployment's signing keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RingSettings {
    /// The algorithm of new keys. A change takes effect at the next rotation.
    pub algorithm: SignatureAlgorithm,
    /// How long a key is published before it signs.
    pub publish_lead: Duration,
    /// How long a key is active, and signs.
    pub active_period: Duration,
    /// How long after its publication a client with an HTTP cache may not have a key: the `max-age` of the key set, and the
    /// age of the copy from which Postern answers.
    pub client_cache: Duration,
}

impl Default for RingSettings {
    fn default() -> Self {
        let RingPolicy { algorithm, publish_lead, active_period, .. } = RingPolicy::default();
        // 10 min of `max-age`, and 1 min for the copy in the isolate.
        Self { algorithm, publish_lead, active_period, client_cache: Duration::from_mins(11) }
    }
}
