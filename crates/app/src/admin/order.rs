//! The orders in the bodies of calls. Each body is read once, for the audit log and for the handler.

use postern_oauth::stored::StoredId;
use serde_json::Value;

use crate::{
    admin::{
        clients,
        request::AdminRequest,
        revocations::{self, AdminRevocations},
        throttle::{AdminThrottle, ThrottleTarget},
        users,
    },
    auth::password_policy::parse_login,
    identity::{Grants, GrantsOrder, Login},
    revocation::Target,
    runtime::{Runtime, ports::Ports},
    throttle::pseudonym::stand_in,
    web::{
        endpoints::{AdminCall, ByBody, ByPath},
        error::ApiError,
    },
};

/// What a call orders.
pub(crate) enum Order<'a> {
    /// A call whose path names its target.
    ByPath(ByPath),
    /// Add a user with this login and these grants.
    AddUser(Login, Grants),
    /// Import these rows.
    ImportUsers(&'a [Value]),
    /// Change the grants of the user in the path.
    SetGrants(GrantsOrder),
    /// Revoke this target.
    Revoke(Target),
    /// Add a client with this id.
    AddClient(StoredId),
    /// Replace what the client in the path may do.
    ReplaceClient,
    /// Ask this issuer for its keys.
    RefreshIssuer(&'a str),
    /// Remove the limits and lockouts of this subject.
    ClearThrottle(ThrottleTarget),
}

/// Reads the orders in the bodies of calls.
pub(crate) struct Orders<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> Orders<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// The order of a call.
    pub(crate) fn order<'a>(&self, asked: &'a AdminRequest<'_>) -> Result<Order<'a>, ApiError> {
        Ok(match asked.call {
            AdminCall::ByPath(call) => Order::ByPath(call),
            AdminCall::ByBody(ByBody::AddUser) => {
                let login = parse_login(self.0.ports.platform(), asked.body.text("login")?)?;
                Order::AddUser(login, users::grants_of(&asked.body)?)
            }
            AdminCall::ByBody(ByBody::ImportUsers) => Order::ImportUsers(asked.rows()?),
            AdminCall::ByBody(ByBody::SetGrants) => {
                Order::SetGrants(GrantsOrder::Set(users::grants_of(&asked.body)?))
            }
            AdminCall::ByBody(ByBody::AmendGrants) => Order::SetGrants(users::amendment_of(&asked.body)?),
            AdminCall::ByBody(ByBody::Revoke) => {
                Order::Revoke(AdminRevocations::of(self.0).target_to_revoke(asked)?)
            }
            AdminCall::ByBody(ByBody::AddClient) => {
                Order::AddClient(StoredId::random(self.0.ports.platform())?)
            }
            AdminCall::ByBody(ByBody::ReplaceClient) => Order::ReplaceClient,
            AdminCall::ByBody(ByBody::RefreshIssuer) => Order::RefreshIssuer(asked.body.text("issuer")?),
            AdminCall::ByBody(ByBody::ClearThrottle) => {
                Order::ClearThrottle(AdminThrottle::of(self.0).subject_to_clear(asked)?)
            }
        })
    }

    /// The target and the detail for the audit log.
    pub(crate) fn named(&self, asked: &AdminRequest<'_>, order: &Order<'_>) -> (String, String) {
        let by_path = || asked.parameters.join("/");
        match order {
            Order::ByPath(_) => (by_path(), String::new()),
            // The login's stand-in, which the event of the new user has too.
            Order::AddUser(login, grants) => {
                ("login ".to_owned() + &stand_in(&self.0.isolate.masters, login), grants.told())
            }
            Order::ImportUsers(rows) => (String::new(), rows.len().to_string() + " rows"),
            Order::SetGrants(grants) => (by_path(), grants.told()),
            Order::Revoke(target) => (revocations::named(target), String::new()),
            Order::AddClient(client_id) => (client_id.as_str().to_owned(), clients::told(&asked.body)),
            Order::ReplaceClient => (by_path(), clients::told(&asked.body)),
            Order::RefreshIssuer(issuer) => ((*issuer).to_owned(), String::new()),
            // Not in the path, which logs elsewhere keep.
            Order::ClearThrottle(subject) => (subject.told.clone(), String::new()),
        }
    }
}
