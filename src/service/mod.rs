//! The use cases, over the ports: what happens between an HTTP request and its answer.
//!
//! - [`Service::at_once`] is the synchronous entry of every request: it answers, forwards or
//!   says that there is something to wait for;
//! - [`Service::gate`] (`gate`, `authenticate`, `key_sets`) protects the routes;
//! - [`Service::own`] (`own`, `sign_in`, `refreshing`, `sessions`, `health`) is our own API.

mod authenticate;
mod body;
mod caller;
mod cookies;
mod credentials;
mod csrf;
mod error;
mod events;
mod feed;
mod gate;
mod health;
mod isolate;
mod key_sets;
mod own;
mod ports;
mod receipts;
mod refreshing;
mod revocations;
mod sessions;
mod sign_in;
mod token_cache;
mod tokens;

pub use body::MAX_BODY_BYTES;
pub use caller::Caller;
use error::ApiError;
pub use gate::{AtOnce, Forward, Outcome, UpstreamFault};
pub use health::misconfigured;
pub use isolate::{Isolate, Memory};
pub use key_sets::{kv_key, own_snapshot};
pub use ports::Ports;
pub use revocations::{RevocationRefused, Revoked};

use std::rc::Rc;

use crate::{ports::Clock as _, time::Timestamp};

/// The use cases for one request.
#[derive(Debug, Clone)]
pub struct Service<P> {
    isolate: Rc<Isolate>,
    ports: P,
}

impl<P: Ports> Service<P> {
    /// Over the isolate's state and the request's ports.
    pub const fn new(isolate: Rc<Isolate>, ports: P) -> Self {
        Self { isolate, ports }
    }

    fn now(&self) -> Timestamp {
        self.ports.platform().now()
    }
}
