//! The changes that the dashboard offers, and what each page says before it makes one.
//!
//! A change is named by its action in the audit log, and the row of the table of endpoints with this action is what is
//! carried out. Its fields are the `{...}` of that row's path and the members of its body. No change is here whose answer
//! has a secret, or whose body has a password: those are for the API and the CLI.

use postern_pages::dashboard::Link;
use serde_json::{Map, Value};

use crate::{
    dashboard::desk::Desk,
    web::{
        body::{Body, BodyError},
        endpoints::{ByPath, ENDPOINTS, Endpoint},
    },
};

/// The path of the page that asks, before the action.
pub(super) const CONFIRM: &str = "/ui/confirm/";

/// A change, and its texts. `{name}` in a text is the value of the field, or of the member of what is changed.
#[derive(Debug)]
pub(super) struct Change {
    /// The action in the audit log.
    pub(super) action: &'static str,
    /// What the page and its button are called.
    pub(super) title: &'static str,
    /// What will be done, in one sentence.
    pub(super) does: &'static str,
    /// How to undo it, in one sentence.
    pub(super) undo: &'static str,
    /// What was done.
    pub(super) done: &'static str,
    /// The page that the browser goes back to.
    pub(super) back: &'static str,
    /// The call that reads what is changed, by the first `{...}` of the path.
    pub(super) about: Option<ByPath>,
    /// The members of the body that the page takes. Another one in its address has no effect.
    pub(super) members: &'static [&'static str],
}

/// Every change of the dashboard.
pub(super) static CHANGES: &[Change] = &[
    Change {
        action: "key_rotate",
        title: "Rotate the signing key",
        does: "The next key signs from now on, and tokens of the present key stay valid until they expire.",
        undo: "A rotation is not undone; the key that signed before is not needed again.",
        done: "The rotation is ordered.",
        back: "/ui/keys",
        about: None,
        members: &[],
    },
    Change {
        action: "key_revoke",
        title: "Revoke this key",
        does: "Every token that the key {kid} signed is refused, so all users and clients with such a token get a new one by a refresh or a sign-in.",
        undo: "It cannot be undone. Another key signs at once.",
        done: "The key is revoked.",
        back: "/ui/keys",
        about: None,
        members: &[],
    },
];

/// A link to the page that asks before a change.
pub(super) fn asking(
    desk: &Desk<'_>,
    action: &str,
    text: &str,
    about: &str,
    fields: &[(&str, &str)],
) -> Link {
    let href = desk.around.link_with(&[CONFIRM, action].concat(), fields);
    Link { text: text.to_owned(), about: about.to_owned(), href }
}

/// A change with the values of its fields.
pub(super) struct Wanted {
    pub(super) change: &'static Change,
    pub(super) endpoint: &'static Endpoint,
    /// The fields in the order of the path and of the members. Empty ones are left out.
    pub(super) fields: Vec<(&'static str, String)>,
}

impl Wanted {
    /// The change of this action with the values that `value` has for its fields. `None` if there is no such change, or if
    /// the path lacks a value.
    pub(super) fn of(action: &str, value: &dyn Fn(&'static str) -> String) -> Option<Self> {
        let change = CHANGES.iter().find(|change| change.action == action)?;
        let endpoint = ENDPOINTS.iter().find(|endpoint| endpoint.action == action)?;
        let in_path = path_fields(endpoint);
        let mut fields = Vec::new();
        for name in in_path.iter().chain(change.members).copied() {
            let text = value(name);
            if !text.is_empty() {
                fields.push((name, text));
            } else if in_path.contains(&name) {
                return None;
            }
        }
        Some(Self { change, endpoint, fields })
    }

    /// The value of a field.
    pub(super) fn value(&self, name: &str) -> &str {
        self.fields.iter().find(|(own, _)| *own == name).map_or("", |(_, value)| value.as_str())
    }

    /// The values of the `{...}` in the path.
    pub(super) fn parameters(&self) -> Vec<&str> {
        path_fields(self.endpoint).iter().map(|name| self.value(name)).collect()
    }

    /// The body of the call.
    pub(super) fn body(&self) -> Result<Body, BodyError> {
        let mut members = Map::new();
        for name in self.change.members.iter().copied() {
            let text = self.value(name);
            if !text.is_empty() {
                members.insert(name.to_owned(), member(name, text)?);
            }
        }
        Ok(Body::of(members))
    }

    /// The query by which the page that asks has the same fields.
    pub(super) fn query(&self) -> Vec<(&str, &str)> {
        self.fields.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }

    /// A text with the values in place. What has no value is left out.
    pub(super) fn filled(&self, text: &str, about: &Value, escape: &dyn Fn(&str) -> String) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, (name, after))) =
            rest.split_once('{').and_then(|(before, inside)| Some((before, inside.split_once('}')?)))
        {
            filled.push_str(before);
            let of_target = about.get(name).and_then(Value::as_str).unwrap_or_default();
            let value = self.value(name);
            filled.push_str(&escape(if value.is_empty() { of_target } else { value }));
            rest = after;
        }
        filled.push_str(rest);
        filled
    }
}

/// The names of the `{...}` in the path.
fn path_fields(endpoint: &'static Endpoint) -> Vec<&'static str> {
    let inner = |segment: &'static str| segment.strip_prefix('{')?.strip_suffix('}');
    endpoint.path.split('/').filter_map(inner).collect()
}

/// The value of a member, which a form has as text.
fn member(name: &'static str, text: &str) -> Result<Value, BodyError> {
    match name {
        "not_before" | "expires_at" => {
            text.parse::<u64>().map(Value::from).map_err(|_| BodyError::InvalidMember(name))
        }
        _ => Ok(Value::String(text.to_owned())),
    }
}

/// Every change with its fields.
#[cfg(test)]
pub(super) fn every_field() -> Vec<(&'static str, Vec<&'static str>)> {
    let fields = |change: &Change| {
        let endpoint = ENDPOINTS.iter().find(|endpoint| endpoint.action == change.action).unwrap();
        path_fields(endpoint).into_iter().chain(change.members.iter().copied()).collect()
    };
    CHANGES.iter().map(|change| (change.action, fields(change))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_an_action_of_the_api_and_has_no_secret() {
        for change in CHANGES {
            let row = ENDPOINTS.iter().find(|endpoint| endpoint.action == change.action).unwrap();
            assert!(change.members.iter().all(|name| row.members.contains(name)), "{}", change.action);
            // Their bodies have a password or their answers a secret.
            let of_secrets = ["user_add", "users_import", "client_add", "client_rotate_secret"];
            assert!(!of_secrets.contains(&change.action), "{}", change.action);
            for text in [change.title, change.does, change.undo, change.done] {
                assert!(!text.is_empty(), "{}", change.action);
            }
            assert!(change.does.ends_with('.') && change.undo.ends_with('.') && change.done.ends_with('.'));
        }
    }
}
