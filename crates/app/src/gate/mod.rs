//! The gate: decides which requests pass to an upstream, and with which headers.

pub(crate) mod assertion;
mod cors;
pub mod explain;
mod explanation;
pub mod inspect;
pub(crate) mod outcome;
mod preflight;
mod rate_limit;
mod receipts;
mod refusal_events;
pub(crate) mod requests;
pub(crate) mod route_loader;
mod step;
mod token_source;
mod trace_headers;
pub(crate) mod upstream_events;
pub(crate) mod websocket;
mod welcome;
