//! The Throttle objects as the Worker calls them: one method for each request.

use super::messages::{Allowance, Charge, Refund, Refused, ThrottleAnswer, ThrottleRequest, ThrottleState};
use crate::ports::{Component, Fault};

/// The answer to claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// All claims were granted: one grant for each, in order, up to the first that is locked. The object charged none after
    /// that one.
    Granted(Vec<Allowance>),
    /// One claim was refused, and the object charged nothing.
    Refused(Refused),
}

/// The Throttle objects, as the Worker reaches them by name.
///
/// Every method fails with a [`Fault`] of [`Component::Throttle`] when the object cannot be reached, when its storage failed
/// ([`ThrottleAnswer::Unavailable`]), or when its answer is of another kind than the request.
#[expect(async_fn_in_trait, reason = "one thread: no caller needs a Send bound")]
pub trait Throttles {
    /// Sends one message to the object of this name. A [`Fault`] is transport, or an answer that cannot be read. Callers use
    /// the methods below.
    async fn ask(&self, name: &str, request: &ThrottleRequest) -> Result<ThrottleAnswer, Fault>;

    /// Charges all claims or none. A repeated call charges twice.
    async fn take(&self, name: &str, claims: &[Charge]) -> Result<Taken, Fault> {
        match self.ask(name, &ThrottleRequest::Take { claims: claims.to_vec() }).await? {
            ThrottleAnswer::Taken { grants } => Ok(Taken::Granted(grants)),
            ThrottleAnswer::Refused(refused) => Ok(Taken::Refused(refused)),
            other => Err(misplaced(other)),
        }
    }

    /// Takes back what an attempt was charged, after it succeeded.
    async fn forgive(&self, name: &str, pardons: Vec<Refund>) -> Result<(), Fault> {
        forgiven(self.ask(name, &ThrottleRequest::Forgive { pardons }).await?)
    }

    /// The state of these rows, or of the first [`super::messages::MAX_ROWS`] when `rows` is empty. Rows without state are
    /// left out.
    async fn standings(&self, name: &str, rows: Vec<String>) -> Result<Vec<(String, ThrottleState)>, Fault> {
        match self.ask(name, &ThrottleRequest::Read { rows }).await? {
            ThrottleAnswer::Standings { rows } => Ok(rows),
            other => Err(misplaced(other)),
        }
    }

    /// Forgets these rows, or all when `rows` is empty.
    async fn clear(&self, name: &str, rows: Vec<String>) -> Result<(), Fault> {
        forgiven(self.ask(name, &ThrottleRequest::Clear { rows }).await?)
    }
}

fn forgiven(answer: ThrottleAnswer) -> Result<(), Fault> {
    match answer {
        ThrottleAnswer::Forgiven => Ok(()),
        other => Err(misplaced(other)),
    }
}

fn misplaced(answer: ThrottleAnswer) -> Fault {
    match answer {
        ThrottleAnswer::Unavailable { cause } => Fault::new(Component::Throttle, cause),
        _ => Fault::misplaced(Component::Throttle),
    }
}
