//! The Account object: all refresh families of one subject, in one atomic place.
//!
//! [`messages`] are what the Worker and the object say to each other; [`Account`] is the
//! object's decisions over its [`Records`](crate::ports::Records), without the platform.
#![expect(async_fn_in_trait, reason = "one thread: no caller needs a Send bound")]

#[cfg(not(target_family = "wasm"))]
pub mod memory;
pub mod messages;
mod object;
mod sessions;
mod stored;

pub use self::{
    messages::{AccountAnswer, AccountRequest, Refusal, Rotated, SessionView},
    object::{Account, Served, Upkeep},
};
use crate::{ids::AccountId, ports::Fault};

/// The Account objects, as the Worker reaches them.
pub trait Accounts {
    /// Asks the object of this account. A [`Fault`] is transport, or an answer that is none.
    async fn ask(&self, account: AccountId, request: &AccountRequest) -> Result<AccountAnswer, Fault>;
}
