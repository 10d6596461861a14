//! Refresh families: rotating refresh tokens whose reuse is recognised for ever and whose
//! honest retries never end a session.
//!
//! A *family* is one sign-in on one device, and is the session. The way of one refresh:
//!
//! 1. the Worker opens the presented token ([`codec::open`]): only its own MAC gets past here;
//! 2. it derives the successor's secret from the presented one ([`RefreshToken::present`]);
//! 3. it sends hashes alone to the subject's Account object, which decides by
//!    [`Family::rotate`], a pure function over the stored state;
//! 4. when that answers [`Rotated`](crate::account::Rotated), the Worker seals the successor
//!    ([`RefreshToken::seal_successor`]). A retry seals the very same bytes.
//!
//! `docs/concepts/refresh-families.md` has the rules, the state diagram and the threats.

mod agent;
pub mod codec;
mod context;
mod decision;
mod family;
mod grant;
mod limits;
mod ratchet;
mod rotate;

pub use self::{
    agent::{Agent, Platform},
    codec::{RefreshToken, RefusedToken},
    context::{Context, Drift, DriftReason, Network},
    decision::{Decided, Decision, Evidence, RefusalCause},
    family::{
        Alive, Answered, Binding, End, EndReason, Family, FamilyKind, NewFamily, Receipt, Revocation,
        SignInReason, State,
    },
    grant::Grant,
    limits::{DriftPolicy, Lifetime, Lifetimes, Limits},
    ratchet::{Presented, Secret, SecretHash},
};
