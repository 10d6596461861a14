//! What the administrators' API has: one list, from which requests find their call and from
//! which `docs/openapi.yaml` is checked.

/// The scope that an administrator's access token must have (RFC 6749 section 3.3).
pub const SCOPE: &str = "postern:admin";

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// The key ring.
    Keys,
    /// Another signing key, now.
    RotateKeys,
    /// A signing key out of use, now.
    RevokeKey,
    /// A subject's live sessions.
    UserSessions,
    /// The end of one of them.
    EndUserSession,
    /// The end of all of them.
    EndUserSessions,
}

impl Call {
    /// Whether it changes something, so that it asks for a recent sign-in.
    pub fn changes(self) -> bool {
        CALLS.iter().any(|(method, _, call)| *call == self && *method != "GET")
    }
}

/// Method, path below the prefix, call. `HEAD` goes with `GET`, and `OPTIONS` with everything.
pub const CALLS: [(&str, &str, Call); 6] = [
    ("GET", "/keys", Call::Keys),
    ("POST", "/keys/rotate", Call::RotateKeys),
    ("POST", "/keys/revoke", Call::RevokeKey),
    ("GET", "/users/{user_id}/sessions", Call::UserSessions),
    ("DELETE", "/users/{user_id}/sessions", Call::EndUserSessions),
    ("DELETE", "/users/{user_id}/sessions/{session_id}", Call::EndUserSession),
];

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'p> {
    /// This call, with what its template's `{...}` stand for.
    Call(Call, Vec<&'p str>),
    /// What methods there are.
    Options { allow: String },
    /// The path is there and does not take the method.
    OtherMethods { allow: String },
    /// There is no such path.
    Nothing,
}

/// Finds the call of a request.
pub(super) fn find<'p>(method: &str, path: &'p str) -> Found<'p> {
    // RFC 9110 section 9.3.2: HEAD is GET without the body, which is dropped in the end.
    let wanted = if method == "HEAD" { "GET" } else { method };
    let mut allow = String::new();
    for (own, template, call) in CALLS {
        let Some(parameters) = parameters_of(template, path) else { continue };
        if own == wanted {
            return Found::Call(call, parameters);
        }
        allow.push_str(if own == "GET" { "GET, HEAD" } else { own });
        allow.push_str(", ");
    }
    if allow.is_empty() {
        return Found::Nothing;
    }
    allow.push_str("OPTIONS");
    if method == "OPTIONS" { Found::Options { allow } } else { Found::OtherMethods { allow } }
}

/// What the `{...}` of the template stand for, if the path fits it.
fn parameters_of<'p>(template: &str, path: &'p str) -> Option<Vec<&'p str>> {
    let mut parameters = Vec::new();
    let mut segments = path.split('/');
    for wanted in template.split('/') {
        let segment = segments.next()?;
        if wanted.starts_with('{') {
            if segment.is_empty() {
                return None;
            }
            parameters.push(segment);
        } else if segment != wanted {
            return None;
        }
    }
    segments.next().is_none().then_some(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_is_found_by_its_own_line_and_no_other() {
        for (method, template, call) in CALLS {
            let path = template.replace("{user_id}", "u").replace("{session_id}", "s");
            assert!(matches!(find(method, &path), Found::Call(found, _) if found == call), "{template}");
            assert_eq!(find(method, &format!("{path}/")), Found::Nothing, "{template}");
        }
    }

    #[test]
    fn parameters_come_in_the_order_of_the_template() {
        assert_eq!(find("DELETE", "/users/u/sessions/s"), Found::Call(Call::EndUserSession, vec!["u", "s"]));
    }

    #[test]
    fn an_empty_parameter_is_none() {
        assert_eq!(find("DELETE", "/users//sessions"), Found::Nothing);
    }

    #[test]
    fn another_method_is_told_which_there_are() {
        let allow = "GET, HEAD, DELETE, OPTIONS".to_owned();
        assert_eq!(find("PUT", "/users/u/sessions"), Found::OtherMethods { allow: allow.clone() });
        assert_eq!(find("OPTIONS", "/users/u/sessions"), Found::Options { allow });
        assert_eq!(find("get", "/keys"), Found::OtherMethods { allow: "GET, HEAD, OPTIONS".to_owned() });
    }

    #[test]
    fn what_only_reads_asks_for_no_recent_sign_in() {
        assert!(!Call::Keys.changes());
        assert!(Call::RevokeKey.changes());
        assert!(Call::EndUserSessions.changes());
    }
}
