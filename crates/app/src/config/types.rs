//! The parts of a [`super::Config`], with their defaults.

use core::time::Duration;
use std::collections::BTreeSet;

use crate::{
    jwt::RolesForm,
    keys::{RingPolicy, SigningAlgorithm},
};

const DAY: Duration = Duration::from_hours(24);

/// Where Postern runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Everything that is only for development is refused.
    Production,
    /// Plain HTTP, loopback hosts, the two local users and short times are taken.
    Local,
}

/// Whether strangers may make themselves an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// No.
    Closed,
    /// Yes.
    Open,
}

/// Refresh families.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshSettings {
    /// A family ends when it was not refreshed for this long.
    pub idle_lifetime: Duration,
    /// A family ends this long after the sign-in, however often it was refreshed.
    pub absolute_lifetime: Duration,
    /// How long after a rotation its predecessor still gets the same successor.
    pub reuse_interval: Duration,
    /// How long a predecessor whose successor was never seen still gets it.
    pub lost_response_window: Duration,
    /// Whether the gate confirms that a new access token arrived.
    pub receipts: bool,
    /// How many late retries one rotation answers.
    pub max_late_retries: u32,
    /// How many sessions a subject may have at once.
    pub max_families: u32,
}

impl Default for RefreshSettings {
    fn default() -> Self {
        Self {
            idle_lifetime: DAY * 7,
            absolute_lifetime: DAY * 30,
            // Tabs racing each other miss by tens of milliseconds, slow networks by seconds.
            reuse_interval: Duration::from_secs(10),
            lost_response_window: DAY,
            receipts: true,
            max_late_retries: 10,
            max_families: 50,
        }
    }
}

/// What kind of program a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientKind {
    /// Pages in a browser.
    Web,
    /// An app on a device.
    Mobile,
}

/// What happens when a refresh comes from another network or kind of device than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContextChange {
    /// An event is written.
    Log,
    /// A new sign-in is asked for.
    SignIn,
}

/// One client of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// `client_id`.
    pub client_id: String,
    /// Its kind.
    pub kind: ClientKind,
    /// As in [`RefreshSettings`].
    pub idle_lifetime: Duration,
    /// As in [`RefreshSettings`].
    pub absolute_lifetime: Duration,
    /// On another network or kind of device.
    pub on_context_change: ContextChange,
}

impl Client {
    /// The client that exists when none is configured.
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

/// The refresh cookie. `Secure`, `HttpOnly` and `SameSite=Strict` are not for choosing:
/// browsers take `Secure` cookies on `http://localhost` too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CookieSettings {
    /// Its name, which starts with `__Secure-` or `__Host-`.
    pub name: String,
    /// Its path.
    pub path: String,
    /// Its domain; none keeps it on the very host.
    pub domain: Option<String>,
    /// Whether pages get the access token as a cookie too, for routes that take it from there.
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

/// How long key sets are used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwksSettings {
    /// After this a set is fetched anew in the background.
    pub soft_age: Duration,
    /// After this a set that could not be fetched anew is used no more.
    pub hard_age: Duration,
    /// The least time between two fetches because of an unknown `kid`.
    pub unknown_kid_cooldown: Duration,
    /// How long one fetch may take in all.
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

/// How the gate learns of revocations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationSettings {
    /// How often an isolate reads the feed again.
    pub reread: Duration,
    /// From which age on the feed is out of date, for routes that ask.
    pub max_age: Duration,
}

impl Default for RevocationSettings {
    fn default() -> Self {
        // KV itself answers from a copy that is up to 30 s old: to read more often brings nothing.
        Self { reread: Duration::from_secs(30), max_age: Duration::from_mins(5) }
    }
}

/// A route table in KV.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutesInKv {
    /// The key of the document ([`super::RouteDocument`]).
    pub key: String,
    /// The least time between two readings by one isolate.
    pub refresh: Duration,
}

/// What the header's `typ` must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypRule {
    /// `at+jwt` (RFC 9068 section 2.1).
    AccessToken,
    /// Anything: for issuers that say `JWT` or nothing. Their ID tokens are then kept out by
    /// the audience alone.
    Any,
}

/// Another issuer whose access tokens are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalIssuer {
    /// `iss`, compared exactly.
    pub issuer: String,
    /// Where its key set is; without it, where the issuer's metadata says.
    pub jwks_uri: Option<String>,
    /// The audience must name one of these. Never empty.
    pub audiences: BTreeSet<String>,
    /// Which claim is the audience; `aud` when none is named.
    pub audience_claim: Option<String>,
    /// JOSE names, from [`super::ALGORITHMS`]. Never empty.
    pub algorithms: BTreeSet<String>,
    /// What `typ` must be.
    pub typ: TypRule,
    /// The longest of its tokens, in bytes.
    pub max_token_bytes: usize,
    /// Which claims name the subject, the first that is there; `sub` when none is named.
    pub subject_claim: Option<Vec<String>>,
    /// Which claim holds the scopes; `scope` when none is named.
    pub scope_claim: Option<String>,
    /// Which claims hold the roles; `roles` when none is named.
    pub roles_claim: Option<BTreeSet<String>>,
    /// What stands in them.
    pub roles_form: RolesForm,
    /// Which claim holds the tenant; `tenant_id` when none is named.
    pub tenant_claim: Option<String>,
    /// Which claims name the client, all that a token has the same; `client_id` when none is named.
    pub client_claim: Option<BTreeSet<String>>,
    /// Its own leeway, in place of `POSTERN_LEEWAY`.
    pub leeway: Option<Duration>,
}

/// The cost of Argon2id for new password hashes (RFC 9106).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
}

impl Default for Argon2Cost {
    fn default() -> Self {
        Self { memory_kib: 19_456, iterations: 2, parallelism: 1 }
    }
}

/// Who keeps the users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentitySource {
    /// We do, in D1.
    Store,
    /// A service of the team's own.
    Service {
        /// Its service binding.
        binding: String,
        /// Names that service for ever: accounts are named by a hash of it and the subject.
        issuer: String,
    },
}

/// What carries messages to users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifierSettings {
    /// Which way.
    pub way: NotifierWay,
    /// The page where a new password is chosen; a link to it then goes with the token.
    pub reset_page: Option<String>,
    /// The page that verifies an address.
    pub verify_page: Option<String>,
}

/// How messages leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotifierWay {
    /// By a call of this service binding.
    Service(String),
    /// Into the queue of this producer binding.
    Queue(String),
}

/// Metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricsSettings {
    /// SHA-256 of the bearer token that reads `/metrics`; the token itself is not kept.
    pub token: Option<crate::audit::chain::Digest>,
    /// How long an isolate gathers counts before it sends them off.
    pub flush_interval: Duration,
    /// The binding of an Analytics Engine data set that gets them too.
    pub dataset: Option<String>,
}

impl Default for MetricsSettings {
    fn default() -> Self {
        // What an isolate that dies may lose, against a write for each isolate and interval.
        Self { token: None, flush_interval: Duration::from_secs(10), dataset: None }
    }
}

/// The administrators' API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminSettings {
    /// Whether there is one.
    pub enabled: bool,
    /// The path that all its calls are under, without a slash at its end. It is Postern's own:
    /// no route of the gate is reached below it.
    pub path: String,
    /// How long ago an administrator's sign-in may be when a call changes something.
    pub max_sign_in_age: Duration,
}

impl Default for AdminSettings {
    fn default() -> Self {
        // An hour: a morning's work needs few sign-ins, and a session that was stolen from a
        // machine left alone over night changes nothing.
        Self { enabled: true, path: "/admin".to_owned(), max_sign_in_age: Duration::from_hours(1) }
    }
}

/// The calendar of our own signing keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RingSettings {
    /// What new keys sign with; a change takes effect by rotation.
    pub algorithm: SigningAlgorithm,
    /// How long a key is published before it signs.
    pub publish_lead: Duration,
    /// How long a key signs.
    pub active_period: Duration,
    /// How long after its publication a client that obeys HTTP caching may not know a key: the
    /// key set's `max-age`, and the age of the copy that we answer from.
    pub client_cache: Duration,
}

impl Default for RingSettings {
    fn default() -> Self {
        let RingPolicy { algorithm, publish_lead, active_period, .. } = RingPolicy::default();
        // 10 min of `max-age` and 1 min of ours.
        Self { algorithm, publish_lead, active_period, client_cache: Duration::from_mins(11) }
    }
}
