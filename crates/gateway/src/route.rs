//! A route: what it takes, what it asks of the caller, where it leads. All values here were
//! validated when the configuration was read.

mod pattern;
mod protected_resource;

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

pub use pattern::{PathPattern, PatternError, Segment};
pub use protected_resource::ProtectedResource;

use super::{cors::Cors, forwarding::Forwarding};
use postern_jose::encoding::text_set;

/// One line of the route table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Its name in logs and explanations.
    pub name: String,
    /// Which hosts.
    pub host: HostPattern,
    /// Which paths.
    pub path: PathPattern,
    /// Which methods.
    pub methods: Methods,
    /// What is asked of the caller.
    pub access: Access,
    /// How quickly a revocation is seen here.
    pub revocation: RevocationLevel,
    /// What happens here when the revocation feed is out of date.
    pub stale_feed: StaleFeed,
    /// Where the request goes.
    pub upstream: Upstream,
    /// How many leading segments of the path the upstream does not see.
    pub strip_segments: usize,
    /// Whether the upstream gets the access token too.
    pub keep_token: bool,
    /// What the upstream reads about the caller.
    pub headers: CallerHeaders,
    /// How long the upstream may take to answer with its headers; `None` for as long as it likes.
    pub timeout: Option<Duration>,
    /// Which origins' pages may call; `None` adds nothing and answers no preflight.
    pub cors: Option<Cors>,
    /// How requests are carried there.
    pub forwarding: Forwarding,
}

/// Hosts, in lower case and without port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// Every host.
    Any,
    /// This one.
    Exact(String),
    /// `*.SUFFIX`: every host below the suffix, at any depth, not the suffix itself.
    Wildcard(String),
}

impl HostPattern {
    /// What the `*` stands for in a host in normal form; `None` for one that is not below the
    /// suffix, and where there is no `*`.
    pub fn subdomain<'h>(&self, host: &'h str) -> Option<&'h str> {
        let Self::Wildcard(suffix) = self else { return None };
        host.strip_suffix(suffix.as_str())?.strip_suffix('.')
    }
}

/// Methods, compared with case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Methods {
    /// Every method.
    Any,
    /// These; `GET` brings `HEAD` with it, or a `HEAD` would slip to a later, laxer route.
    Only(BTreeSet<String>),
}

impl Methods {
    /// The methods named, and `HEAD` with `GET`.
    pub fn only<I: IntoIterator<Item = String>>(methods: I) -> Self {
        let mut methods = text_set(methods);
        if methods.contains("GET") {
            methods.insert("HEAD".to_owned());
        }
        Self::Only(methods)
    }

    /// Whether the method is one of these.
    pub(crate) fn admits(&self, method: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Only(methods) => methods.contains(method),
        }
    }
}

/// What a route asks of the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
// Only 64-bit pointers make it large enough for the lint.
#[cfg_attr(
    target_pointer_width = "64",
    expect(clippy::large_enum_variant, reason = "one per route, made once and read by reference")
)]
pub enum Access {
    /// Nothing; an access token that comes along is not even looked at.
    Public,
    /// Nothing, but the upstream is told who it is when a sound access token comes along.
    /// An unsound one is refused.
    Optional,
    /// A sound access token that meets the requirement.
    Required(Requirement),
}

/// What an access token must show. The default asks for nothing beyond a sound one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Requirement {
    /// `iss` must be one of these; empty for every trusted issuer.
    pub issuers: BTreeSet<String>,
    /// The protected resource that the route belongs to. An access token must be for it.
    pub resource: Option<Box<ProtectedResource>>,
    /// `aud` must name one of these; empty for what the issuer's configuration takes. With a resource: other names of it.
    pub audiences: BTreeSet<String>,
    /// All of these scopes.
    pub scopes_all: BTreeSet<String>,
    /// At least one of these scopes, if there are any.
    pub scopes_any: BTreeSet<String>,
    /// By scope of the two above: the scopes that contain it, each as good as the scope itself.
    pub broader_scopes: BTreeMap<String, BTreeSet<String>>,
    /// At least one of these roles, if there are any.
    pub roles_any: BTreeSet<String>,
    /// All of these comparisons.
    pub attributes: Vec<Attribute>,
    /// The access token was issued no longer ago than this.
    pub max_token_age: Option<Duration>,
    /// `acr` must be one of these, if there are any.
    pub acr: Vec<String>,
    /// `amr` must name all of these.
    pub amr: BTreeSet<String>,
}

/// A claim that is held against something of the request, or against a text. Texts are compared
/// byte by byte: no case folding, no patterns, no substrings. What is not there never holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// The claim's name.
    pub claim: String,
    /// How it is compared.
    pub comparison: Comparison,
    /// What with.
    pub operand: Operand,
}

/// How a claim is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// The claim is this one value. A list equals nothing, not even a list of one.
    Equals,
    /// The claim is a list with this item. A text contains nothing, not even itself.
    Contains,
}

/// What a claim is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operand {
    /// `{name}`: the decoded value of a path parameter.
    Param(String),
    /// `{host}`: the request's host, in lower case and without port.
    Host,
    /// `{subdomain}`: all that the `*` of the route's host stands for, in lower case.
    Subdomain,
    /// `{method}`: the request's method.
    Method,
    /// This text.
    Literal(String),
}

/// How a route learns of revocations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RevocationLevel {
    /// Not at all: the signature and the clock decide.
    None,
    /// From the isolate's copy of the revocation feed.
    #[default]
    Feed,
    /// By asking the Account object; the feed tells of what no Account object knows.
    Strong,
}

/// What a route does while the revocation feed is older than configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum StaleFeed {
    /// The last copy decides.
    #[default]
    Pass,
    /// Every caller gets 503.
    Refuse,
}

/// Where a route leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upstream {
    /// An absolute URL without query, and without a slash at its end.
    Url {
        /// What the path is appended to.
        base: String,
    },
    /// The Worker behind a service binding.
    Service {
        /// The binding's name in `wrangler.toml`.
        binding: String,
    },
    /// Nowhere: the gate answers with the identity's headers by itself, to a proxy or a Worker
    /// that asks before it passes a request on.
    Answer,
}

/// What the upstream reads about the caller and about where the request came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallerHeaders {
    /// The fixed headers, and these claims besides.
    Plain(Vec<ClaimHeader>),
    /// The signed assertion and nothing else.
    AssertionAlone,
}

impl CallerHeaders {
    /// The claims that go out as headers.
    pub fn claims(&self) -> &[ClaimHeader] {
        match self {
            Self::Plain(claims) => claims,
            Self::AssertionAlone => &[],
        }
    }
}

impl Default for CallerHeaders {
    fn default() -> Self {
        Self::Plain(Vec::new())
    }
}

/// A claim that goes out as a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimHeader {
    /// The claim's name.
    pub claim: String,
    /// The header's name, in lower case.
    pub header: String,
}
