//! The program of the npm package keeps no sign-in.

use postern_app::time::Timestamp;

use crate::{failure::Failure, http::Client};

/// There is none.
pub(super) fn signed_in(_: &Client, _: Timestamp) -> Result<String, Failure> {
    Err(Failure::unauthorized(
        "not signed in. Set POSTERN_TOKEN to an access token with the scope postern:admin: this program keeps no sign-in",
    ))
}
