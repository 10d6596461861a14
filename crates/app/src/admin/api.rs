//! The administrators' API, by default under `/admin` (`docs/reference/admin-api.md`).
//!
//! Every call needs an access token of ours with the scope [`SCOPE`] whose session is alive at
//! this very moment (revocation level `strong`); a call that changes something needs a sign-in
//! that is not long ago (RFC 9470), and is written into the audit log before it is done. No page
//! of another origin can call it: there is no CORS, and no cookie is looked at.
//!
//! [`CALLS`] is the one list of what there is. A call is a line there, an arm of
//! `Service::perform` and a function in the file of its subject; lists answer in the form of
//! `paging`. Where the body names what a call is about, `order` reads it. A call that changes
//! something is announced to the audit log, and concluded, here: its function does the deed and
//! no more.

use crate::{
    admin::{
        access::AdminAccess,
        audit::AdminAudit,
        audit_trail::AuditTrail,
        calls::{Found, Plain, find},
        imports::AdminImports,
        keys::AdminKeys,
        order::{Order, Orders},
        paging::Query,
        request::Asked,
        revocations::AdminRevocations,
        routes::AdminRoutes,
        sessions::AdminSessions,
        throttle::AdminThrottle,
        users::AdminUsers,
    },
    http::{Reply, RequestView, UrlParts},
    observe::{Act, ActResult},
    runtime::{Runtime, ports::Ports},
    web::{
        body::{Body, MAX_BODY_BYTES},
        caller::Caller,
        error::ApiError,
        paths::admin_path,
    },
};

/// The largest body of an administrator's call, in bytes: a route table of 2000 short routes, or
/// a batch of imported users.
pub const MAX_ADMIN_BODY_BYTES: usize = 1024 * 1024;

/// The administrators' API.
pub(crate) struct AdminApi<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> AdminApi<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// How large a body this request may have, in bytes. More than others may send is read only
    /// from an administrator, who is asked for his token before.
    pub(crate) async fn body_limit(&self, request: &impl RequestView) -> usize {
        let length = request.header("content-length").and_then(|length| length.parse().ok());
        if length.is_none_or(|length: usize| length <= MAX_BODY_BYTES) {
            return MAX_BODY_BYTES;
        }
        let url = request.url();
        let administrative = UrlParts::parse(&url)
            .is_some_and(|parts| admin_path(&self.0.isolate.config.admin, parts.path).is_some());
        if administrative && AdminAccess::of(self.0).admitted(request).await.is_ok() {
            MAX_ADMIN_BODY_BYTES
        } else {
            MAX_BODY_BYTES
        }
    }

    /// Answers a call of the administrators' API.
    ///
    /// 1. 404 for a path that is none, 405 for a method that it does not take;
    /// 2. 401 without a sound access token of ours whose session is alive, 403
    ///    `insufficient_scope` without [`SCOPE`];
    /// 3. 401 `insufficient_user_authentication` when the call changes something and the
    ///    sign-in is too long ago (RFC 9470 section 3);
    /// 4. 400 for a query or a body that the call can't use;
    /// 5. 503 when what is about to be done can't be written into the audit log;
    /// 6. what the call itself has to say.
    pub(crate) async fn admin(
        &self,
        request: &impl RequestView,
        path: &str,
        query: Option<&str>,
        body: &[u8],
    ) -> Result<Reply, ApiError> {
        let (line, parameters) = match find(&request.method(), path) {
            Found::Call(line, parameters) => (line, parameters),
            Found::Options { allow } => return Ok(Reply::empty(204).with_header("allow", &allow)),
            Found::OtherMethods { allow } => return Err(ApiError::AdminMethodNotAllowed { allow }),
            Found::Nothing => return Err(ApiError::NotFound),
        };
        let admin = AdminAccess::of(self.0).admitted(request).await?;
        let caller = Caller::of(request);
        if line.changes() && !AdminAccess::of(self.0).signed_in_recently(&admin.identity) {
            AdminAccess::of(self.0).record_refused_admin(&caller, &admin, "sign_in_too_old");
            let max_age = self.0.isolate.config.admin.max_sign_in_age.as_secs();
            return Err(ApiError::SignInTooOld { max_age });
        }
        let query = Query::parse(query, line.query)?;
        let body = Body::parse_within(MAX_ADMIN_BODY_BYTES, request, body, line.body)?;
        let asked = Asked { line, parameters, query, body, admin, caller };
        let order = Orders::of(self.0).order(&asked)?;
        if line.changes() { self.on_record(&asked, order).await } else { self.perform(&asked, order).await }
    }

    /// Writes the call down, does it, and writes down how it ended.
    async fn on_record(&self, asked: &Asked<'_>, order: Order<'_>) -> Result<Reply, ApiError> {
        let who = asked.admin.identity.subject.as_str();
        let (target, detail) = Orders::of(self.0).named(asked, &order);
        let act = Act::new(who, asked.line.action, &target, &detail);
        let announced = AuditTrail::of(self.0).announce(&asked.caller, act).await?;
        let outcome = self.perform(asked, order).await;
        let result = match &outcome {
            Ok(reply) if reply.status < 400 => ActResult::Done,
            Err(ApiError::Fault(_)) => ActResult::Failed,
            Ok(_) | Err(_) => ActResult::Refused,
        };
        AuditTrail::of(self.0).conclude(&asked.caller, announced, result).await;
        outcome
    }

    async fn perform(&self, asked: &Asked<'_>, order: Order<'_>) -> Result<Reply, ApiError> {
        let call = match order {
            Order::Plain(call) => call,
            Order::AddUser(login, grants) => {
                return AdminUsers::of(self.0).admin_add_user(asked, &login, grants).await;
            }
            Order::ImportUsers(rows) => {
                return AdminImports::of(self.0).admin_import_users(asked, rows).await;
            }
            Order::SetGrants(order) => return AdminUsers::of(self.0).admin_set_grants(asked, &order).await,
            Order::Revoke(target) => return AdminRevocations::of(self.0).admin_revoke(asked, &target).await,
            Order::ClearThrottle(subject) => {
                return AdminThrottle::of(self.0).admin_clear_throttle(subject).await;
            }
        };
        match call {
            Plain::Keys => AdminKeys::of(self.0).admin_keys().await,
            Plain::RotateKeys => AdminKeys::of(self.0).admin_rotate_keys(asked).await,
            Plain::RevokeKey => AdminKeys::of(self.0).admin_revoke_key(asked).await,
            Plain::Users => AdminUsers::of(self.0).admin_users(asked).await,
            Plain::User => AdminUsers::of(self.0).admin_user(asked).await,
            Plain::DisableUser => AdminUsers::of(self.0).admin_set_disabled(asked, true).await,
            Plain::EnableUser => AdminUsers::of(self.0).admin_set_disabled(asked, false).await,
            Plain::EraseUser => AdminUsers::of(self.0).admin_erase_user(asked).await,
            Plain::UserSessions => AdminSessions::of(self.0).admin_sessions(asked).await,
            Plain::EndUserSession => AdminSessions::of(self.0).admin_end_session(asked).await,
            Plain::EndUserSessions => AdminSessions::of(self.0).admin_end_sessions(asked).await,
            Plain::Routes => AdminRoutes::of(self.0).admin_routes().await,
            Plain::ReplaceRoutes => AdminRoutes::of(self.0).admin_replace_routes(asked).await,
            Plain::Audit => AdminAudit::of(self.0).admin_audit(asked).await,
            Plain::Throttle => AdminThrottle::of(self.0).admin_throttle(asked).await,
        }
    }
}
