//! Throttling: how often, how many failures, how many different accounts.
//!
//! - [`Rate`](crate::rate::Rate): token buckets, exact;
//! - [`lockout`]: failures are delayed, then locked out for longer and longer;
//! - [`distinct`]: many accounts from one network, or many networks on one account;
//! - [`device`]: the token by which an owner's device is known, so that strangers can't lock its
//!   owner out;
//! - [`name`]: what the object of an account is called;
//! - [`object`]: all of them over the records of a Throttle object. There is one for each network
//!   and one for each account, known or not.
//!
//! `docs/reference/limits.md` has the rules for operators and what each refusal costs.

mod client;
pub mod device;
pub mod distinct;
pub mod lockout;
#[cfg(not(target_family = "wasm"))]
pub mod memory;
pub mod messages;
pub mod name;
pub mod network;
pub mod object;

pub use self::{
    client::{Taken, Throttles},
    distinct::{DistinctCounter, DistinctLimit},
    lockout::{LockoutPolicy, LockoutState},
    messages::{Allowance, Charge, Refund, Refused, ThrottleAnswer, ThrottleRequest, ThrottleState},
    network::Origin,
    object::Throttle,
};

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limited {
    /// `POST /auth/login`.
    Login,
    /// `POST /auth/refresh`.
    Refresh,
    /// `POST /auth/register`.
    Register,
    /// Whatever sends a one-time token to an address or takes one: reset, verification.
    Reset,
    /// `GET /auth/account/export`.
    Export,
}

impl Limited {
    /// The stable name: of buckets, policies and in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Refresh => "refresh",
            Self::Register => "register",
            Self::Reset => "reset",
            Self::Export => "export",
        }
    }
}
