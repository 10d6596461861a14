//! Authenticates administrators.

use serde_json::Value;

use crate::{
    admin::request::Admin,
    auth::session_auth::SessionAuth,
    events::{EventContext, EventKind},
    gateway::Identity,
    http::RequestView,
    identity::ADMIN_SCOPE,
    runtime::{Runtime, events::Events, ports::Ports},
    time::Timestamp,
    web::{
        caller::Caller,
        error::{ApiError, missing_scope},
    },
};

/// Authenticates administrators, and checks the age of their sign-ins.
pub(crate) struct AdminAccess<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> AdminAccess<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Authenticates the administrator who makes the call.
    pub(crate) async fn admitted(&self, request: &impl RequestView) -> Result<Admin, ApiError> {
        let (identity, session) = SessionAuth::of(self.0).own_identity(request).await?;
        let admin = Admin { identity, session };
        if admin.identity.scopes.contains(ADMIN_SCOPE) {
            return Ok(admin);
        }
        self.record_refused_admin(&Caller::of(request), &admin, "missing_scope");
        Err(missing_scope())
    }

    /// Checks the age of the sign-in by `auth_time`, which a refresh does not renew. A token without it is too old.
    pub(crate) fn signed_in_recently(&self, identity: &Identity) -> bool {
        let auth_time = identity.claims.get("auth_time").and_then(Value::as_u64);
        auth_time.is_some_and(|seconds| {
            self.0.now().since(Timestamp::from_seconds(seconds))
                <= self.0.isolate.config.admin.max_sign_in_age
        })
    }

    pub(crate) fn record_refused_admin(&self, caller: &Caller, admin: &Admin, code: &'static str) {
        let setting = EventContext {
            account: Some(admin.session.account),
            session_id: Some(admin.session.family),
            client_id: admin.identity.client_id.clone(),
            ..caller.setting()
        };
        let route = Some("admin".to_owned());
        Events::of(self.0).record(self.0.now(), EventKind::access_refused(code, route), setting);
    }
}
