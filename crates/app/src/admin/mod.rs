//! The administrators' API.

pub(crate) mod access;
pub(crate) mod api;
mod audit;
pub(crate) mod audit_trail;
mod clients;
mod imports;
mod keys;
mod order;
mod paging;
mod request;
mod revocations;
pub(crate) mod revoking;
mod routes;
mod sessions;
mod throttle;
pub(crate) mod user_import;
mod users;
