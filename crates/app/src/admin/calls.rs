//! What the administrators' API has: one list, from which requests find their call and against
//! which `docs/reference/openapi.yaml` is checked.

/// The scope that an administrator's access token must have (RFC 6749 section 3.3).
pub const SCOPE: &str = crate::identity::ADMIN_SCOPE;

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// The audit log tells its path.
    Plain(Plain),
    /// The audit log tells what its body orders.
    Ordered(Ordered),
}

/// The calls of which the audit log tells the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plain {
    /// The key ring.
    Keys,
    /// Another signing key, now.
    RotateKeys,
    /// A signing key out of use, now.
    RevokeKey,
    /// Users, in pages.
    Users,
    /// One of them.
    User,
    /// No sign-in any more.
    DisableUser,
    /// Sign-ins again.
    EnableUser,
    /// The end of all that is stored.
    EraseUser,
    /// A subject's live sessions.
    UserSessions,
    /// The end of one of them.
    EndUserSession,
    /// The end of all of them.
    EndUserSessions,
    /// The route table.
    Routes,
    /// Another route table, in KV.
    ReplaceRoutes,
    /// The log of administrative acts.
    Audit,
    /// What limits say of an account or an address.
    Throttle,
}

/// The calls of which the audit log tells what stands in their body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ordered {
    /// Another user.
    AddUser,
    /// Many users from elsewhere.
    ImportUsers,
    /// Other scopes, roles and tenant, in place of those before.
    SetGrants,
    /// Some scopes and roles more, some less.
    AmendGrants,
    /// The end of whatever can be revoked.
    Revoke,
    /// The end of what limits and locks say.
    ClearThrottle,
}

/// One call: how it is asked for, and what it may be asked with.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// `GET` stands for `HEAD` too.
    pub method: &'static str,
    /// The path below the prefix; `{...}` is one segment.
    pub path: &'static str,
    /// The call.
    pub call: Call,
    /// The parameters of the query that it knows.
    pub query: &'static [&'static str],
    /// The members of the body that it knows.
    pub body: &'static [&'static str],
    /// What the audit log calls it; empty for a call that changes nothing.
    pub action: &'static str,
}

impl Line {
    const fn read(path: &'static str, call: Plain, query: &'static [&'static str]) -> Self {
        Self { method: "GET", path, call: Call::Plain(call), query, body: &[], action: "" }
    }

    const fn change(
        method: &'static str,
        path: &'static str,
        call: Plain,
        action: &'static str,
        body: &'static [&'static str],
    ) -> Self {
        Self { method, path, call: Call::Plain(call), query: &[], body, action }
    }

    const fn order(
        method: &'static str,
        path: &'static str,
        call: Ordered,
        action: &'static str,
        body: &'static [&'static str],
    ) -> Self {
        Self { method, path, call: Call::Ordered(call), query: &[], body, action }
    }

    /// Whether it changes something: then it asks for a recent sign-in, and is written down.
    pub const fn changes(&self) -> bool {
        !self.action.is_empty()
    }
}

/// Every call there is.
pub static CALLS: &[Line] = &[
    Line::read("/keys", Plain::Keys, &[]),
    Line::change("POST", "/keys/rotate", Plain::RotateKeys, "key_rotate", &["force", "algorithm"]),
    Line::change("POST", "/keys/{kid}/revoke", Plain::RevokeKey, "key_revoke", &[]),
    Line::read("/users", Plain::Users, &["search", "login", "after", "limit"]),
    Line::order(
        "POST",
        "/users",
        Ordered::AddUser,
        "user_add",
        &["login", "password", "scopes", "roles", "tenant_id"],
    ),
    Line::order("POST", "/users/import", Ordered::ImportUsers, "users_import", &["rows"]),
    Line::read("/users/{sub}", Plain::User, &[]),
    Line::change("DELETE", "/users/{sub}", Plain::EraseUser, "user_erase", &[]),
    Line::order(
        "PUT",
        "/users/{sub}/grants",
        Ordered::SetGrants,
        "user_grants",
        &["scopes", "roles", "tenant_id"],
    ),
    Line::order(
        "PATCH",
        "/users/{sub}/grants",
        Ordered::AmendGrants,
        "user_grants_amend",
        &["add", "remove"],
    ),
    Line::change("POST", "/users/{sub}/disable", Plain::DisableUser, "user_disable", &[]),
    Line::change("POST", "/users/{sub}/enable", Plain::EnableUser, "user_enable", &[]),
    Line::read("/users/{sub}/sessions", Plain::UserSessions, &[]),
    Line::change("DELETE", "/users/{sub}/sessions", Plain::EndUserSessions, "sessions_revoke", &[]),
    Line::change(
        "DELETE",
        "/users/{sub}/sessions/{session_id}",
        Plain::EndUserSession,
        "session_revoke",
        &[],
    ),
    Line::order("POST", "/revocations", Ordered::Revoke, "revoke", &MEMBERS),
    Line::read("/routes", Plain::Routes, &[]),
    Line::change("PUT", "/routes", Plain::ReplaceRoutes, "routes_replace", &["routes", "replaces"]),
    Line::read("/audit", Plain::Audit, &["after", "limit"]),
    Line::read("/throttle", Plain::Throttle, &["login", "ip"]),
    Line::order("POST", "/throttle/clear", Ordered::ClearThrottle, "throttle_clear", &["login", "ip"]),
];

/// What a request asks for.
#[derive(Debug)]
pub(crate) enum Found<'p> {
    /// This call, with what its path's `{...}` stand for.
    Call(&'static Line, Vec<&'p str>),
    /// What methods there are.
    Options { allow: String },
    /// The path is there and does not take the method.
    OtherMethods { allow: String },
    /// There is no such path.
    Nothing,
}

/// Finds the call of a request.
pub(crate) fn find<'p>(method: &str, path: &'p str) -> Found<'p> {
    // RFC 9110 section 9.3.2: HEAD is GET without the body, which is dropped in the end.
    let wanted = if method == "HEAD" { "GET" } else { method };
    let mut allow = String::new();
    // A path with a name of its own is nobody's `{...}`: `import` is no user.
    let named = CALLS.iter().any(|line| line.path == path);
    for line in CALLS.iter().filter(|line| !named || line.path == path) {
        let Some(parameters) = parameters_of(line.path, path) else { continue };
        if line.method == wanted {
            return Found::Call(line, parameters);
        }
        allow.push_str(if line.method == "GET" { "GET, HEAD" } else { line.method });
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

/// What the body may have. `kind` says which of the others belong to it.
pub(crate) static MEMBERS: [&str; 9] =
    ["kind", "issuer", "sub", "session_id", "jti", "client_id", "kid", "not_before", "expires_at"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_is_found_by_its_own_line_and_no_other() {
        for line in CALLS {
            let path = line.path.replace(['{', '}'], "");
            let found = find(line.method, &path);
            assert!(matches!(found, Found::Call(found, _) if found.call == line.call), "{}", line.path);
            assert!(matches!(find(line.method, &format!("{path}/")), Found::Nothing), "{}", line.path);
        }
    }

    #[test]
    fn parameters_come_in_the_order_of_the_path() {
        let Found::Call(line, parameters) = find("DELETE", "/users/u/sessions/s") else { panic!() };
        assert_eq!((line.call, parameters), (Call::Plain(Plain::EndUserSession), vec!["u", "s"]));
    }

    #[test]
    fn an_empty_parameter_is_none() {
        assert!(matches!(find("DELETE", "/users//sessions"), Found::Nothing));
    }

    #[test]
    fn another_method_is_told_which_there_are() {
        let expected = "GET, HEAD, DELETE, OPTIONS";
        assert!(
            matches!(find("PUT", "/users/u/sessions"), Found::OtherMethods { allow } if allow == expected)
        );
        assert!(
            matches!(find("OPTIONS", "/users/u/sessions"), Found::Options { allow } if allow == expected)
        );
        assert!(
            matches!(find("get", "/keys"), Found::OtherMethods { allow } if allow == "GET, HEAD, OPTIONS")
        );
    }

    #[test]
    fn whatever_is_not_a_get_is_written_down_under_a_name_of_its_own() {
        let changing: Vec<&Line> = CALLS.iter().filter(|line| line.method != "GET").collect();
        assert!(changing.iter().all(|line| line.changes()));
        assert!(CALLS.iter().filter(|line| line.method == "GET").all(|line| !line.changes()));
        let names: std::collections::BTreeSet<&str> = changing.iter().map(|line| line.action).collect();
        assert_eq!(names.len(), changing.len());
    }
}
