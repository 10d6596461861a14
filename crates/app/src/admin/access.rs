//! Authenticates administrators.

use serde_json::Value;

use crate::{
    access::session::Session,
    admin::request::Admin,
    auth::{browser_sessions::BrowserSessions, session_auth::SessionAuth},
    events::{EventContext, EventKind},
    http::RequestView,
    identity::ADMIN_SCOPE,
    runtime::{Runtime, events::Events, ports::Ports},
    time::Timestamp,
    web::{
        caller::Caller,
        endpoints::Endpoint,
        error::{ApiError, missing_scope},
    },
};

/// Authenticates administrators, and checks the age of their sign-ins.
pub(crate) struct AdminAccess<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> AdminAccess<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Authenticates the administrator who makes the call, by their access token.
    pub(crate) async fn admitted(&self, request: &impl RequestView) -> Result<Admin, ApiError> {
        let (identity, session) = SessionAuth::of(self.0).own_identity(request).await?;
        // A token without it is too old.
        let auth_time = identity.claims.get("auth_time").and_then(Value::as_u64);
        let admin = Admin {
            subject: identity.subject.clone(),
            client_id: identity.client_id.clone(),
            session,
            signed_in_at: auth_time.map(Timestamp::from_seconds),
        };
        self.with_scope(&Caller::of(request), admin, identity.scopes.contains(ADMIN_SCOPE))
    }

    /// The administrator whose browser asks for a page of the dashboard, by their browser session. `None` if the browser is
    /// not signed in.
    ///
    /// # Errors
    /// As [`Self::admitted`], without 401.
    pub(crate) async fn at_a_page(&self, request: &impl RequestView) -> Result<Option<Admin>, ApiError> {
        let Some(session) = BrowserSessions::of(self.0).current(request).await? else { return Ok(None) };
        let has_scope = session.grant.scope.split(' ').any(|scope| scope == ADMIN_SCOPE);
        let admin = Admin {
            subject: session.grant.subject,
            client_id: Some(session.grant.client_id),
            session: Session { account: session.account, family: session.family },
            signed_in_at: Some(session.grant.auth_time),
        };
        self.with_scope(&Caller::of(request), admin, has_scope).map(Some)
    }

    fn with_scope(&self, caller: &Caller, admin: Admin, has_scope: bool) -> Result<Admin, ApiError> {
        if has_scope {
            return Ok(admin);
        }
        self.record_refused_admin(caller, &admin, "missing_scope");
        Err(missing_scope())
    }

    /// Admits an administrator to a call: one that changes something needs a recent sign-in.
    ///
    /// # Errors
    /// [`ApiError::SignInTooOld`].
    pub(crate) fn admit_to(
        &self,
        endpoint: &Endpoint,
        admin: &Admin,
        caller: &Caller,
    ) -> Result<(), ApiError> {
        if !endpoint.changes() || self.signed_in_recently(admin) {
            return Ok(());
        }
        self.record_refused_admin(caller, admin, "sign_in_too_old");
        Err(ApiError::SignInTooOld { max_age: self.0.isolate.config.admin.max_sign_in_age.as_secs() })
    }

    /// Whether the sign-in is recent enough for a change.
    pub(crate) fn signed_in_recently(&self, admin: &Admin) -> bool {
        let max_age = self.0.isolate.config.admin.max_sign_in_age;
        admin.signed_in_at.is_some_and(|at| self.0.now().since(at) <= max_age)
    }

    fn record_refused_admin(&self, caller: &Caller, admin: &Admin, code: &'static str) {
        let setting = EventContext {
            account: Some(admin.session.account),
            session_id: Some(admin.session.family),
            client_id: admin.client_id.clone(),
            ..caller.setting()
        };
        let route = Some("admin".to_owned());
        Events::of(self.0).record(self.0.now(), EventKind::access_refused(code, route), setting);
    }
}
