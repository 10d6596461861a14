//! A call of an administrator, parsed and authenticated.

use serde_json::{Map, Value};

use crate::{
    access::session::Session,
    admin::paging::Query,
    ids::AccountId,
    time::Timestamp,
    web::{
        body::Body,
        caller::Caller,
        endpoints::{AdminCall, Endpoint},
        error::ApiError,
    },
};

/// An authenticated administrator: they have the scope, and their session is alive. Only
/// [`AdminAccess`](super::access::AdminAccess) makes one, of an access token or of a browser session.
#[derive(Debug, Clone)]
pub(crate) struct Admin {
    /// Their subject.
    pub(crate) subject: String,
    /// The client of the session.
    pub(crate) client_id: Option<String>,
    /// The session.
    pub(crate) session: Session,
    /// When they signed in, which a refresh does not renew. `None` is too long ago for every change.
    pub(crate) signed_in_at: Option<Timestamp>,
}

/// A call of an administrator. Its query and body have no unknown members.
#[derive(Debug)]
pub(crate) struct AdminRequest<'a> {
    pub(crate) endpoint: &'static Endpoint,
    pub(crate) call: AdminCall,
    /// The values of the `{...}` in the path, in order.
    pub(crate) parameters: Vec<&'a str>,
    pub(crate) query: Query,
    pub(crate) body: Body,
    pub(crate) admin: Admin,
    pub(crate) caller: Caller,
}

impl AdminRequest<'_> {
    /// The value of the n-th `{...}` in the path.
    pub(crate) fn parameter(&self, index: usize) -> &str {
        self.parameters.get(index).copied().unwrap_or_default()
    }
}

/// A JSON object of these members without those that are null.
pub(crate) fn object<const N: usize>(mut members: [(&str, Value); N]) -> Value {
    Value::Object(kept(&mut members))
}

/// Not generic, so that it is compiled once.
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
