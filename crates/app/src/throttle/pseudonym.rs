//! Pseudonyms of logins in events and records.

use crate::{
    events::{EventContext, Pseudonym},
    identity::{Login, User},
    secrets::Masters,
    web::caller::Caller,
};

/// The user of an event, by pseudonym.
pub(crate) fn setting_of(
    masters: &Masters,
    caller: &Caller,
    login: &Login,
    user: Option<&User>,
) -> EventContext {
    EventContext {
        account: user.map(|user| user.account),
        login: Some(pseudonym(masters, login)),
        ..caller.setting()
    }
}

pub(crate) fn stand_in(masters: &Masters, login: &Login) -> String {
    pseudonym(masters, login).to_string()
}

/// The pseudonym of a login.
pub(crate) fn pseudonym(masters: &Masters, login: &Login) -> Pseudonym {
    Pseudonym::of_login(masters.current(), login)
}
