//! The table of Postern's own endpoints. It routes requests, answers 405 and preflights, and limits bodies. A test
//! compares it with `docs/reference/openapi.yaml`.

use crate::{
    http::ERRORS_PATH,
    web::{body::MAX_BODY_BYTES, paths::JWKS_PATH},
};

/// The largest body of an administrator's call, in bytes: a route table of 2000 short routes, or a batch of imported users.
pub const MAX_ADMIN_BODY_BYTES: usize = 1024 * 1024;

/// The credentials that an endpoint requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Authentication {
    /// Nothing.
    None,
    /// A password or a one-time token in the body.
    Credential,
    /// An access token of the deployment whose session is alive.
    AccessToken,
    /// A refresh token in the body, or in the cookie together with the CSRF token of its session.
    RefreshToken,
    /// An access token or a refresh token.
    AccessOrRefreshToken,
    /// The metrics token, or an access token with the administrators' scope.
    Metrics,
    /// An access token with the administrators' scope whose session is alive.
    Administrator,
}

/// The pages that may read the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CorsAudience {
    /// Pages of every origin, because the answer is public.
    Public,
    /// Pages of the origins in `POSTERN_CORS_ORIGINS`, with credentials.
    Listed,
    /// None.
    None,
}

/// The handler of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Register,
    Login,
    Refresh,
    Csrf,
    Logout,
    LogoutAll,
    Sessions,
    EndOtherSessions,
    EndSession,
    Me,
    ChangePassword,
    RequestReset,
    ResetPassword,
    RequestVerification,
    VerifyEmail,
    Activity,
    ExportAccount,
    DeleteAccount,
    Jwks,
    Health,
    Ready,
    Metrics,
    Errors,
    Admin(AdminCall),
}

/// An administrator's call, by the place of its target, which the audit log records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AdminCall {
    /// The path names it.
    ByPath(ByPath),
    /// The body names it.
    ByBody(ByBody),
}

/// The administrators' calls whose path names the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ByPath {
    Keys,
    RotateKeys,
    RevokeKey,
    Users,
    User,
    DisableUser,
    EnableUser,
    EraseUser,
    UserSessions,
    EndUserSession,
    EndUserSessions,
    Routes,
    ReplaceRoutes,
    Audit,
    Throttle,
}

/// The administrators' calls whose body names the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ByBody {
    AddUser,
    ImportUsers,
    SetGrants,
    AmendGrants,
    Revoke,
    ClearThrottle,
}

/// One endpoint.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Endpoint {
    /// The method. `GET` includes `HEAD` (RFC 9110 section 9.3.2).
    pub(crate) method: &'static str,
    /// The path; `{...}` is one segment. An administrator's call has the path below the prefix.
    pub(crate) path: &'static str,
    pub(crate) authentication: Authentication,
    pub(crate) cors: CorsAudience,
    /// The largest body, in bytes.
    pub(crate) max_body: usize,
    pub(crate) call: Call,
    /// The query parameters of an administrator's call.
    pub(crate) query: &'static [&'static str],
    /// The members of the body of an administrator's call.
    pub(crate) members: &'static [&'static str],
    /// The name of the action in the audit log. Empty for a call that changes nothing.
    pub(crate) action: &'static str,
}

impl Endpoint {
    const fn new(
        method: &'static str,
        path: &'static str,
        authentication: Authentication,
        call: Call,
    ) -> Self {
        Self {
            method,
            path,
            authentication,
            cors: CorsAudience::Listed,
            max_body: MAX_BODY_BYTES,
            call,
            query: &[],
            members: &[],
            action: "",
        }
    }

    const fn public(path: &'static str, call: Call) -> Self {
        Self { cors: CorsAudience::Public, ..Self::new("GET", path, Authentication::None, call) }
    }

    const fn admin(method: &'static str, path: &'static str, call: AdminCall) -> Self {
        Self {
            cors: CorsAudience::None,
            max_body: MAX_ADMIN_BODY_BYTES,
            ..Self::new(method, path, Authentication::Administrator, Call::Admin(call))
        }
    }

    const fn admin_read(path: &'static str, call: ByPath, query: &'static [&'static str]) -> Self {
        Self { query, ..Self::admin("GET", path, AdminCall::ByPath(call)) }
    }

    const fn admin_change(
        method: &'static str,
        path: &'static str,
        call: ByPath,
        action: &'static str,
        members: &'static [&'static str],
    ) -> Self {
        Self { members, action, ..Self::admin(method, path, AdminCall::ByPath(call)) }
    }

    const fn admin_order(
        method: &'static str,
        path: &'static str,
        call: ByBody,
        action: &'static str,
        members: &'static [&'static str],
    ) -> Self {
        Self { members, action, ..Self::admin(method, path, AdminCall::ByBody(call)) }
    }

    /// Whether the path is below the prefix of the administrators' API.
    pub(crate) fn is_admin(&self) -> bool {
        self.authentication == Authentication::Administrator
    }

    /// Whether an administrator's call changes something. Such a call needs a recent sign-in, and the audit log records
    /// it.
    pub(crate) const fn changes(&self) -> bool {
        !self.action.is_empty()
    }
}

/// The members of `POST /admin/revocations`. `kind` decides which of the others are allowed.
pub(crate) static REVOCATION_MEMBERS: [&str; 9] =
    ["kind", "issuer", "sub", "session_id", "jti", "client_id", "kid", "not_before", "expires_at"];

/// Every endpoint.
pub(crate) static ENDPOINTS: &[Endpoint] = &[
    Endpoint::new("POST", "/auth/register", Authentication::None, Call::Register),
    Endpoint::new("POST", "/auth/login", Authentication::Credential, Call::Login),
    Endpoint::new("POST", "/auth/refresh", Authentication::RefreshToken, Call::Refresh),
    Endpoint::new("GET", "/auth/csrf", Authentication::RefreshToken, Call::Csrf),
    Endpoint::new("POST", "/auth/logout", Authentication::AccessOrRefreshToken, Call::Logout),
    Endpoint::new("POST", "/auth/logout-all", Authentication::AccessOrRefreshToken, Call::LogoutAll),
    Endpoint::new("GET", "/auth/sessions", Authentication::AccessToken, Call::Sessions),
    Endpoint::new("DELETE", "/auth/sessions", Authentication::AccessToken, Call::EndOtherSessions),
    Endpoint::new("DELETE", "/auth/sessions/{session_id}", Authentication::AccessToken, Call::EndSession),
    Endpoint::new("GET", "/auth/me", Authentication::AccessToken, Call::Me),
    Endpoint::new("POST", "/auth/password", Authentication::AccessToken, Call::ChangePassword),
    Endpoint::new("POST", "/auth/password/reset-request", Authentication::None, Call::RequestReset),
    Endpoint::new("POST", "/auth/password/reset", Authentication::Credential, Call::ResetPassword),
    Endpoint::new(
        "POST",
        "/auth/email/verification-request",
        Authentication::AccessToken,
        Call::RequestVerification,
    ),
    Endpoint::new("POST", "/auth/email/verify", Authentication::Credential, Call::VerifyEmail),
    Endpoint::new("GET", "/auth/activity", Authentication::AccessToken, Call::Activity),
    Endpoint::new("GET", "/auth/account/export", Authentication::AccessToken, Call::ExportAccount),
    Endpoint::new("POST", "/auth/account/delete", Authentication::AccessToken, Call::DeleteAccount),
    Endpoint::public(ERRORS_PATH, Call::Errors),
    Endpoint::public(JWKS_PATH, Call::Jwks),
    Endpoint::public("/healthz", Call::Health),
    Endpoint::public("/readyz", Call::Ready),
    Endpoint::new("GET", "/metrics", Authentication::Metrics, Call::Metrics),
    Endpoint::admin_read("/keys", ByPath::Keys, &[]),
    Endpoint::admin_change("POST", "/keys/rotate", ByPath::RotateKeys, "key_rotate", &["force", "algorithm"]),
    Endpoint::admin_change("POST", "/keys/{kid}/revoke", ByPath::RevokeKey, "key_revoke", &[]),
    Endpoint::admin_read("/users", ByPath::Users, &["search", "login", "after", "limit"]),
    Endpoint::admin_order(
        "POST",
        "/users",
        ByBody::AddUser,
        "user_add",
        &["login", "password", "scopes", "roles", "tenant_id"],
    ),
    Endpoint::admin_order("POST", "/users/import", ByBody::ImportUsers, "users_import", &["rows"]),
    Endpoint::admin_read("/users/{sub}", ByPath::User, &[]),
    Endpoint::admin_change("DELETE", "/users/{sub}", ByPath::EraseUser, "user_erase", &[]),
    Endpoint::admin_order(
        "PUT",
        "/users/{sub}/grants",
        ByBody::SetGrants,
        "user_grants",
        &["scopes", "roles", "tenant_id"],
    ),
    Endpoint::admin_order(
        "PATCH",
        "/users/{sub}/grants",
        ByBody::AmendGrants,
        "user_grants_amend",
        &["add", "remove"],
    ),
    Endpoint::admin_change("POST", "/users/{sub}/disable", ByPath::DisableUser, "user_disable", &[]),
    Endpoint::admin_change("POST", "/users/{sub}/enable", ByPath::EnableUser, "user_enable", &[]),
    Endpoint::admin_read("/users/{sub}/sessions", ByPath::UserSessions, &[]),
    Endpoint::admin_change(
        "DELETE",
        "/users/{sub}/sessions",
        ByPath::EndUserSessions,
        "sessions_revoke",
        &[],
    ),
    Endpoint::admin_change(
        "DELETE",
        "/users/{sub}/sessions/{session_id}",
        ByPath::EndUserSession,
        "session_revoke",
        &[],
    ),
    Endpoint::admin_order("POST", "/revocations", ByBody::Revoke, "revoke", &REVOCATION_MEMBERS),
    Endpoint::admin_read("/routes", ByPath::Routes, &[]),
    Endpoint::admin_change(
        "PUT",
        "/routes",
        ByPath::ReplaceRoutes,
        "routes_replace",
        &["routes", "replaces"],
    ),
    Endpoint::admin_read("/audit", ByPath::Audit, &["after", "limit"]),
    Endpoint::admin_read("/throttle", ByPath::Throttle, &["login", "ip"]),
    Endpoint::admin_order(
        "POST",
        "/throttle/clear",
        ByBody::ClearThrottle,
        "throttle_clear",
        &["login", "ip"],
    ),
];

/// The endpoint of a request.
#[derive(Debug)]
pub(crate) enum EndpointMatch<'p> {
    /// An endpoint, with the values of the `{...}` in its path.
    Endpoint(&'static Endpoint, Vec<&'p str>),
    /// `OPTIONS` on an existing path.
    Options {
        /// The value of `Allow`.
        allow: String,
        /// Which pages may read the answers of this path.
        cors: CorsAudience,
    },
    /// The path exists and does not support the method.
    OtherMethods {
        /// The value of `Allow`.
        allow: String,
        /// Which pages may read the answers of this path.
        cors: CorsAudience,
    },
    /// The path does not exist.
    Nothing {
        /// The pages that may read the answer.
        cors: CorsAudience,
    },
}

impl EndpointMatch<'_> {
    /// The pages that may read the answer.
    pub(crate) const fn cors(&self) -> CorsAudience {
        match self {
            Self::Endpoint(Endpoint { cors, .. }, _)
            | Self::Options { cors, .. }
            | Self::OtherMethods { cors, .. }
            | Self::Nothing { cors } => *cors,
        }
    }
}

/// Finds the endpoint of a request. `admin` says that `path` is the part below the administrators' prefix.
pub(crate) fn find<'p>(method: &str, path: &'p str, admin: bool) -> EndpointMatch<'p> {
    let wanted = if method == "HEAD" { "GET" } else { method };
    let mut allow = String::new();
    let mut cors = CorsAudience::None;
    let of_area = || ENDPOINTS.iter().filter(|endpoint| endpoint.is_admin() == admin);
    // A path that is in the table as it stands is no `{...}` of another: `import` is no user.
    let named = of_area().any(|endpoint| endpoint.path == path);
    for endpoint in of_area().filter(|endpoint| !named || endpoint.path == path) {
        let Some(parameters) = parameters_of(endpoint.path, path) else { continue };
        if endpoint.method == wanted {
            return EndpointMatch::Endpoint(endpoint, parameters);
        }
        cors = endpoint.cors;
        allow.push_str(if endpoint.method == "GET" { "GET, HEAD" } else { endpoint.method });
        allow.push_str(", ");
    }
    if allow.is_empty() {
        return EndpointMatch::Nothing {
            cors: if admin { CorsAudience::None } else { CorsAudience::Listed },
        };
    }
    allow.push_str("OPTIONS");
    if method == "OPTIONS" {
        EndpointMatch::Options { allow, cors }
    } else {
        EndpointMatch::OtherMethods { allow, cors }
    }
}

/// The values of the `{...}` in the template, if the path matches it.
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
    fn each_endpoint_is_found_by_its_own_row_alone() {
        for endpoint in ENDPOINTS {
            let path = endpoint.path.replace(['{', '}'], "");
            let found = find(endpoint.method, &path, endpoint.is_admin());
            assert!(
                matches!(found, EndpointMatch::Endpoint(found, _) if found.call == endpoint.call),
                "{}",
                endpoint.path
            );
            let with_slash = format!("{path}/");
            assert!(
                matches!(
                    find(endpoint.method, &with_slash, endpoint.is_admin()),
                    EndpointMatch::Nothing { .. }
                ),
                "{}",
                endpoint.path
            );
            let elsewhere = find(endpoint.method, &path, !endpoint.is_admin());
            assert!(matches!(elsewhere, EndpointMatch::Nothing { .. }), "{}", endpoint.path);
        }
    }

    #[test]
    fn parameters_come_in_the_order_of_the_path() {
        let EndpointMatch::Endpoint(endpoint, parameters) = find("DELETE", "/users/u/sessions/s", true)
        else {
            panic!()
        };
        assert_eq!(endpoint.call, Call::Admin(AdminCall::ByPath(ByPath::EndUserSession)));
        assert_eq!(parameters, vec!["u", "s"]);
    }

    #[test]
    fn an_empty_parameter_is_no_parameter() {
        assert!(matches!(find("DELETE", "/users//sessions", true), EndpointMatch::Nothing { .. }));
        assert!(matches!(find("DELETE", "/auth/sessions/", false), EndpointMatch::Nothing { .. }));
    }

    #[test]
    fn another_method_is_answered_with_those_there_are() {
        let expected = "GET, HEAD, DELETE, OPTIONS";
        for (path, admin) in [("/users/u/sessions", true), ("/auth/sessions", false)] {
            assert!(
                matches!(find("PUT", path, admin), EndpointMatch::OtherMethods { allow, .. } if allow == expected)
            );
            assert!(
                matches!(find("OPTIONS", path, admin), EndpointMatch::Options { allow, .. } if allow == expected)
            );
        }
        let found = find("get", "/keys", true);
        assert!(matches!(found, EndpointMatch::OtherMethods { allow, .. } if allow == "GET, HEAD, OPTIONS"));
    }

    #[test]
    fn a_change_has_an_audit_action_of_its_own() {
        let admin = || ENDPOINTS.iter().filter(|endpoint| endpoint.is_admin());
        let changing: Vec<&Endpoint> = admin().filter(|endpoint| endpoint.method != "GET").collect();
        assert!(changing.iter().all(|endpoint| endpoint.changes()));
        assert!(admin().filter(|endpoint| endpoint.method == "GET").all(|endpoint| !endpoint.changes()));
        let names: std::collections::BTreeSet<&str> =
            changing.iter().map(|endpoint| endpoint.action).collect();
        assert_eq!(names.len(), changing.len());
    }
}
