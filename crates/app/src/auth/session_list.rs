//! The live sessions of an account, as users and administrators see them.

use serde::Serialize;

use crate::{
    account::{Accounts as _, SessionView},
    http::Reply,
    ids::{AccountId, FamilyId},
    refresh::FamilyKind,
    runtime::{Runtime, ports::Ports},
    web::error::ApiError,
};

#[derive(Serialize)]
struct Sessions {
    sessions: Vec<SessionRow>,
}

/// Times in seconds since 1970.
#[derive(Serialize)]
pub(crate) struct SessionRow {
    session_id: FamilyId,
    current: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_name: Option<String>,
    client_id: String,
    #[serde(skip_serializing_if = "is_of_an_app")]
    kind: FamilyKind,
    created_at: u64,
    refreshed_at: u64,
    seen_at: u64,
    expires_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    user_agent: String,
    rotation_count: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_of_an_app(kind: &FamilyKind) -> bool {
    matches!(kind, FamilyKind::Session)
}

impl SessionRow {
    fn of(view: SessionView, current: FamilyId) -> Self {
        Self {
            session_id: view.session_id,
            current: view.session_id == current,
            device_name: view.device_name,
            client_id: view.client_id,
            kind: view.kind,
            created_at: view.created_at.seconds(),
            refreshed_at: view.refreshed_at.seconds(),
            seen_at: view.seen_at.seconds(),
            expires_at: view.expires_at.seconds(),
            ip: view.context.ip.map(|ip| ip.to_string()),
            country: view.context.country,
            user_agent: view.context.user_agent,
            rotation_count: view.rotation_count,
        }
    }
}

/// Lists the live sessions of an account.
pub(crate) struct SessionList<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> SessionList<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// The answer with the live sessions of an account. `current` is the session of the caller.
    pub(crate) async fn session_list(
        &self,
        account: AccountId,
        current: FamilyId,
    ) -> Result<Reply, ApiError> {
        Ok(Reply::json(200, &Sessions { sessions: self.session_rows(account, current).await? }))
    }

    pub(crate) async fn session_rows(
        &self,
        account: AccountId,
        current: FamilyId,
    ) -> Result<Vec<SessionRow>, ApiError> {
        let sessions = self.0.ports.accounts().sessions(account).await?;
        Ok(sessions.into_iter().map(|view| SessionRow::of(view, current)).collect())
    }
}
