//! One call of an administrator, read and authenticated.

use std::rc::Rc;

use serde_json::{Map, Value};

use crate::{
    access::session::Session,
    admin::paging::Query,
    gateway::Identity,
    ids::AccountId,
    web::{
        body::Body,
        caller::Caller,
        endpoints::{AdminCall, Endpoint},
        error::ApiError,
    },
};

/// An administrator: the access token was verified, it has the scope, and its session is alive.
/// Only [`AdminAccess::admitted`](super::access::AdminAccess::admitted) makes one.
#[derive(Debug)]
pub(crate) struct Admin {
    pub(crate) identity: Rc<Identity>,
    pub(crate) session: Session,
}

/// One call of an administrator, its query and body known to hold only what it knows.
#[derive(Debug)]
pub(crate) struct AdminRequest<'a> {
    pub(crate) endpoint: &'static Endpoint,
    pub(crate) call: AdminCall,
    /// What the path's `{...}` stand for, in order.
    pub(crate) parameters: Vec<&'a str>,
    pub(crate) query: Query,
    pub(crate) body: Body,
    pub(crate) admin: Admin,
    pub(crate) caller: Caller,
}

impl AdminRequest<'_> {
    /// What the path's n-th `{...}` stands for.
    pub(crate) fn parameter(&self, index: usize) -> &str {
        self.parameters.get(index).copied().unwrap_or_default()
    }
}

/// A JSON object of these members, those that are null left out.
pub(crate) fn object<const N: usize>(mut members: [(&str, Value); N]) -> Value {
    Value::Object(kept(&mut members))
}

/// Not generic, so that it is there once.
fn kept(members: &mut [(&str, Value)]) -> Map<String, Value> {
    let mut kept = Map::new();
    // One by one: `collect` would sort them first.
    for (name, value) in members {
        if !value.is_null() {
            kept.insert((*name).to_owned(), value.take());
        }
    }
    kept
}

impl AdminRequest<'_> {
    /// The account that the first `{...}` names.
    pub(crate) fn account(&self) -> Result<AccountId, ApiError> {
        self.parameter(0).parse().map_err(|_| ApiError::UserNotFound)
    }
}
