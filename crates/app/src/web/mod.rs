//! HTTP for Postern's own endpoints: the table of endpoints, bodies, cookies, CSRF tokens, origins, errors.

pub(crate) mod body;
pub(crate) mod bound_token;
pub(crate) mod caller;
pub(crate) mod cookie_scopes;
pub(crate) mod cookies;
pub(crate) mod csrf;
pub(crate) mod endpoint_match;
pub(crate) mod endpoints;
pub(crate) mod error;
pub(crate) mod language;
pub(crate) mod origins;
pub(crate) mod paths;
pub(crate) mod throttled;
