//! What a call orders, read from its body once: before it is written down, and for who does it.

use serde_json::Value;

use crate::{
    admin::{
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

/// What is to be done.
pub(crate) enum Order<'a> {
    /// A call whose path names what it is about.
    ByPath(ByPath),
    /// A user of this login who may do this.
    AddUser(Login, Grants),
    /// These rows of users.
    ImportUsers(&'a [Value]),
    /// What becomes of what the user of the path may do.
    SetGrants(GrantsOrder),
    /// The end of this.
    Revoke(Target),
    /// The end of what limits and locks say here.
    ClearThrottle(ThrottleTarget),
}

/// Reads what a call's body orders.
pub(crate) struct Orders<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> Orders<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// The order of a call. One whose body names nothing is none, and no act.
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
            AdminCall::ByBody(ByBody::ClearThrottle) => {
                Order::ClearThrottle(AdminThrottle::of(self.0).subject_to_clear(asked)?)
            }
        })
    }

    /// What the audit log calls it: whom or what it is about, and a detail.
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
            // Not in the path, which logs elsewhere keep.
            Order::ClearThrottle(subject) => (subject.told.clone(), String::new()),
        }
    }
}
