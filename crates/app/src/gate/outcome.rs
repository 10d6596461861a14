//! The decisions of the gate about a request.

use core::time::Duration;
use std::rc::Rc;

use crate::{
    access::judging::PendingToken,
    gate::websocket::SocketWatch,
    gateway::{Gate, HeaderPlan, HeldMatch, Identity, Route, UpstreamTarget},
    http::{Problem, Reply},
    isolate::token_cache::KnownToken,
    jose::PendingVerification,
};

/// The result of the synchronous entry.
#[derive(Debug)]
pub enum Immediate {
    /// The answer to send.
    Reply(Reply),
    /// The answer to send, which may be kept from before.
    Identity(IdentityAnswer),
    /// Forward the request.
    Forward(Box<Forward>),
    /// The request is for Postern's own endpoints: read the body, and call
    /// [`Service::own`](crate::service::Service::own).
    Own,
    /// The signature of the access token must be verified: call
    /// [`Service::judged`](crate::service::Service::judged) with the verdict.
    Verify(Box<PendingRequest>),
    /// The decision must wait for something: call [`Service::gate`](crate::service::Service::gate).
    Wait,
}

/// The final decision of the gate.
#[derive(Debug)]
pub enum Outcome {
    /// The answer to send.
    Reply(Reply),
    /// Forward the request.
    Forward(Box<Forward>),
}

/// The answer of a route without an upstream, which tells who is calling. It depends on the token, the table and the route
/// alone.
#[derive(Debug)]
pub struct IdentityAnswer {
    pub(crate) gate: Rc<Gate>,
    pub(crate) index: usize,
    pub(crate) known: Rc<KnownToken>,
    pub(crate) number: Option<u32>,
}

impl IdentityAnswer {
    /// The number of this very answer. `None` means that it is not worth keeping.
    pub const fn number(&self) -> Option<u32> {
        self.number
    }

    /// The answer, made anew.
    pub fn reply(&self) -> Reply {
        let route = self.gate.routes().get(self.index);
        route.map_or_else(|| Reply::empty(204), |route| identity_reply(route, Some(&self.known.identity)))
    }
}

/// The gate's own answer with the identity of the caller.
pub(crate) fn identity_reply(route: &Route, identity: Option<&Identity>) -> Reply {
    let mut reply = Reply::empty(204);
    // Encoded values under checked names, none of them set twice.
    reply.headers.extend(Gate::identity_headers(route, identity));
    reply
}

/// A request whose access token is being verified. It holds nothing of the platform.
#[derive(Debug)]
pub struct PendingRequest {
    /// The table that decided, which decides to the end of the request.
    pub(crate) gate: Rc<Gate>,
    pub(crate) found: HeldMatch,
    pub(crate) by_cookie: bool,
    pub(crate) token: PendingToken,
}

impl PendingRequest {
    /// The token, the key for it, and the signature.
    pub const fn verification(&self) -> &PendingVerification {
        &self.token.verification
    }
}

/// The plan for forwarding a request to its upstream.
#[derive(Debug, Clone, PartialEq)]
pub struct Forward {
    /// The upstream and the URL.
    pub target: UpstreamTarget,
    /// The changes of the headers.
    pub headers: HeaderPlan,
    /// The time limit for the response headers, if there is one.
    pub timeout: Option<Duration>,
    /// The time limit for the whole exchange, if there is one.
    pub total_timeout: Option<Duration>,
    /// Whether a request without a body may be sent again if no response came.
    pub retry: bool,
    /// The rule for an open WebSocket, if there is one.
    pub watch: Option<SocketWatch>,
    /// Whether to bypass the platform's shared cache. The cache goes by the URL, and would give one caller's response
    /// to another: the `Authorization` header by which it recognises private responses (RFC 9111 section 3.5) is
    /// removed.
    pub uncached: bool,
    /// Response headers of the upstream to remove (CORS).
    pub answer_without: &'static [&'static str],
    /// The names of Postern's cookies, which are removed from the upstream's response.
    pub answer_without_cookies: Rc<[String]>,
    /// Headers to add to the response (CORS), or to Postern's answer if there is no response.
    pub answer_headers: Vec<(String, String)>,
}

/// The failure of an upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpstreamFault {
    /// The upstream could not be reached, or broke off. The cause is for the log.
    Unreachable(String),
    /// The response headers did not arrive in time.
    Timeout,
    /// The status of the response is not valid, or one that the platform gives in place of the upstream: 520 to 527, 530.
    Status(u16),
    /// The service binding of the route does not exist.
    NotBound(String),
}

impl UpstreamFault {
    /// The cause, for the log.
    pub(crate) fn cause(&self) -> String {
        match self {
            Self::Unreachable(cause) => format!("unreachable: {cause}"),
            Self::Timeout => "timeout".to_owned(),
            Self::Status(status @ 520..=530) => {
                format!("unreachable: Cloudflare answered with the status {status} in its place")
            }
            Self::Status(status) => format!("the status {status} is not valid"),
            Self::NotBound(service) => format!("unreachable: there is no service binding named {service}"),
        }
    }

    /// The name of the failure in the metrics, from a small fixed set.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Unreachable(_) | Self::Status(520..=530) => "unreachable",
            Self::Timeout => "timeout",
            Self::Status(_) => "impossible_status",
            Self::NotBound(_) => "not_bound",
        }
    }
}

impl From<&UpstreamFault> for Reply {
    fn from(fault: &UpstreamFault) -> Self {
        match fault {
            UpstreamFault::Unreachable(_) | UpstreamFault::Status(_) | UpstreamFault::NotBound(_) => {
                Problem::new(502, "upstream_unreachable", "The upstream did not respond").into()
            }
            UpstreamFault::Timeout => {
                Problem::new(504, "upstream_timeout", "The upstream did not respond in time").into()
            }
        }
    }
}

impl From<Outcome> for Immediate {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Reply(reply) => Self::Reply(reply),
            Outcome::Forward(forward) => Self::Forward(forward),
        }
    }
}
