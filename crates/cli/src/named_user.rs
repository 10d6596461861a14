//! The user that a command names, by id or by login.

use serde_json::Value;

use crate::{
    failure::{Failure, Kind},
    http::{Client, encoded, segment},
};

/// A user who was named by id or login.
pub(crate) struct Named {
    pub(crate) id: String,
    /// Whether there is one; `None` when the answer did not say.
    pub(crate) known: Option<bool>,
}

impl Named {
    /// The note for an id that no user has.
    pub(crate) fn note(&self) -> Option<String> {
        (self.known == Some(false))
            .then(|| format!("no user has the id {}: the user was erased, or the id is misspelled", self.id))
    }
}

/// What to add about a login that no user has: it may be limited all the same, or be mistyped.
pub(crate) fn note_of_login(client: &Client, login: &str) -> Option<String> {
    let page = client.admin("GET", &format!("/users?login={}", encoded(login)), None).ok()?;
    let unknown = page.get("users").and_then(Value::as_array).is_some_and(Vec::is_empty);
    unknown.then(|| format!("no user has the login {login}"))
}

/// The same, with a look at whether there is such a user. What fails is no reason to leave a
/// session alive, so that a part that is down leaves the question open.
pub(crate) fn find(client: &Client, user: &str) -> Result<Named, Failure> {
    let id = resolve(client, user)?;
    if id != user {
        return Ok(Named { id, known: Some(true) });
    }
    let known = match client.admin("GET", &format!("/users/{id}"), None) {
        Ok(_) => Some(true),
        Err(failure) => match failure.code.as_deref() {
            Some("user_not_found") => Some(false),
            // Users are kept elsewhere.
            Some("not_offered") => None,
            _ if failure.kind == Kind::Unavailable => None,
            _ => return Err(failure),
        },
    };
    Ok(Named { id, known })
}

/// The id of a user who is named by id or login.
pub(crate) fn resolve(client: &Client, user: &str) -> Result<String, Failure> {
    if user.parse::<postern_app::ids::AccountId>().is_ok() {
        return segment(user).map(str::to_owned);
    }
    let page = client.admin("GET", &format!("/users?login={}", encoded(user)), None)?;
    let id = page.pointer("/users/0/sub").and_then(Value::as_str);
    id.map(str::to_owned).ok_or_else(|| Failure::refused(format!("user {user} does not exist")))
}

/// The login of a user who is named by id or login. A login need not be a user's: those that do not
/// exist are limited as well.
pub(crate) fn login_of(client: &Client, user: &str) -> Result<String, Failure> {
    if user.parse::<postern_app::ids::AccountId>().is_err() {
        return Ok(user.to_owned());
    }
    let found = client.admin("GET", &format!("/users/{}", segment(user)?), None)?;
    let login = found.get("login").and_then(Value::as_str);
    login.map(str::to_owned).ok_or_else(|| Failure::refused(format!("user {user} does not exist")))
}
