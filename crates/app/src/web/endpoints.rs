//! The table of Postern's own endpoints. It routes requests, answers 405 and preflights, and limits bodies. A test
//! compares it with `docs/reference/openapi.yaml`.

mod calls;

use postern_oauth::metadata::paths::{AUTHORIZE, INTROSPECT, REGISTER, REVOKE, TOKEN};

use crate::{
    config::{ADDED_CLIENT_MEMBERS, STORED_CLIENT_MEMBERS},
    http::ERRORS_PATH,
    web::{
        body::MAX_BODY_BYTES,
        paths::{JWKS_PATH, OAUTH_METADATA_PATH, OPENID_METADATA_PATH},
    },
};

pub(crate) use self::calls::{AdminCall, ByBody, ByPath, Call, DashboardCall, PageCall, page_paths};

/// The largest body of an administrator's call, in bytes: a route table of 2000 short routes, or a batch of imported users.
pub(crate) const MAX_ADMIN_BODY_BYTES: usize = 1024 * 1024;

/// The credentials that an endpoint requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Authentication {
    /// Nothing, or what the body has, such as a password.
    None,
    /// An access token of the deployment whose session is alive.
    AccessToken,
    /// A refresh token in the body, or in the cookie together with the CSRF token of its session.
    RefreshToken,
    /// An access token or a refresh token.
    AccessOrRefreshToken,
    /// The secret of an OAuth client, in `Authorization` or in the body; public clients have none.
    Client,
    /// The metrics token, or an access token with the administrators' scope.
    Metrics,
    /// An access token with the administrators' scope whose session is alive.
    Administrator,
    /// The browser session of an administrator, in its cookie, and a form token for what changes something. A browser that is
    /// not signed in is sent to the page for signing in.
    AdministratorAtPage,
}

/// The pages that may read the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CorsAudience {
    /// Pages of every origin, because the answer is public.
    Public,
    /// Pages of the origins in `POSTERN_CORS_ORIGINS`, with credentials.
    Listed,
    /// Pages of public OAuth clients, and of the origins in `POSTERN_CORS_ORIGINS`, without credentials.
    Clients,
    /// Pages of every origin, which may also make the call. It needs no cookie and no secret.
    Anyone,
    /// None.
    None,
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

    const fn of_clients(path: &'static str, cors: CorsAudience, call: Call) -> Self {
        Self { cors, ..Self::new("POST", path, Authentication::Client, call) }
    }

    const fn public(path: &'static str, call: Call) -> Self {
        Self { cors: CorsAudience::Public, ..Self::new("GET", path, Authentication::None, call) }
    }

    const fn page(path: &'static str, call: PageCall) -> Self {
        let method = if call.is_posted() { "POST" } else { "GET" };
        Self { cors: CorsAudience::None, ..Self::new(method, path, Authentication::None, Call::Page(call)) }
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

    const fn dashboard(path: &'static str, call: DashboardCall, query: &'static [&'static str]) -> Self {
        let method = if matches!(call, DashboardCall::Change) { "POST" } else { "GET" };
        Self {
            cors: CorsAudience::None,
            query,
            ..Self::new(method, path, Authentication::AdministratorAtPage, Call::Dashboard(call))
        }
    }

    /// Whether the path is below the prefix of the administrators' API.
    pub(crate) const fn is_admin(&self) -> bool {
        matches!(self.authentication, Authentication::Administrator | Authentication::AdministratorAtPage)
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
    Endpoint::new("POST", "/auth/login", Authentication::None, Call::Login),
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
    Endpoint::new("POST", "/auth/password/reset", Authentication::None, Call::ResetPassword),
    Endpoint::new(
        "POST",
        "/auth/email/verification-request",
        Authentication::AccessToken,
        Call::RequestVerification,
    ),
    Endpoint::new("POST", "/auth/email/verify", Authentication::None, Call::VerifyEmail),
    Endpoint::new("GET", "/auth/activity", Authentication::AccessToken, Call::Activity),
    Endpoint::new("GET", "/auth/account/export", Authentication::AccessToken, Call::ExportAccount),
    Endpoint::new("POST", "/auth/account/delete", Authentication::AccessToken, Call::DeleteAccount),
    Endpoint::page(page_paths::SIGN_IN, PageCall::ShowSignIn),
    Endpoint::page(page_paths::SIGN_IN, PageCall::SignIn),
    Endpoint::page(page_paths::SIGN_UP, PageCall::ShowSignUp),
    Endpoint::page(page_paths::SIGN_UP, PageCall::SignUp),
    Endpoint::page(page_paths::FORGOTTEN, PageCall::ShowForgotten),
    Endpoint::page(page_paths::FORGOTTEN, PageCall::Forgotten),
    Endpoint::page(page_paths::NEW_PASSWORD, PageCall::ShowNewPassword),
    Endpoint::page(page_paths::NEW_PASSWORD, PageCall::NewPassword),
    Endpoint::page(page_paths::VERIFY_ADDRESS, PageCall::ShowVerifyAddress),
    Endpoint::page(page_paths::VERIFY_ADDRESS, PageCall::VerifyAddress),
    Endpoint::page(page_paths::SIGN_OUT, PageCall::ShowSignOut),
    Endpoint::page(page_paths::SIGN_OUT, PageCall::SignOut),
    Endpoint::page(page_paths::APPLICATIONS, PageCall::ShowApplications),
    Endpoint::page(page_paths::APPLICATIONS, PageCall::EndAccess),
    Endpoint::page(page_paths::CONSENT, PageCall::Consent),
    Endpoint::page(AUTHORIZE, PageCall::Authorize),
    Endpoint::page(AUTHORIZE, PageCall::AuthorizeByForm),
    Endpoint::new("GET", "/auth/grants", Authentication::AccessToken, Call::Grants),
    Endpoint::new("DELETE", "/auth/grants/{grant_id}", Authentication::AccessToken, Call::EndGrant),
    Endpoint::of_clients(TOKEN, CorsAudience::Clients, Call::Token),
    Endpoint::of_clients(REVOKE, CorsAudience::Clients, Call::RevokeToken),
    Endpoint::of_clients(INTROSPECT, CorsAudience::None, Call::Introspect),
    Endpoint {
        cors: CorsAudience::Anyone,
        ..Endpoint::new("POST", REGISTER, Authentication::None, Call::RegisterClient)
    },
    Endpoint::public(OAUTH_METADATA_PATH, Call::Metadata),
    Endpoint::public(OPENID_METADATA_PATH, Call::Metadata),
    Endpoint::public(ERRORS_PATH, Call::Errors),
    Endpoint::public(JWKS_PATH, Call::Jwks),
    Endpoint::public("/healthz", Call::Health),
    Endpoint::public("/readyz", Call::Ready),
    Endpoint::new("GET", "/metrics", Authentication::Metrics, Call::Metrics),
    Endpoint::admin_read("/keys", ByPath::Keys, &[]),
    Endpoint::admin_change("POST", "/keys/rotate", ByPath::RotateKeys, "key_rotate", &["force", "algorithm"]),
    Endpoint::admin_change("POST", "/keys/{kid}/revoke", ByPath::RevokeKey, "key_revoke", &[]),
    Endpoint::admin_read("/users", ByPath::Users, &["search", "contains", "login", "after", "limit"]),
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
    Endpoint::admin_change("POST", "/users/{sub}/reset", ByPath::ResetUser, "user_reset", &[]),
    Endpoint::admin_read("/users/{sub}/activity", ByPath::UserActivity, &[]),
    Endpoint::admin_read("/users/{sub}/grants", ByPath::UserGrants, &[]),
    Endpoint::admin_change(
        "DELETE",
        "/users/{sub}/grants/{grant_id}",
        ByPath::EndUserGrant,
        "grant_revoke",
        &[],
    ),
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
    Endpoint::admin_read("/issuers", ByPath::Issuers, &[]),
    Endpoint::admin_order("POST", "/issuers/refresh", ByBody::RefreshIssuer, "issuer_refresh", &["issuer"]),
    Endpoint::admin_read("/routes", ByPath::Routes, &[]),
    Endpoint::admin_read("/routes/explain", ByPath::ExplainRoute, &["method", "url"]),
    Endpoint::admin_change(
        "PUT",
        "/routes",
        ByPath::ReplaceRoutes,
        "routes_replace",
        &["routes", "replaces"],
    ),
    Endpoint::admin_read("/audit", ByPath::Audit, &["after", "limit"]),
    Endpoint::admin_read("/history", ByPath::History, &["span"]),
    Endpoint::admin_read("/throttle", ByPath::Throttle, &["login", "ip"]),
    Endpoint::admin_order(
        "POST",
        "/throttle/clear",
        ByBody::ClearThrottle,
        "throttle_clear",
        &["login", "ip"],
    ),
    Endpoint::admin_read("/clients", ByPath::Clients, &["after", "limit"]),
    Endpoint::admin_order("POST", "/clients", ByBody::AddClient, "client_add", &ADDED_CLIENT_MEMBERS),
    Endpoint::admin_read("/clients/{client_id}", ByPath::Client, &[]),
    Endpoint::admin_order(
        "PUT",
        "/clients/{client_id}",
        ByBody::ReplaceClient,
        "client_replace",
        STORED_CLIENT_MEMBERS,
    ),
    Endpoint::admin_change("DELETE", "/clients/{client_id}", ByPath::DeleteClient, "client_delete", &[]),
    Endpoint::admin_change(
        "POST",
        "/clients/{client_id}/rotate-secret",
        ByPath::RotateClientSecret,
        "client_rotate_secret",
        &["end_others"],
    ),
    Endpoint::admin_change(
        "DELETE",
        "/clients/{client_id}/secrets/{secret_id}",
        ByPath::EndClientSecret,
        "client_end_secret",
        &[],
    ),
    Endpoint::admin_change(
        "POST",
        "/clients/{client_id}/disable",
        ByPath::DisableClient,
        "client_disable",
        &[],
    ),
    Endpoint::admin_change("POST", "/clients/{client_id}/enable", ByPath::EnableClient, "client_enable", &[]),
    Endpoint::dashboard("/ui", DashboardCall::Home, &[]),
    Endpoint::dashboard("/ui/overview", DashboardCall::Overview, &["span"]),
    Endpoint::dashboard("/ui/cost", DashboardCall::Cost, &["span"]),
    Endpoint::dashboard("/ui/users", DashboardCall::Users, &["contains", "after", "done"]),
    Endpoint::dashboard("/ui/users/{sub}", DashboardCall::User, &["done"]),
    Endpoint::dashboard("/ui/clients", DashboardCall::Clients, &["after", "done"]),
    Endpoint::dashboard("/ui/clients/{client_id}", DashboardCall::Client, &["done"]),
    Endpoint::dashboard("/ui/routes", DashboardCall::Routes, &["method", "url"]),
    Endpoint::dashboard("/ui/issuers", DashboardCall::Issuers, &["done"]),
    Endpoint::dashboard("/ui/keys", DashboardCall::Keys, &["done"]),
    Endpoint::dashboard("/ui/revocations", DashboardCall::Revocations, &["done"]),
    Endpoint::dashboard("/ui/limits", DashboardCall::Limits, &["login", "ip", "done"]),
    Endpoint::dashboard("/ui/audit", DashboardCall::Audit, &["before", "who", "action", "target", "done"]),
    Endpoint::dashboard("/ui/confirm/{action}", DashboardCall::Confirm, &[]),
    Endpoint::dashboard("/ui/confirm/{action}", DashboardCall::Change, &[]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_has_an_audit_action_of_its_own() {
        let admin = || ENDPOINTS.iter().filter(|endpoint| matches!(endpoint.call, Call::Admin(_)));
        let changing: Vec<&Endpoint> = admin().filter(|endpoint| endpoint.method != "GET").collect();
        assert!(changing.iter().all(|endpoint| endpoint.changes()));
        assert!(admin().filter(|endpoint| endpoint.method == "GET").all(|endpoint| !endpoint.changes()));
        let names: std::collections::BTreeSet<&str> =
            changing.iter().map(|endpoint| endpoint.action).collect();
        assert_eq!(names.len(), changing.len());
    }
}
