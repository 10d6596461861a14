//! `/auth/grants`: a user sees the clients that they have authorized, and ends their grants.

use serde::Serialize;

use crate::{
    account::{GrantView, OauthAccounts as _},
    auth::session_auth::SessionAuth,
    events::{EventContext, EventKind},
    http::{Reply, RequestView},
    ids::FamilyId,
    oauth::clients::ClientLookup,
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

/// Answers the calls of `/auth/grants`.
pub(crate) struct OwnGrants<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> OwnGrants<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// `GET /auth/grants`.
    pub(crate) async fn grants(&self, request: &impl RequestView) -> Result<Reply, ApiError> {
        let (_, session) = SessionAuth::of(self.0).own_identity(request).await?;
        let grants = self.0.ports.accounts().grants(session.account).await?;
        let mut rows = Vec::new();
        for grant in grants {
            rows.push(self.row(grant).await);
        }
        Ok(Reply::json(200, &Grants { grants: rows }))
    }

    /// `DELETE /auth/grants/{grant_id}`. The consent is forgotten, too: the client has to be authorized again.
    pub(crate) async fn end_grant(&self, request: &impl RequestView, id: &str) -> Result<Reply, ApiError> {
        let (_, session) = SessionAuth::of(self.0).own_identity(request).await?;
        let grant: FamilyId = id.parse().map_err(|_| ApiError::GrantNotFound)?;
        let accounts = self.0.ports.accounts();
        let ended = accounts.end_grant(session.account, grant, None, Revocation::User).await?;
        let ended = ended.ok_or(ApiError::GrantNotFound)?;
        let setting = EventContext {
            account: Some(session.account),
            session_id: Some(grant),
            client_id: Some(ended.client_id),
            ..Caller::of(request).setting()
        };
        Events::of(self.0).record(self.0.now(), EventKind::GrantEnded, setting);
        Ok(Reply::empty(204))
    }

    async fn row(&self, grant: GrantView) -> GrantRow {
        // A name that cannot be looked up is left out: the list is of use without it.
        let client = ClientLookup::of(self.0).find(&grant.client_id).await.ok().and_then(Result::ok);
        GrantRow {
            grant_id: grant.grant_id,
            client_name: client.map(|client| client.name.clone()),
            client_id: grant.client_id,
            scope: grant.scope,
            resource: grant.resource,
            created_at: grant.created_at.seconds(),
            used_at: grant.used_at.seconds(),
            expires_at: grant.expires_at.seconds(),
        }
    }
}
