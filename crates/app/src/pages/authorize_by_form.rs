//! `POST /oauth/authorize`: an authorization request in a form of the client's site.

use crate::{
    http::{Reply, RequestView},
    pages::{pending::Pending, posted},
    web::{body::BodyError, error::ApiError},
};

/// Sends the browser to the same request by `GET`, which alone judges it.
///
/// A form of another site comes without cookies that are `SameSite=Lax`, so its user would look signed out here; a redirect
/// with 303 has them again. For the same reason the answer sets no cookie: this browser may have one that was not sent.
///
/// OAuth 2.1 section 3.1 has the parameters in the query or in the body, so both are refused.
///
/// # Errors
/// Returns [`ApiError::Body`] for a body that is no form, is empty, or is longer than what pages carry.
pub(crate) fn to_query(
    request: &impl RequestView,
    query: Option<&str>,
    body: &[u8],
) -> Result<Reply, ApiError> {
    if query.is_some_and(|query| !query.is_empty()) {
        return Err(ApiError::InvalidParameter { name: "query", problem: "is there besides a body" });
    }
    posted::fields(request, body)?;
    let text = core::str::from_utf8(body).map_err(|_| BodyError::InvalidUtf8)?;
    let pending = Pending::parse(text).ok_or(BodyError::TooLarge)?;
    Ok(Reply::empty(303).with_header("location", &pending.address()))
}
