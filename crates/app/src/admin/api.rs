//! The administrators' API, by default under `/admin` (`docs/reference/admin-api.md`).
//!
//! Every call needs an access token of the deployment with the scope `postern:admin` whose session is alive now
//! (revocation level `strong`). A call that changes something needs a recent sign-in (RFC 9470), and is written to the
//! audit log before it is carried out. Pages of other origins cannot use the API: there is no CORS, and it reads no
//! cookies.
//!
//! A call is a row of [`ENDPOINTS`](crate::web::endpoints::ENDPOINTS), an arm of [`AdminApi::handle`] and a function in
//! the file of its subject. Lists answer in the form of `paging`. Where the body names the target, `order` reads it.

use crate::{
    admin::{
        access::AdminAccess,
        audit::AdminAudit,
        audit_trail::AuditTrail,
        clients::AdminClients,
        history::AdminHistory,
        imports::AdminImports,
        issuers::AdminIssuers,
        keys::AdminKeys,
        order::{Order, Orders},
        paging::Query,
        request::AdminRequest,
        revocations::AdminRevocations,
        routes::AdminRoutes,
        sessions::AdminSessions,
        throttle::AdminThrottle,
        users::AdminUsers,
    },
    audit::{Act, ActResult},
    http::{Reply, RequestView},
    runtime::{Runtime, ports::Ports},
    web::{
        body::Body,
        caller::Caller,
        endpoints::{AdminCall, ByPath, Endpoint},
        error::ApiError,
    },
};

/// The administrators' API.
pub(crate) struct AdminApi<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> AdminApi<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Answers a call of the administrators' API.
    ///
    /// 1. 401 without a valid access token of the deployment whose session is alive, 403 `insufficient_scope` without
    ///    the scope `postern:admin`;
    /// 2. 401 `insufficient_user_authentication` if the call changes something and the sign-in is too old (RFC 9470
    ///    section 3);
    /// 3. 400 for a query or a body that is not valid;
    /// 4. 503 if the action cannot be written to the audit log;
    /// 5. the answer of the call.
    pub(crate) async fn answer(
        &self,
        (endpoint, call): (&'static Endpoint, AdminCall),
        parameters: Vec<&str>,
        request: &impl RequestView,
        query: Option<&str>,
        body: &[u8],
    ) -> Result<Reply, ApiError> {
        let admin = AdminAccess::of(self.0).admitted(request).await?;
        let caller = Caller::of(request);
        AdminAccess::of(self.0).admit_to(endpoint, &admin, &caller)?;
        let query = Query::parse(query, endpoint.query)?;
        let body = Body::parse_within(endpoint.max_body, request, body, endpoint.members)?;
        self.carry_out(AdminRequest { endpoint, call, parameters, query, body, admin, caller }).await
    }

    /// Carries out a call of an administrator, who came by an access token or by the dashboard. It checks the age of the
    /// sign-in itself, so that no way leads past that.
    pub(crate) async fn carry_out(&self, asked: AdminRequest<'_>) -> Result<Reply, ApiError> {
        AdminAccess::of(self.0).admit_to(asked.endpoint, &asked.admin, &asked.caller)?;
        let order = Orders::of(self.0).order(&asked)?;
        if asked.endpoint.changes() {
            self.audited(&asked, order).await
        } else {
            self.handle(&asked, order).await
        }
    }

    /// Writes the action to the audit log, carries it out, and writes its result.
    async fn audited(&self, asked: &AdminRequest<'_>, order: Order<'_>) -> Result<Reply, ApiError> {
        let who = asked.admin.subject.as_str();
        let (target, detail) = Orders::of(self.0).named(asked, &order);
        let act = Act::new(who, asked.endpoint.action, &target, &detail);
        let announced = AuditTrail::of(self.0).announce(&asked.caller, act).await?;
        let outcome = self.handle(asked, order).await;
        let result = match &outcome {
            Ok(reply) if reply.status < 400 => ActResult::Done,
            Err(ApiError::Fault(_)) => ActResult::Failed,
            Ok(_) | Err(_) => ActResult::Refused,
        };
        AuditTrail::of(self.0).conclude(&asked.caller, announced, result).await;
        outcome
    }

    async fn handle(&self, asked: &AdminRequest<'_>, order: Order<'_>) -> Result<Reply, ApiError> {
        let call = match order {
            Order::ByPath(call) => call,
            Order::AddUser(login, grants) => {
                return AdminUsers::of(self.0).add(asked, &login, grants).await;
            }
            Order::ImportUsers(rows) => {
                return AdminImports::of(self.0).import(asked, rows).await;
            }
            Order::SetGrants(order) => return AdminUsers::of(self.0).set_grants(asked, &order).await,
            Order::Revoke(target) => return AdminRevocations::of(self.0).revoke(asked, &target).await,
            Order::AddClient(client_id) => {
                return AdminClients::of(self.0).add(asked, client_id).await;
            }
            Order::RefreshIssuer(issuer) => return AdminIssuers::of(self.0).refresh(issuer).await,
            Order::ReplaceClient => return AdminClients::of(self.0).replace(asked).await,
            Order::ClearThrottle(subject) => {
                return AdminThrottle::of(self.0).clear(subject).await;
            }
        };
        match call {
            ByPath::Keys => AdminKeys::of(self.0).list().await,
            ByPath::RotateKeys => AdminKeys::of(self.0).rotate(asked).await,
            ByPath::RevokeKey => AdminKeys::of(self.0).revoke(asked).await,
            ByPath::Users => AdminUsers::of(self.0).list(asked).await,
            ByPath::User => AdminUsers::of(self.0).show(asked).await,
            ByPath::DisableUser => AdminUsers::of(self.0).set_disabled(asked, true).await,
            ByPath::EnableUser => AdminUsers::of(self.0).set_disabled(asked, false).await,
            ByPath::EraseUser => AdminUsers::of(self.0).erase(asked).await,
            ByPath::UserSessions => AdminSessions::of(self.0).list(asked).await,
            ByPath::EndUserSession => AdminSessions::of(self.0).end(asked).await,
            ByPath::EndUserSessions => AdminSessions::of(self.0).end_all(asked).await,
            ByPath::ResetUser => AdminUsers::of(self.0).reset(asked).await,
            ByPath::UserActivity => AdminSessions::of(self.0).activity(asked).await,
            ByPath::UserGrants => AdminSessions::of(self.0).grants(asked).await,
            ByPath::EndUserGrant => AdminSessions::of(self.0).end_grant(asked).await,
            ByPath::Issuers => AdminIssuers::of(self.0).list().await,
            ByPath::Routes => AdminRoutes::of(self.0).show().await,
            ByPath::ExplainRoute => AdminRoutes::of(self.0).explain(asked).await,
            ByPath::ReplaceRoutes => AdminRoutes::of(self.0).replace(asked).await,
            ByPath::Audit => AdminAudit::of(self.0).list(asked).await,
            ByPath::Clients => AdminClients::of(self.0).list(asked).await,
            ByPath::Client => AdminClients::of(self.0).show(asked).await,
            ByPath::DeleteClient => AdminClients::of(self.0).delete(asked).await,
            ByPath::RotateClientSecret => AdminClients::of(self.0).rotate_secret(asked).await,
            ByPath::EndClientSecret => AdminClients::of(self.0).end_secret(asked).await,
            ByPath::DisableClient => AdminClients::of(self.0).set_disabled(asked, true).await,
            ByPath::EnableClient => AdminClients::of(self.0).set_disabled(asked, false).await,
            ByPath::Throttle => AdminThrottle::of(self.0).show(asked).await,
            ByPath::History => AdminHistory::of(self.0).show(asked).await,
        }
    }
}
