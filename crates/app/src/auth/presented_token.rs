//! A refresh token as a request brings it.

use crate::refresh::RefreshToken;

/// A refresh token and the way it came, which is the way its successor goes.
#[derive(Debug)]
pub(crate) struct PresentedToken {
    pub(crate) token: RefreshToken,
    pub(crate) by_cookie: bool,
    /// Whether the browser holds others of ours, in other scopes.
    pub(crate) has_others: bool,
}
