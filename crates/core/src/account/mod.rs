//! The Account object: all refresh families of one subject, in one atomic place.
//!
//! [`messages`] are what the Worker and the object say to each other; [`Account`] is the
//! object's decisions over its [`Records`](crate::ports::Records), without the platform.

mod activity;
mod alarm;
mod client;
mod erasure;
#[cfg(not(target_family = "wasm"))]
pub mod memory;
pub mod messages;
mod object;
mod one_time;
pub mod one_time_token;
mod outbox;
mod reply;
mod rotation;
mod sessions;
mod stored;

pub use self::{
    activity::{ActivityEntry, ActivityKind},
    client::{Accounts, ChangeNotice, Opened, Refreshed},
    messages::{AccountAnswer, AccountRequest, Ends, Granted, Refusal, Rotated, SessionView},
    object::Account,
    one_time::Purpose,
    one_time_token::OneTimeToken,
    reply::{AlarmAction, Served},
};
use postern_jose::time::Timestamp;

/// Whether an access token *may* have been issued before its subject's not-before.
///
/// An `iat` names a whole second (RFC 7519 section 2), so a token of the very second of the
/// revocation may be from before or after it and counts as before here. The revocation feed
/// goes by this, and confirms a hit with [`AccountRequest::Check`], which is exact: it accepts a
/// sign-in made right after the revocation, and nothing from before it.
pub const fn may_predate(issued_at: Timestamp, not_before: Timestamp) -> bool {
    issued_at.seconds() <= not_before.seconds()
}
