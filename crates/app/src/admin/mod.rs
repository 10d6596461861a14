//! The administrators' API.

pub(crate) mod access;
pub(crate) mod api;
mod audit;
pub(crate) mod audit_trail;
mod clients;
pub(crate) mod history;
mod imports;
mod issuers;
mod keys;
mod order;
pub(crate) mod paging;
pub(crate) mod request;
mod revocations;
pub(crate) mod revoking;
mod routes;
mod sessions;
mod throttle;
pub(crate) mod user_import;
mod users;
