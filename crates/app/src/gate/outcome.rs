//! What the gate decides about a request.

use core::time::Duration;
use std::rc::Rc;

use crate::{
    gate::websocket::SocketWatch,
    gateway::{HeaderPlan, UpstreamTarget},
    http::{Problem, Reply},
};

/// What the synchronous entry found.
#[derive(Debug)]
pub enum Immediate {
    /// The answer.
    Reply(Reply),
    /// Pass it on.
    Forward(Box<Forward>),
    /// One of our own endpoints: read the body and call [`Service::own`](crate::service::Service::own).
    Own,
    /// Something must be waited for: call [`Service::gate`](crate::service::Service::gate).
    Wait,
}

/// What the gate decided in the end.
#[derive(Debug)]
pub enum Outcome {
    /// The answer.
    Reply(Reply),
    /// Pass it on.
    Forward(Box<Forward>),
}

/// All that carrying a request to its upstream needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Forward {
    /// Where to.
    pub target: UpstreamTarget,
    /// What changes in the headers.
    pub headers: HeaderPlan,
    /// How long the head of the answer may take.
    pub timeout: Duration,
    /// How long the whole exchange may take, if there is a limit.
    pub total_timeout: Option<Duration>,
    /// Whether it may be sent once more when no answer came and it has no body.
    pub retry: bool,
    /// What an open WebSocket is held to, if to anything.
    pub watch: Option<SocketWatch>,
    /// Whether no shared cache of the platform may answer, or keep the answer. Such a cache goes by
    /// the URL: it would give one caller's answer to the next, for the `Authorization` by which it
    /// knows a private one (RFC 9111 section 3.5) is removed.
    pub uncached: bool,
    /// Headers of the answer that the upstream has no say in (CORS): they are removed.
    pub answer_without: &'static [&'static str],
    /// Cookies that the upstream may not set, for they are ours: they are removed.
    pub answer_without_cookies: Rc<[String]>,
    /// Headers to add to the answer (CORS), or to our own when the upstream gives none.
    pub answer_headers: Vec<(String, String)>,
}

/// What an upstream did instead of answering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpstreamFault {
    /// It was not reached, or broke off; the cause is for the log.
    Unreachable(String),
    /// Its head was not there in time.
    Timeout,
    /// Its status is none.
    Status(u16),
    /// The route names a service that is not bound.
    NotBound(String),
}

impl UpstreamFault {
    /// The cause, for the log.
    pub fn cause(&self) -> String {
        match self {
            Self::Unreachable(cause) => format!("unreachable: {cause}"),
            Self::Timeout => "timeout".to_owned(),
            Self::Status(status) => format!("the status {status} is not valid"),
            Self::NotBound(service) => format!("unreachable: there is no service binding named {service}"),
        }
    }

    /// What it is called in the metrics: few names, whatever the cause says.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
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
