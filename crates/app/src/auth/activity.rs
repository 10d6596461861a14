//! `GET /auth/activity`.

use serde::Serialize;

use crate::{
    account::{Accounts as _, ActivityEntry, ActivityKind},
    auth::session_auth::SessionAuth,
    http::{Reply, RequestView},
    ids::{AccountId, FamilyId},
    runtime::{Runtime, ports::Ports},
    web::error::ApiError,
};

#[derive(Serialize)]
struct Activity {
    activity: Vec<ActivityRow>,
}

/// Times in seconds since 1970.
#[derive(Serialize)]
pub(crate) struct ActivityRow {
    at: u64,
    kind: ActivityKind,
    times: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<FamilyId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    user_agent: String,
}

impl From<ActivityEntry> for ActivityRow {
    fn from(entry: ActivityEntry) -> Self {
        Self {
            at: entry.at.seconds(),
            kind: entry.kind,
            times: entry.times,
            session_id: entry.session_id,
            ip: entry.context.ip.map(|ip| ip.to_string()),
            country: entry.context.country,
            user_agent: entry.context.user_agent,
        }
    }
}

/// What `GET /auth/activity` needs.
pub(crate) struct ActivityList<'r, P: Ports> {
    accounts: &'r P::Accounts,
    auth: SessionAuth<'r, P>,
}

impl<'r, P: Ports> ActivityList<'r, P> {
    pub(crate) fn of(runtime: &'r Runtime<P>) -> Self {
        Self { accounts: runtime.ports.accounts(), auth: SessionAuth::of(runtime) }
    }

    /// `GET /auth/activity`.
    pub(crate) async fn activity(&self, request: &impl RequestView) -> Result<Reply, ApiError> {
        let (_, session) = self.auth.own_identity(request).await?;
        self.list(session.account).await
    }

    /// The answer with the activity of an account.
    pub(crate) async fn list(&self, account: AccountId) -> Result<Reply, ApiError> {
        Ok(Reply::json(200, &Activity { activity: self.activity_of(account).await? }))
    }

    pub(crate) async fn activity_of(&self, account: AccountId) -> Result<Vec<ActivityRow>, ApiError> {
        let entries = self.accounts.activity(account).await?;
        Ok(entries.into_iter().map(ActivityRow::from).collect())
    }
}
