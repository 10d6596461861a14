//! The use cases of one request, for the Worker and for tests: what happens between a request and its answer.
//!
//! - [`Service::try_sync`] is the synchronous entry of every request: it answers, forwards, or says that there is something
//!   to wait for;
//! - [`Service::gate`] protects the routes (the room `gate`);
//! - [`Service::own`] answers for Postern's own paths (`router`, which leads to the rooms `auth` and `admin`).

use std::rc::Rc;

pub use crate::{
    access::key_sets::own_snapshot,
    admin::{
        audit_trail::Announced,
        revoking::{RevocationRefused, Revoked},
    },
    auth::{
        misconfigured::misconfigured,
        users::{GrantsRefused, MAX_USERS_ON_A_PAGE, Regranted},
    },
    gate::{
        assertion::{ASSERTION_HEADER, ASSERTION_TYP},
        explain, inspect,
        outcome::{Forward, Immediate, Outcome, UpstreamFault},
        websocket::{OpenSocket, SocketVerdict, SocketWatch},
    },
    isolate::{Isolate, Memory, issuers::kv_key},
    runtime::Ports,
    web::{
        body::{BodyFault, MAX_BODY_BYTES},
        caller::Caller,
    },
};

/// The administrators' API.
pub mod admin {
    pub use crate::admin::user_import::{BatchTooLarge, MAX_ROWS, MAX_WEIGHT, RowOutcome};
    pub use crate::{identity::ADMIN_SCOPE as SCOPE, web::endpoints::MAX_ADMIN_BODY_BYTES};
}

use crate::{
    admin::{audit_trail::AuditTrail, revoking::Revoking, user_import::UserImport},
    audit::{Act, ActResult},
    auth::users::Users,
    events::EventContext,
    gate::{requests::GateRequests, upstream_events::UpstreamEvents, websocket::Sockets},
    http::{Reply, RequestView},
    identity::{Grants, GrantsOrder, Login, PasswordHash, User, UserQuery},
    ids::AccountId,
    ports::Fault,
    revocation::Target,
    router::Router,
    runtime::Runtime,
};

/// The use cases for one request.
#[derive(Debug, Clone)]
pub struct Service<P>(Runtime<P>);

impl<P: Ports> Service<P> {
    /// Joins the isolate's state and the request's ports.
    pub fn new(isolate: Rc<Isolate>, ports: P) -> Self {
        Self(Runtime::new(isolate, ports))
    }

    /// The request's ports, for work beside the answer.
    pub const fn ports(&self) -> &P {
        &self.0.ports
    }

    /// Decides requests that can be decided from memory.
    pub fn try_sync(&self, request: &impl RequestView) -> Immediate {
        GateRequests::of(&self.0).try_sync(request)
    }

    /// Decides all other requests.
    pub async fn gate(&self, request: &impl RequestView) -> Outcome {
        GateRequests::of(&self.0).gate(request).await
    }

    /// Answers a request for one of Postern's own endpoints, with its whole body.
    pub async fn own(&self, request: &impl RequestView, body: &[u8]) -> Reply {
        Router::of(&self.0).own(request, body).await
    }

    /// How large a body this request may have, in bytes. A longer one than others may send is read only from an
    /// administrator, whose access token is verified first.
    pub async fn body_limit(&self, request: &impl RequestView) -> usize {
        Router::of(&self.0).body_limit(request).await
    }

    /// The answer to a body that could not be read.
    pub fn body_refused(&self, request: &impl RequestView, cause: BodyFault) -> Reply {
        Router::of(&self.0).body_refused(request, cause)
    }

    /// Writes the event of a request that is sent to its upstream once more.
    pub fn upstream_retried(&self, request: &impl RequestView, fault: &UpstreamFault) {
        UpstreamEvents::of(&self.0).upstream_retried(request, fault);
    }

    /// The answer to a request whose body could not be sent on, with [`Forward::answer_headers`], and its event. It is
    /// the client's fault: no count of the upstream's failures rises.
    pub fn body_fault(
        &self,
        request: &impl RequestView,
        answer_headers: &[(String, String)],
        fault: BodyFault,
    ) -> Reply {
        UpstreamEvents::of(&self.0).body_fault(request, answer_headers, fault)
    }

    /// The answer when the upstream gave none, with [`Forward::answer_headers`], and its event.
    pub fn upstream_fault(
        &self,
        request: &impl RequestView,
        answer_headers: &[(String, String)],
        fault: &UpstreamFault,
    ) -> Reply {
        UpstreamEvents::of(&self.0).upstream_fault(request, answer_headers, fault)
    }

    /// The state of a socket that opens now.
    pub fn opened(&self, watch: &SocketWatch) -> OpenSocket {
        Sockets::of(&self.0).opened(watch)
    }

    /// When to check a socket that opens now.
    pub fn first_look(&self, socket: &OpenSocket) -> SocketVerdict {
        Sockets::of(&self.0).first_look(socket)
    }

    /// Looks at an open socket: whether it stays open, and when to look again.
    pub async fn look_at_socket(&self, socket: &OpenSocket) -> SocketVerdict {
        Sockets::of(&self.0).look_at_socket(socket).await
    }

    /// Writes the event of a socket that was closed because an end did not read what was sent.
    pub fn socket_overrun(&self, socket: &OpenSocket) {
        Sockets::of(&self.0).socket_overrun(socket);
    }

    /// Revokes `target`. When it returns, the revocation is stored: sessions in their Account object, which tells the feed
    /// by itself, everything else in the feed's object. `setting` is where the order came from, for the log.
    ///
    /// # Errors
    /// Returns [`RevocationRefused`]. The call can be repeated.
    pub(crate) async fn revoke_target(
        &self,
        target: &Target,
        setting: EventContext,
    ) -> Result<Revoked, RevocationRefused> {
        Revoking::of(&self.0).revoke_target(target, setting).await
    }

    /// Users in the order of their logins.
    ///
    /// # Errors
    /// Returns a fault of the database.
    pub(crate) async fn list_users(&self, query: &UserQuery) -> Result<Vec<User>, Fault> {
        Users::of(&self.0).list_users(query).await
    }

    /// The user with this account id.
    ///
    /// # Errors
    /// Returns a fault of the database.
    pub(crate) async fn find_user(&self, account: AccountId) -> Result<Option<User>, Fault> {
        Users::of(&self.0).find_user(account).await
    }

    /// Adds a user. `None` means that the login is taken.
    ///
    /// # Errors
    /// Returns a fault of the database.
    pub(crate) async fn add_user(
        &self,
        login: &Login,
        hash: PasswordHash,
        grants: Grants,
        setting: EventContext,
    ) -> Result<Option<AccountId>, Fault> {
        Users::of(&self.0).add_user(login, hash, grants, setting).await
    }

    /// Disables or enables a user. `false` means that the user does not exist.
    ///
    /// # Errors
    /// Returns a fault. The call can be repeated.
    pub(crate) async fn set_disabled(
        &self,
        account: AccountId,
        disabled: bool,
        setting: EventContext,
    ) -> Result<bool, Fault> {
        Users::of(&self.0).set_disabled(account, disabled, setting).await
    }

    /// Changes scopes, roles and tenant, and returns them before and after. `None` means that the user does not exist.
    ///
    /// # Errors
    /// Returns [`GrantsRefused`].
    pub(crate) async fn set_grants(
        &self,
        account: AccountId,
        order: &GrantsOrder,
        setting: EventContext,
    ) -> Result<Option<Regranted>, GrantsRefused> {
        Users::of(&self.0).set_grants(account, order, setting).await
    }

    /// Erases everything that is stored about an account. `false` means that there was no user.
    ///
    /// # Errors
    /// Returns a fault. The call can be repeated.
    pub(crate) async fn erase(&self, account: AccountId, setting: EventContext) -> Result<bool, Fault> {
        Users::of(&self.0).erase(account, setting).await
    }

    /// Imports a batch of users.
    ///
    /// # Errors
    /// Returns a fault. The call can be repeated.
    pub(crate) async fn import_users(
        &self,
        rows: &[serde_json::Value],
        setting: EventContext,
    ) -> Result<Result<Vec<admin::RowOutcome>, admin::BatchTooLarge>, Fault> {
        UserImport::of(&self.0).import_users(rows, setting).await
    }

    /// Writes an action to the audit log before it is carried out.
    ///
    /// # Errors
    /// Returns a fault if the log cannot be written. The action must then not be carried out, and the answer is 503.
    pub(crate) async fn announce(&self, caller: &Caller, act: Act) -> Result<Announced, Fault> {
        AuditTrail::of(&self.0).announce(caller, act).await
    }

    /// Writes the result of an action to the audit log.
    pub(crate) async fn conclude(&self, caller: &Caller, announced: Announced, result: ActResult) {
        AuditTrail::of(&self.0).conclude(caller, announced, result).await;
    }
}
