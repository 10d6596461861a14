//! The access token of a command: from the environment, or from the sign-in that `postern login` keeps.

#[cfg(not(target_family = "wasm"))]
mod kept;
#[cfg(target_family = "wasm")]
#[path = "none.rs"]
mod kept;

use postern_app::time::Timestamp;

#[cfg(not(target_family = "wasm"))]
pub(crate) use kept::{outdate, sign_in_of};

use crate::{failure::Failure, host, http::Client};

/// The access token for administrators' calls: `POSTERN_TOKEN`, or that of the sign-in kept,
/// renewed if it is about to expire.
pub(crate) fn access_token(client: &Client, now: Timestamp) -> Result<String, Failure> {
    given_token().map_or_else(|| kept::signed_in(client, now), Ok)
}

/// The token of the environment.
fn given_token() -> Option<String> {
    host::variable("POSTERN_TOKEN").map(|token| token.trim().to_owned()).filter(|token| !token.is_empty())
}
