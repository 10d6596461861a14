//! The first steps of the gate, which do not wait.

use crate::{
    gateway::{Match, Route},
    http::{Reply, RequestView},
    web::cookies,
};

/// The result of the first steps.
pub(crate) enum GateStep<'g> {
    /// The answer, and the route that matched.
    Done(Option<&'g Route>, Reply),
    /// The request passes without an identity.
    Nobody(Box<Match<'g>>),
    /// An access token must be authenticated.
    Token(Box<Match<'g>>, Bearer),
}

/// An access token that is not parsed yet.
pub(crate) struct Bearer {
    pub(crate) text: String,
    pub(crate) by_cookie: bool,
    /// Other values of the cookie.
    pub(crate) others: Vec<String>,
}

/// Removes a refused access cookie when a person opens a page with it. Otherwise the browser would send the cookie
/// until it expires, and even public pages would be refused. Other requests of a page do not remove it, because
/// their answer may arrive after a newer cookie.
pub(crate) fn without_refused_cookie(
    request: &impl RequestView,
    by_cookie: bool,
    code: &str,
    reply: Reply,
) -> Reply {
    let is_opened = request
        .header("sec-fetch-dest")
        .is_none_or(|place| matches!(place.as_str(), "document" | "frame" | "iframe"));
    if by_cookie && is_opened && code != "expired" {
        return reply.with_header("set-cookie", &cookies::access_cookie("", 0));
    }
    reply
}
