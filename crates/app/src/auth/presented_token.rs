//! The refresh token of a request.

use crate::refresh::RefreshToken;

/// A refresh token and how it came: in the body or in the cookie. Its successor goes back in the same way.
#[derive(Debug)]
pub(crate) struct PresentedToken {
    pub(crate) token: RefreshToken,
    pub(crate) by_cookie: bool,
    /// Whether the browser has further refresh cookies in other scopes.
    pub(crate) has_others: bool,
}
