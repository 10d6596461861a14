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

mod audit;
mod calls;
mod imports;
mod keys;
mod order;
mod paging;
mod revocations;
mod routes;
mod sessions;
mod throttle;
mod users;

use std::rc::Rc;

use serde_json::{Map, Value};

pub use super::imports::{BatchTooLarge, MAX_ROWS, MAX_WEIGHT, RowOutcome};
pub use calls::{CALLS, Call, Line, Ordered, Plain, SCOPE};
use calls::{Found, find};
use order::Order;
use paging::Query;

use super::{ApiError, Caller, MAX_BODY_BYTES, Ports, Service, body::Body, credentials::Session};
use crate::{
    config::AdminSettings,
    gateway::{Forbid, ForbidCause, Identity},
    http::{Reply, RequestView, UrlParts},
    observe::{Act, ActResult, Happening, Setting},
    time::Timestamp,
};

/// The largest body of an administrator's call, in bytes: a route table of 2000 short routes, or
/// a batch of imported users.
pub const MAX_ADMIN_BODY_BYTES: usize = 1024 * 1024;

/// An administrator: the access token was verified, it has the scope, and its session is alive.
/// Only [`Service::admitted`] makes one.
#[derive(Debug)]
pub(super) struct Admin {
    pub(super) identity: Rc<Identity>,
    pub(super) session: Session,
}

/// One call of an administrator, its query and body known to hold only what it knows.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) line: &'static Line,
    /// What the path's `{...}` stand for, in order.
    pub(super) parameters: Vec<&'a str>,
    pub(super) query: Query,
    pub(super) body: Body,
    pub(super) admin: Admin,
    pub(super) caller: Caller,
}

impl Asked<'_> {
    /// What the path's n-th `{...}` stands for.
    pub(super) fn parameter(&self, index: usize) -> &str {
        self.parameters.get(index).copied().unwrap_or_default()
    }
}

/// What follows the prefix of the administrators' API, if the path is below it.
pub(super) fn admin_path<'p>(settings: &AdminSettings, path: &'p str) -> Option<&'p str> {
    let rest = path.strip_prefix(settings.path.as_str())?;
    (settings.enabled && (rest.is_empty() || rest.starts_with('/'))).then_some(rest)
}

/// The caller is no administrator (RFC 6750 section 3.1, `insufficient_scope`).
pub(super) fn missing_scope() -> ApiError {
    ApiError::Forbid(Forbid { cause: ForbidCause::Scope { required: [SCOPE.to_owned()].into() } })
}

impl<P: Ports> Service<P> {
    /// What follows the prefix, if the path is one of the administrators' API.
    pub(super) fn admin_path<'p>(&self, path: &'p str) -> Option<&'p str> {
        admin_path(&self.isolate.config.admin, path)
    }

    /// How large a body this request may have, in bytes. More than others may send is read only
    /// from an administrator, who is asked for his token before.
    pub async fn body_limit(&self, request: &impl RequestView) -> usize {
        let length = request.header("content-length").and_then(|length| length.parse().ok());
        if length.is_none_or(|length: usize| length <= MAX_BODY_BYTES) {
            return MAX_BODY_BYTES;
        }
        let url = request.url();
        let administrative = UrlParts::parse(&url).is_some_and(|parts| self.admin_path(parts.path).is_some());
        if administrative && self.admitted(request).await.is_ok() {
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
    pub(super) async fn admin(
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
        let admin = self.admitted(request).await?;
        let caller = Caller::of(request);
        if line.changes() && !self.signed_in_recently(&admin.identity) {
            self.record_refused_admin(&caller, &admin, "sign_in_too_old");
            let max_age = self.isolate.config.admin.max_sign_in_age.as_secs();
            return Err(ApiError::SignInTooOld { max_age });
        }
        let query = Query::parse(query, line.query)?;
        let body = Body::parse_within(MAX_ADMIN_BODY_BYTES, request, body, line.body)?;
        let asked = Asked { line, parameters, query, body, admin, caller };
        let order = self.order(&asked)?;
        if line.changes() { self.on_record(&asked, order).await } else { self.perform(&asked, order).await }
    }

    /// Writes the call down, does it, and writes down how it ended.
    async fn on_record(&self, asked: &Asked<'_>, order: Order<'_>) -> Result<Reply, ApiError> {
        let who = asked.admin.identity.subject.as_str();
        let (target, detail) = self.named(asked, &order);
        let act = Act::new(who, asked.line.action, &target, &detail);
        let announced = self.announce(&asked.caller, act).await?;
        let outcome = self.perform(asked, order).await;
        let result = match &outcome {
            Ok(reply) if reply.status < 400 => ActResult::Done,
            Err(ApiError::Fault(_)) => ActResult::Failed,
            Ok(_) | Err(_) => ActResult::Refused,
        };
        self.conclude(&asked.caller, announced, result).await;
        outcome
    }

    async fn perform(&self, asked: &Asked<'_>, order: Order<'_>) -> Result<Reply, ApiError> {
        let call = match order {
            Order::Plain(call) => call,
            Order::AddUser(login, grants) => return self.admin_add_user(asked, &login, grants).await,
            Order::ImportUsers(rows) => return self.admin_import_users(asked, rows).await,
            Order::SetGrants(order) => return self.admin_set_grants(asked, &order).await,
            Order::Revoke(target) => return self.admin_revoke(asked, &target).await,
            Order::ClearThrottle(subject) => return self.admin_clear_throttle(subject).await,
        };
        match call {
            Plain::Keys => self.admin_keys().await,
            Plain::RotateKeys => self.admin_rotate_keys(asked).await,
            Plain::RevokeKey => self.admin_revoke_key(asked).await,
            Plain::Users => self.admin_users(asked).await,
            Plain::User => self.admin_user(asked).await,
            Plain::DisableUser => self.admin_set_disabled(asked, true).await,
            Plain::EnableUser => self.admin_set_disabled(asked, false).await,
            Plain::EraseUser => self.admin_erase_user(asked).await,
            Plain::UserSessions => self.admin_sessions(asked).await,
            Plain::EndUserSession => self.admin_end_session(asked).await,
            Plain::EndUserSessions => self.admin_end_sessions(asked).await,
            Plain::Routes => self.admin_routes().await,
            Plain::ReplaceRoutes => self.admin_replace_routes(asked).await,
            Plain::Audit => self.admin_audit(asked).await,
            Plain::Throttle => self.admin_throttle(asked).await,
        }
    }

    /// The administrator who asks.
    async fn admitted(&self, request: &impl RequestView) -> Result<Admin, ApiError> {
        let (identity, session) = self.own_identity(request).await?;
        let admin = Admin { identity, session };
        if admin.identity.scopes.contains(SCOPE) {
            return Ok(admin);
        }
        self.record_refused_admin(&Caller::of(request), &admin, "missing_scope");
        Err(missing_scope())
    }

    /// By `auth_time`, which a refresh does not renew. A token without one is not recent.
    fn signed_in_recently(&self, identity: &Identity) -> bool {
        let auth_time = identity.claims.get("auth_time").and_then(Value::as_u64);
        auth_time.is_some_and(|seconds| {
            self.now().since(Timestamp::from_seconds(seconds)) <= self.isolate.config.admin.max_sign_in_age
        })
    }

    fn record_refused_admin(&self, caller: &Caller, admin: &Admin, code: &'static str) {
        let setting = Setting {
            account: Some(admin.session.account),
            session_id: Some(admin.session.family),
            client_id: admin.identity.client_id.clone(),
            ..caller.setting()
        };
        let route = Some("admin".to_owned());
        self.record(self.now(), Happening::access_refused(code, route), setting);
    }
}

/// A JSON object of these members, those that are null left out.
fn object<const N: usize>(mut members: [(&str, Value); N]) -> Value {
    Value::Object(kept(&mut members))
}

/// Not generic, so that it is there once.
fn kept(members: &mut [(&str, Value)]) -> Map<String, Value> {
    let mut kept = Map::new();
    // One by one: `collect` would sort them first.
    for (name, value) in members {
        if !value.is_null() {
            kept.insert((*name).to_owned(), value.take());
        }
    }
    kept
}
