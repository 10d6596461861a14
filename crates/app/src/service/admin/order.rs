//! What a call orders, read from its body once: before it is written down, and for who does it.

use serde_json::Value;

use super::{
    Asked,
    calls::{Call, Ordered, Plain},
    revocations,
    throttle::Subject,
    users,
};
use crate::{
    identity::{Grants, GrantsOrder, Login},
    revocation::Target,
    service::{ApiError, Ports, Service},
};

/// What is to be done.
pub(super) enum Order<'a> {
    /// A call whose path names what it is about.
    Plain(Plain),
    /// A user of this login who may do this.
    AddUser(Login, Grants),
    /// These rows of users.
    ImportUsers(&'a [Value]),
    /// What becomes of what the user of the path may do.
    SetGrants(GrantsOrder),
    /// The end of this.
    Revoke(Target),
    /// The end of what limits and locks say here.
    ClearThrottle(Subject),
}

impl<P: Ports> Service<P> {
    /// The order of a call. One whose body names nothing is none, and no act.
    pub(super) fn order<'a>(&self, asked: &'a Asked<'_>) -> Result<Order<'a>, ApiError> {
        Ok(match asked.line.call {
            Call::Plain(call) => Order::Plain(call),
            Call::Ordered(Ordered::AddUser) => {
                let login = self.parse_login(asked.body.text("login")?)?;
                Order::AddUser(login, users::grants_of(&asked.body)?)
            }
            Call::Ordered(Ordered::ImportUsers) => Order::ImportUsers(asked.rows()?),
            Call::Ordered(Ordered::SetGrants) => {
                Order::SetGrants(GrantsOrder::Set(users::grants_of(&asked.body)?))
            }
            Call::Ordered(Ordered::AmendGrants) => Order::SetGrants(users::amendment_of(&asked.body)?),
            Call::Ordered(Ordered::Revoke) => Order::Revoke(self.target_to_revoke(asked)?),
            Call::Ordered(Ordered::ClearThrottle) => Order::ClearThrottle(self.subject_to_clear(asked)?),
        })
    }

    /// What the audit log calls it: whom or what it is about, and a detail.
    pub(super) fn named(&self, asked: &Asked<'_>, order: &Order<'_>) -> (String, String) {
        let by_path = || asked.parameters.join("/");
        match order {
            Order::Plain(_) => (by_path(), String::new()),
            // The login's stand-in, which the event of the new user has too.
            Order::AddUser(login, grants) => ("login ".to_owned() + &self.stand_in(login), grants.told()),
            Order::ImportUsers(rows) => (String::new(), rows.len().to_string() + " rows"),
            Order::SetGrants(grants) => (by_path(), grants.told()),
            Order::Revoke(target) => (revocations::named(target), String::new()),
            // Not in the path, which logs elsewhere keep.
            Order::ClearThrottle(subject) => (subject.told.clone(), String::new()),
        }
    }
}
