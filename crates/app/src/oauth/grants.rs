//! `/auth/grants`: a user sees the clients that they have authorized, and ends their grants.

use std::rc::Rc;

use postern_oauth::client::Client;
use serde::Serialize;

use crate::{
    account::{GrantView, OauthAccounts as _},
    auth::session_auth::SessionAuth,
    events::{EventContext, EventKind},
    http::{Reply, RequestView},
    ids::{AccountId, FamilyId},
    oauth::{clients::ClientLookup, documents::Fetching},
    ports::Fault,
    refresh::Revocation,
    runtime::{Runtime, events::Events, ports::Ports},
    web::{caller::Caller, error::ApiError},
};

#[derive(Serialize)]
struct Grants {
    grants: Vec<GrantRow>,
}

/// Times in seconds since 1970.
#[derive(Serialize)]
struct GrantRow {
    grant_id: FamilyId,
    client_id: String,
    /// The client's name, while it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_name: Option<String>,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    created_at: u64,
    used_at: u64,
    expires_at: u64,
}

/// A grant, and its client while that is known.
pub(crate) struct OwnGrant {
    pub(crate) view: GrantView,
    pub(crate) client: Option<Rc<Client>>,
}

/// Answers the calls of `/auth/grants`, and does what they do for the page of applications.
pub(crate) struct OwnGrants<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> OwnGrants<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// `GET /auth/grants`.
    pub(crate) async fn grants(&self, request: &impl RequestView) -> Result<Reply, ApiError> {
        let (_, session) = SessionAuth::of(self.0).own_identity(request).await?;
        self.list(session.account).await
    }

    /// The answer with the live grants of an account.
    pub(crate) async fn list(&self, account: AccountId) -> Result<Reply, ApiError> {
        let grants = self.of_account(account).await?.into_iter().map(GrantRow::from).collect();
        Ok(Reply::json(200, &Grants { grants }))
    }

    /// `DELETE /auth/grants/{grant_id}`.
    pub(crate) async fn end_grant(&self, request: &impl RequestView, id: &str) -> Result<Reply, ApiError> {
        let (_, session) = SessionAuth::of(self.0).own_identity(request).await?;
        self.end(&Caller::of(request), session.account, id).await?;
        Ok(Reply::empty(204))
    }

    /// The live grants of an account.
    ///
    /// # Errors
    /// A fault of the Account object.
    pub(crate) async fn of_account(&self, account: AccountId) -> Result<Vec<OwnGrant>, Fault> {
        let mut grants = Vec::new();
        for view in self.0.ports.accounts().grants(account).await? {
            // A client that cannot be looked up is left out: the list is of use without it.
            let found = ClientLookup::of(self.0).find(&view.client_id, Fetching::CopiesOnly).await;
            let client = found.ok().and_then(Result::ok);
            grants.push(OwnGrant { view, client });
        }
        Ok(grants)
    }

    /// Ends a grant of the account, and returns the `client_id`. The consent is forgotten, too: the client has to be
    /// authorized again.
    ///
    /// # Errors
    /// [`ApiError::GrantNotFound`], and a fault of the Account object.
    pub(crate) async fn end(
        &self,
        caller: &Caller,
        account: AccountId,
        id: &str,
    ) -> Result<String, ApiError> {
        let grant: FamilyId = id.parse().map_err(|_| ApiError::GrantNotFound)?;
        let ended = end_grant(self.0, caller, (account, grant), None, Revocation::User).await?;
        ended.ok_or(ApiError::GrantNotFound)
    }
}

/// Ends a grant, and records that. With `client_id`, only a grant of this client. Returns the client of the grant, or `None`
/// if there was none to end.
///
/// # Errors
/// A fault of the Account object.
pub(crate) async fn end_grant<P: Ports>(
    runtime: &Runtime<P>,
    caller: &Caller,
    (account, grant): (AccountId, FamilyId),
    client_id: Option<String>,
    by: Revocation,
) -> Result<Option<String>, Fault> {
    let Some(ended) = runtime.ports.accounts().end_grant(account, grant, client_id, by).await? else {
        return Ok(None);
    };
    let setting = EventContext {
        account: Some(account),
        session_id: Some(grant),
        client_id: Some(ended.client_id.clone()),
        ..caller.setting()
    };
    Events::of(runtime).record(runtime.now(), EventKind::GrantEnded, setting);
    Ok(Some(ended.client_id))
}

impl From<OwnGrant> for GrantRow {
    fn from(OwnGrant { view, client }: OwnGrant) -> Self {
        Self {
            grant_id: view.grant_id,
            client_name: client.map(|client| client.name.clone()),
            client_id: view.client_id,
            scope: view.scope,
            resource: view.resource,
            created_at: view.created_at.seconds(),
            used_at: view.used_at.seconds(),
            expires_at: view.expires_at.seconds(),
        }
    }
}
