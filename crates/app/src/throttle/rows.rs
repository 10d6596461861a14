//! The names of throttle objects, of their rows and of their limits.

use crate::{events::EventKind, identity::Login, rate::Rate};
use postern_core::throttle::{Charge, Limited, name};

/// The row of unknown devices in the object of an account.
pub(crate) const STRANGERS_ROW: &str = "strangers";

/// The row of signed-in users who must enter the password again.
pub(crate) const SIGNED_IN_ROW: &str = "signed_in";

/// The row of all known devices of an account.
pub(crate) const DEVICES_ROW: &str = "devices";

/// The row of all known devices of a network. It differs from every address.
pub(crate) const KNOWN_ROW: &str = "known";

/// The bucket of known devices, separate from that of unknown devices at the same address.
pub(crate) const KNOWN_BUCKET: &str = "login_known";

/// The kinds of Throttle objects, by what they limit.
pub(crate) const ACCOUNT: &str = "account";

pub(crate) const CLIENT: &str = "client";

pub(crate) const DEVICE: &str = "device";

pub(crate) const DEVICES: &str = "devices";

pub(crate) const KNOWN_IP: &str = "known-ip";

pub(crate) const KNOWN_NETWORK: &str = "known-network";

pub(crate) const IP: &str = "ip";

pub(crate) const NETWORK: &str = "network";

pub(crate) const SESSION: &str = "session";

/// Who asks an object: a claim and its name in policies and events.
pub(crate) struct LimitCheck {
    pub(crate) scope: &'static str,
    pub(crate) claim: Charge,
}

pub(crate) fn asked(scope: &'static str, row: &str, limited: Limited, rate: Option<Rate>) -> LimitCheck {
    let claim = Charge {
        row: row.to_owned(),
        bucket: limited.name().to_owned(),
        rate,
        ladder: None,
        spread: None,
        one: String::new(),
    };
    LimitCheck { scope, claim }
}

pub(crate) fn stuffing(scope: &'static str) -> EventKind {
    EventKind::StuffingDetected { pattern: if scope == NETWORK { "many_accounts" } else { "many_networks" } }
}

pub(crate) fn policy(limited: Limited, scope: &str) -> String {
    [limited.name(), scope].join("-")
}

/// The object of an account, which need not exist.
pub(crate) fn of_login(login: &Login) -> String {
    object(ACCOUNT, &name::of_login(login))
}

pub(crate) fn object(kind: &str, name: &str) -> String {
    [kind, name].join(" ")
}

pub(crate) fn key(object: &str, claim: &Charge) -> String {
    [object, &claim.row, &claim.bucket].join(" ")
}
