//! What `postern routes explain` says: who is supposed to ask, what would be answered, and why.

use serde_json::{Map, Value};

use crate::{
    gateway::{SupposedIdentity, explain::Ask, path::NormalPath},
    http::Reply,
};

/// The assumed caller.
#[derive(Debug, Clone, Copy)]
pub enum Supposed<'a> {
    /// A caller without an access token.
    Nobody,
    /// A caller with a valid access token with these claims. Claims that every token has can be omitted.
    Claims(&'a Map<String, Value>),
    /// A caller with this access token, whose signature is assumed to be valid.
    AccessToken(&'a str),
}

/// The place of the caller's access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Place {
    /// The `Authorization` header.
    #[default]
    Header,
    /// The access cookie, which browsers send automatically.
    Cookie,
}

/// The answer to the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Postern itself answers.
    Own,
    /// The gate answers a CORS preflight, which needs no credentials.
    Preflight {
        /// The answer to send.
        reply: Reply,
        /// Whether pages of the origin may send the request.
        permitted: bool,
    },
    /// The upstream answers.
    Forwarded {
        /// The URL of the request to the upstream.
        url: String,
    },
    /// The gate refuses the request.
    Refused {
        /// The answer to send.
        reply: Reply,
        /// The precise cause, which the caller does not learn.
        why: String,
    },
}

/// A route that does not match the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedOver {
    /// The index of the route in the table.
    pub index: usize,
    /// The name of the route.
    pub name: String,
    /// Why the route does not match.
    pub why: String,
}

/// The route that matches the request.
#[derive(Debug, Clone, PartialEq)]
pub struct Deciding {
    /// The index of the route in the table.
    pub index: usize,
    /// The name of the route.
    pub name: String,
    /// The parameters of the path, with their values.
    pub params: Vec<(String, String)>,
    /// The requirements of the route.
    pub asks: Vec<Ask>,
    /// The caller, if one is assumed and the token is valid.
    pub caller: Option<SupposedIdentity>,
}

/// What the gate would do with a request, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The path in normal form, unless it is ambiguous.
    pub path: Option<NormalPath>,
    /// The routes before the matching one, or all routes if none matches.
    pub passed_over: Vec<PassedOver>,
    /// The route that matches the request.
    pub route: Option<Deciding>,
    /// The answer to the request.
    pub answer: Answer,
    /// The assumptions that only the running Worker can check.
    pub supposed: Vec<String>,
}
