//! The Account object: all refresh families of one subject, in one atomic place.
//!
//! [`AccountRequest`] and [`AccountAnswer`] are what the Worker and the object say to each other; [`Account`] is the
//! object's decisions over its [`Records`](crate::ports::Records), without the platform.

mod activity;
mod alarm;
mod answers;
mod authorization_code;
mod browser_cookie;
mod client;
mod codes;
mod consents;
mod erasure;
mod grants;
#[cfg(not(target_family = "wasm"))]
pub mod memory;
mod messages;
mod oauth_client;
mod oauth_messages;
mod object;
mod one_time;
pub mod one_time_token;
mod order;
mod outbox;
mod reply;
mod rotation;
mod sealed_family;
mod sessions;
mod stored;

pub use self::{
    activity::{ActivityEntry, ActivityKind},
    answers::{AccountAnswer, Browsing, Granted, Refusal, Rotated, SessionView},
    authorization_code::{AuthorizationCode, CODE_LIFETIME, CodeChallenge},
    browser_cookie::BrowserCookie,
    client::{Accounts, ChangeNotice, Opened, Refreshed},
    messages::{AccountRequest, Ends},
    oauth_client::{CodeOutcome, GrantRefresh, OauthAccounts},
    oauth_messages::{
        CodeRefusal, Consent, GrantRotated, GrantView, NotGranted, OauthAnswer, OauthRequest, PendingCode,
        PresentedCode, Redeemed, Wanted,
    },
    object::Account,
    one_time::Purpose,
    one_time_token::OneTimeToken,
    reply::{AccountReply, AlarmAction},
};
