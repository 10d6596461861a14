//! What the gate knows of a request without waiting.

use crate::{
    gateway::{Match, Route},
    http::{Reply, RequestView},
    web::cookies,
};

/// What is known of a request without waiting.
pub(crate) enum GateStep<'g> {
    /// The answer, and the route that gave it.
    Done(Option<&'g Route>, Reply),
    /// It passes as nobody.
    Nobody(Box<Match<'g>>),
    /// An access token is to be looked at.
    Token(Box<Match<'g>>, Bearer),
}

/// An access token as it came.
pub(crate) struct Bearer {
    pub(crate) text: String,
    pub(crate) by_cookie: bool,
    /// Other values of the cookie.
    pub(crate) others: Vec<String>,
}

impl Bearer {
    /// A refused token in a cookie is taken away when a person opens a page with it: the browser would
    /// send it until it expires, and nobody could read a page that asks for nothing. Not for what the
    /// page loads beside, whose answer may come after a newer cookie; and one that has expired goes
    /// by itself.
    pub(crate) fn refused(&self, request: &impl RequestView, code: &str, reply: Reply) -> Reply {
        let is_opened = request
            .header("sec-fetch-dest")
            .is_none_or(|place| matches!(place.as_str(), "document" | "frame" | "iframe"));
        if self.by_cookie && is_opened && code != "expired" {
            return reply.with_header("set-cookie", &cookies::access_cookie("", 0));
        }
        reply
    }
}
