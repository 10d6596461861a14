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
        endpoints::{ByPath, ENDPOINTS, Endpoint, REVOCATION_MEMBERS},
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
    Change {
        action: "user_disable",
        title: "Disable this user",
        does: "{login} ({sub}) cannot sign in any more, and all of their sessions end.",
        undo: "Enable the user again; the sessions do not come back.",
        done: "The user is disabled.",
        back: "/ui/users/{sub}",
        about: Some(ByPath::User),
        members: &[],
    },
    Change {
        action: "user_enable",
        title: "Enable this user",
        does: "{login} ({sub}) can sign in again.",
        undo: "Disable the user again.",
        done: "The user is enabled.",
        back: "/ui/users/{sub}",
        about: Some(ByPath::User),
        members: &[],
    },
    Change {
        action: "user_reset",
        title: "Send a message for a new password",
        does: "{login} ({sub}) gets a message with a one-time link for a new password; until it is used, the old password stays valid.",
        undo: "The link expires by itself.",
        done: "The message is on its way, unless the user is disabled or has had too many of them.",
        back: "/ui/users/{sub}",
        about: Some(ByPath::User),
        members: &[],
    },
    Change {
        action: "user_erase",
        title: "Erase this user",
        does: "{login} ({sub}) is erased with all sessions, grants, and activity.",
        undo: "It cannot be undone.",
        done: "The user is erased.",
        back: "/ui/users",
        about: Some(ByPath::User),
        members: &[],
    },
    Change {
        action: "sessions_revoke",
        title: "End all sessions",
        does: "All sessions and grants of {login} ({sub}) end, and their access tokens are refused wherever the session is checked.",
        undo: "It cannot be undone; the user signs in again.",
        done: "The sessions have ended.",
        back: "/ui/users/{sub}",
        about: Some(ByPath::User),
        members: &[],
    },
    Change {
        action: "session_revoke",
        title: "End this session",
        does: "The session {session_id} of {login} ({sub}) ends.",
        undo: "It cannot be undone; the user signs in again.",
        done: "The session has ended.",
        back: "/ui/users/{sub}",
        about: Some(ByPath::User),
        members: &[],
    },
    Change {
        action: "grant_revoke",
        title: "End this grant",
        does: "The grant {grant_id} of {login} ({sub}) ends: the application loses its access, and the consent is forgotten.",
        undo: "It cannot be undone; the user can authorize the application again.",
        done: "The grant has ended.",
        back: "/ui/users/{sub}",
        about: Some(ByPath::User),
        members: &[],
    },
    Change {
        action: "client_disable",
        title: "Disable this client",
        does: "The client {client_id} is unknown to the outside, so no user can authorize it and its grants rest; access tokens that are out serve until they expire.",
        undo: "Enable the client again; its grants go on.",
        done: "The client is disabled.",
        back: "/ui/clients/{client_id}",
        about: Some(ByPath::Client),
        members: &[],
    },
    Change {
        action: "client_enable",
        title: "Enable this client",
        does: "The client {client_id} works again, and so do its grants.",
        undo: "Disable the client again.",
        done: "The client is enabled.",
        back: "/ui/clients/{client_id}",
        about: Some(ByPath::Client),
        members: &[],
    },
    Change {
        action: "client_end_secret",
        title: "End this secret",
        does: "The secret {secret_id} of the client {client_id} is not accepted any more.",
        undo: "It cannot be undone; postern client rotate-secret makes another one.",
        done: "The secret has ended.",
        back: "/ui/clients/{client_id}",
        about: Some(ByPath::Client),
        members: &[],
    },
    Change {
        action: "client_delete",
        title: "Delete this client",
        does: "The client {client_id} is removed, and all of its tokens are revoked.",
        undo: "It cannot be undone: an id never comes back.",
        done: "The client is deleted.",
        back: "/ui/clients",
        about: Some(ByPath::Client),
        members: &[],
    },
    Change {
        action: "issuer_refresh",
        title: "Fetch the keys now",
        does: "The keys of {issuer} are fetched now, unless another fetch was made in the last seconds.",
        undo: "There is nothing to undo: a failure keeps the keys that are known.",
        done: "The issuer was asked.",
        back: "/ui/issuers",
        about: None,
        members: &["issuer"],
    },
    Change {
        action: "revoke",
        title: "Revoke",
        does: "What is named here is refused at the gate as soon as the revocation feed has it.",
        undo: "It cannot be undone; what is issued afterwards is accepted.",
        done: "It is revoked.",
        back: "/ui/revocations",
        about: None,
        members: &REVOCATION_MEMBERS,
    },
    Change {
        action: "throttle_clear",
        title: "Clear limits and locks",
        does: "Failures, lockouts and used quota of {login}{ip} are removed, within 10 seconds everywhere.",
        undo: "It cannot be undone; new failures count again.",
        done: "The limits are cleared.",
        back: "/ui/limits?login={login}&ip={ip}",
        about: None,
        members: &["login", "ip"],
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
