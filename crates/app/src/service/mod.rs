//! The use cases, over the ports: what happens between an HTTP request and its answer.
//!
//! - [`Service::at_once`] is the synchronous entry of every request: it answers, forwards or
//!   says that there is something to wait for;
//! - [`Service::gate`] (`gate`, `authenticate`, `key_sets`) protects the routes;
//! - [`Service::own`] (`own`, `sign_in`, `refreshing`, `sessions`, `passwords`, `own_account`,
//!   `health`) is our own API, `users` what operators do with users, [`admin`] how they ask.

pub mod admin;
mod assertion;
mod audit;
mod authenticate;
mod body;
mod caller;
mod changes;
mod cookies;
mod credentials;
mod csrf;
mod directory;
mod error;
mod errors;
mod events;
pub mod explain;
mod feed;
mod gate;
mod hash_queue;
mod health;
mod imports;
pub mod inspect;
mod isolate;
mod judging;
mod key_sets;
mod later;
mod metrics;
mod one_time;
#[cfg(test)]
#[cfg(feature = "thorough")]
mod openapi_tests;
mod own;
mod own_account;
mod passwords;
mod ports;
mod presented;
mod receipts;
mod refreshing;
mod refusals;
mod revocations;
mod scopes;
mod sessions;
mod shield;
mod sign_in;
mod socket;
mod tables;
mod throttle;
mod token_cache;
mod tokens;
mod turn;
mod users;
mod welcome;

pub use assertion::{ASSERTION_HEADER, ASSERTION_TYP};
pub use audit::Announced;
pub use body::{BodyFault, MAX_BODY_BYTES};
pub use caller::Caller;
pub(crate) use cookies::FIXED_COOKIES;
use error::ApiError;
pub use gate::{AtOnce, Forward, Outcome, UpstreamFault};
pub use health::misconfigured;
pub use isolate::{Isolate, Memory};
pub use key_sets::{kv_key, own_snapshot};
pub use ports::Ports;
pub use revocations::{RevocationRefused, Revoked};
pub use socket::{OpenSocket, SocketVerdict, SocketWatch};
pub use users::{GrantsRefused, MAX_USERS_ON_A_PAGE, Regranted};

use std::rc::Rc;

use crate::{gateway::Gate, ports::Clock as _, time::Timestamp};

/// The use cases for one request.
#[derive(Debug, Clone)]
pub struct Service<P> {
    isolate: Rc<Isolate>,
    ports: P,
    /// The route table as it was when the request came: it is judged by this one to its end,
    /// whatever is read meanwhile. `None` until the isolate has read one.
    gate: Option<Rc<Gate>>,
}

impl<P: Ports> Service<P> {
    /// Over the isolate's state and the request's ports.
    pub fn new(isolate: Rc<Isolate>, ports: P) -> Self {
        let gate = isolate.tables.gate();
        Self { isolate, ports, gate }
    }

    /// The request's ports, for work beside the answer.
    pub const fn ports(&self) -> &P {
        &self.ports
    }

    fn now(&self) -> Timestamp {
        self.ports.platform().now()
    }
}
