//! The use cases of one request, for the Worker and for tests: what happens between a request and its answer.
//!
//! - [`Service::try_sync`] is the synchronous entry of every request: it answers, forwards, or says that there is something
//!   to wait for;
//! - [`Service::gate`] protects the routes (the room `gate`);
//! - [`Service::own`] answers for Postern's own paths (`router`, which leads to the rooms `auth` and `admin`).

use std::rc::Rc;

pub use crate::{
    access::key_sets::own_snapshot,
    auth::misconfigured::misconfigured,
    gate::{
        explain, inspect,
        outcome::{Forward, IdentityAnswer, Immediate, Outcome, PendingRequest, UpstreamFault},
        websocket::{OpenSocket, SocketVerdict, SocketWatch},
    },
    isolate::{Isolate, Memory, issuers::kv_key},
    runtime::Ports,
    web::body::BodyFault,
};
use crate::{
    gate::{requests::GateRequests, upstream_events::UpstreamEvents, websocket::Sockets},
    http::{Reply, RequestView},
    router::Router,
    runtime::Runtime,
};

/// The administrators' API.
pub mod admin {
    pub use crate::{admin::user_import::MAX_ROWS, identity::ADMIN_SCOPE as SCOPE};
}

#[cfg(test)]
mod for_tests;

/// The use cases for one request.
#[derive(Debug, Clone)]
pub struct Service<P>(Runtime<P>);

impl<P: Ports> Service<P> {
    /// Joins the isolate's state and the request's ports.
    pub fn new(isolate: Rc<Isolate>, ports: P) -> Self {
        Self(Runtime::new(isolate, ports))
    }

    /// The request's ports, for work beside the answer.
    pub const fn ports(&self) -> &P {
        &self.0.ports
    }

    /// Decides requests that can be decided from memory.
    pub fn try_sync(&self, request: &impl RequestView) -> Immediate {
        GateRequests::of(&self.0).try_sync(request)
    }

    /// Decides a request after [`Immediate::Verify`], with the verdict about the signature. The request must be the
    /// same. The result is never [`Immediate::Verify`] or [`Immediate::Own`].
    pub fn judged(&self, request: &impl RequestView, pending: PendingRequest, is_good: bool) -> Immediate {
        GateRequests::of(&self.0).judged(request, pending, is_good)
    }

    /// Decides all other requests.
    pub async fn gate(&self, request: &impl RequestView) -> Outcome {
        GateRequests::of(&self.0).gate(request).await
    }

    /// Answers a request for one of Postern's own endpoints, with its whole body.
    pub async fn own(&self, request: &impl RequestView, body: &[u8]) -> Reply {
        Router::of(&self.0).own(request, body).await
    }

    /// How large a body this request may have, in bytes. A longer one than others may send is read only from an
    /// administrator, whose access token is verified first.
    pub async fn body_limit(&self, request: &impl RequestView) -> usize {
        Router::of(&self.0).body_limit(request).await
    }

    /// The answer to a body that could not be read.
    pub fn body_refused(&self, request: &impl RequestView, cause: BodyFault) -> Reply {
        Router::of(&self.0).body_refused(request, cause)
    }

    /// Writes the event of a request that is sent to its upstream once more.
    pub fn upstream_retried(&self, request: &impl RequestView, fault: &UpstreamFault) {
        UpstreamEvents::of(&self.0).upstream_retried(request, fault);
    }

    /// The answer to a request whose body could not be sent on, with [`Forward::answer_headers`], and its event. It is
    /// the client's fault: no count of the upstream's failures rises.
    pub fn body_fault(
        &self,
        request: &impl RequestView,
        answer_headers: &[(String, String)],
        fault: BodyFault,
    ) -> Reply {
        UpstreamEvents::of(&self.0).body_fault(request, answer_headers, fault)
    }

    /// The answer when the upstream gave none, with [`Forward::answer_headers`], and its event.
    pub fn upstream_fault(
        &self,
        request: &impl RequestView,
        answer_headers: &[(String, String)],
        fault: &UpstreamFault,
    ) -> Reply {
        UpstreamEvents::of(&self.0).upstream_fault(request, answer_headers, fault)
    }

    /// The state of a socket that opens now.
    pub fn opened(&self, watch: &SocketWatch) -> OpenSocket {
        Sockets::of(&self.0).opened(watch)
    }

    /// When to check a socket that opens now.
    pub fn first_look(&self, socket: &OpenSocket) -> SocketVerdict {
        Sockets::of(&self.0).first_look(socket)
    }

    /// Looks at an open socket: whether it stays open, and when to look again.
    pub async fn look_at_socket(&self, socket: &OpenSocket) -> SocketVerdict {
        Sockets::of(&self.0).look_at_socket(socket).await
    }

    /// Writes the event of a socket that was closed because an end did not read what was sent.
    pub fn socket_overrun(&self, socket: &OpenSocket) {
        Sockets::of(&self.0).socket_overrun(socket);
    }
}
