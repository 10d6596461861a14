//! The administrators' API, by default under `/admin` (`docs/admin.md`).
//!
//! Every call needs an access token of ours with the scope [`SCOPE`] whose session is alive at
//! this very moment (revocation level `strong`); a call that changes something needs a sign-in
//! that is not long ago (RFC 9470). No page of another origin can call it: there is no CORS, and
//! no cookie is looked at.
//!
//! [`CALLS`] is the one list of what there is. A call is a line there, an arm of
//! [`Service::perform`] and a function in the file of its subject; lists answer in
//! [`paging`]'s form.

mod calls;
mod keys;
#[allow(dead_code, reason = "the first list with pages is still to come")]
mod paging;
mod sessions;

use std::rc::Rc;

use serde_json::{Map, Value};

pub use calls::{CALLS, Call, SCOPE};
use calls::{Found, find};

use super::{ApiError, Caller, Ports, Service, credentials::Session};
use crate::{
    gateway::{Forbid, ForbidCause, Identity},
    http::{Reply, RequestView},
    observe::{Happening, Setting},
    time::Timestamp,
};

/// An administrator whose access token was verified, who has the scope, and whose session is
/// alive. Only [`Service::admin`] makes one.
#[derive(Debug)]
pub(super) struct Admin {
    pub(super) identity: Rc<Identity>,
    pub(super) session: Session,
}

/// One call of an administrator.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    /// What the template's `{...}` stand for, in order.
    pub(super) parameters: Vec<&'a str>,
    /// What follows the `?`, if anything.
    pub(super) query: Option<&'a str>,
    /// The body, whole.
    pub(super) body: &'a [u8],
    /// Who calls.
    pub(super) admin: Admin,
}

impl Asked<'_> {
    /// The value of the template's n-th `{...}`.
    pub(super) fn parameter(&self, index: usize) -> &str {
        self.parameters.get(index).copied().unwrap_or_default()
    }
}

impl<P: Ports> Service<P> {
    /// Whether the path is one of the administrators' API; what follows its prefix.
    pub(super) fn admin_path<'p>(&self, path: &'p str) -> Option<&'p str> {
        let settings = &self.isolate.config.admin;
        let rest = path.strip_prefix(settings.path.as_str())?;
        (settings.enabled && (rest.is_empty() || rest.starts_with('/'))).then_some(rest)
    }

    /// Answers a call of the administrators' API.
    ///
    /// 1. 404 for a path that is none, 405 for a method that it does not take;
    /// 2. 401 without a sound access token of ours whose session is alive;
    /// 3. 403 `insufficient_scope` without [`SCOPE`];
    /// 4. 401 `insufficient_user_authentication` when the call changes something and the
    ///    sign-in is too long ago (RFC 9470 section 3);
    /// 5. what the call itself has to say.
    pub(super) async fn admin(
        &self,
        request: &impl RequestView,
        path: &str,
        query: Option<&str>,
        body: &[u8],
    ) -> Result<Reply, ApiError> {
        let method = request.method();
        let (call, parameters) = match find(&method, path) {
            Found::Call(call, parameters) => (call, parameters),
            Found::Options { allow } => return Ok(Reply::empty(204).with_header("allow", &allow)),
            Found::OtherMethods { allow } => return Err(ApiError::AdminMethodNotAllowed { allow }),
            Found::Nothing => return Err(ApiError::NotFound),
        };
        let (identity, session) = self.own_identity(request).await?;
        let admin = Admin { identity, session };
        if !admin.identity.scopes.contains(SCOPE) {
            self.record_admin_refused(request, &admin, "missing_scope");
            let cause = ForbidCause::Scope { required: [SCOPE.to_owned()].into() };
            return Err(ApiError::Forbid(Forbid { cause }));
        }
        if call.changes() && !self.signed_in_recently(&admin.identity) {
            self.record_admin_refused(request, &admin, "sign_in_too_old");
            let max_age = self.isolate.config.admin.max_sign_in_age.as_secs();
            return Err(ApiError::SignInTooOld { max_age });
        }
        self.perform(call, request, &Asked { parameters, query, body, admin }).await
    }

    async fn perform(
        &self,
        call: Call,
        request: &impl RequestView,
        asked: &Asked<'_>,
    ) -> Result<Reply, ApiError> {
        match call {
            Call::Keys => self.admin_keys(asked).await,
            Call::RotateKeys => self.admin_rotate_keys(request, asked).await,
            Call::RevokeKey => self.admin_revoke_key(request, asked).await,
            Call::UserSessions => self.admin_sessions(asked).await,
            Call::EndUserSession => self.admin_end_session(request, asked).await,
            Call::EndUserSessions => self.admin_end_sessions(request, asked).await,
        }
    }

    /// By `auth_time`, which a refresh does not renew. A token without one is not recent.
    fn signed_in_recently(&self, identity: &Identity) -> bool {
        let auth_time = identity.claims.get("auth_time").and_then(Value::as_u64);
        auth_time.is_some_and(|seconds| {
            self.now().since(Timestamp::from_seconds(seconds)) <= self.isolate.config.admin.max_sign_in_age
        })
    }

    /// Tells that an administrator did something. `target` is what it was done to: an id or a
    /// name, never a secret.
    pub(super) fn record_admin(
        &self,
        request: &impl RequestView,
        admin: &Admin,
        action: &'static str,
        target: Option<String>,
    ) {
        self.record_by(request, admin, Happening::AdminAction { action, target });
    }

    fn record_admin_refused(&self, request: &impl RequestView, admin: &Admin, code: &'static str) {
        let route = Some("admin".to_owned());
        self.record_by(request, admin, Happening::AccessRefused { code, route, signature_tail: None });
    }

    fn record_by(&self, request: &impl RequestView, admin: &Admin, happening: Happening) {
        let setting = Setting {
            account: Some(admin.session.account),
            session_id: Some(admin.session.family),
            client_id: admin.identity.client_id.clone(),
            ..Caller::of(request).setting()
        };
        self.record(self.now(), happening, setting);
    }
}

/// A JSON object of these members, those that are null left out.
fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(kept(members.map(|(name, value)| (name.to_owned(), value)).into()))
}

/// Not generic, so that it is there once.
fn kept(members: Vec<(String, Value)>) -> Map<String, Value> {
    members.into_iter().filter(|(_, value)| !value.is_null()).collect()
}
