//! A route's rules for the way to its upstream, beyond where that is: what the caller may sign
//! in with, what the upstream can check, how long and how often is tried, what becomes of an
//! open socket.

use core::time::Duration;

/// The rules. The default asks for nothing: the plain way, which costs least.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Forwarding {
    /// Where the access token may stand.
    pub token_sources: TokenSources,
    /// The audience of the signed assertion that the upstream gets, if it gets one.
    pub assertion: Option<String>,
    /// Whether the assertion is for one request alone: for its method and target. Each is then signed anew.
    pub bind_assertion: bool,
    /// The coarse shield in front of the route.
    pub rate_limit: Option<RateLimit>,
    /// Whether an idempotent request without a body is sent once more when the upstream was
    /// not reached or broke off before its answer's head.
    pub retry: bool,
    /// How long the whole exchange may take, the answer's body included.
    pub total_timeout: Option<Duration>,
    /// What ends an open WebSocket; `None` passes it through untouched.
    pub websocket: Option<SocketRule>,
}

/// Where an access token may stand (RFC 6750 section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenSources {
    /// `Authorization: Bearer`.
    pub header: bool,
    /// The `__Host-` access cookie.
    pub cookie: bool,
}

impl Default for TokenSources {
    fn default() -> Self {
        Self { header: true, cookie: false }
    }
}

/// A limit by the platform's binding, which counts for each of its locations by itself and is
/// permissive: a shield against floods, neither accounting nor lockout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimit {
    /// The binding's name in `wrangler.toml`, which has the limit itself.
    pub binding: String,
    /// Who is counted.
    pub by: RateKey,
    /// What a client over the limit is told to wait.
    pub retry_after: Duration,
}

/// Who is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateKey {
    /// The client's address, before its access token is looked at.
    Ip,
    /// The subject, after; the address where there is none.
    Subject,
}

/// What ends an open WebSocket besides its two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketRule {
    /// When the access token it was opened with expires.
    pub close_on_expiry: bool,
    /// When the session of that token ends; looked at in this interval.
    pub check_session_every: Option<Duration>,
}

/// Whether a request of this method may be sent again without harm (RFC 9110 section 9.2.2).
pub fn is_idempotent(method: &str) -> bool {
    is_safe(method) || matches!(method, "PUT" | "DELETE")
}

/// Whether the method asks for nothing to change (RFC 9110 section 9.2.1).
pub fn is_safe(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS")
}
