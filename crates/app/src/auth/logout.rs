//! `POST /auth/logout` and `POST /auth/logout-all`.

use crate::{
    account::Accounts as _,
    auth::{
        session_auth::{SessionAuth, by_cookie},
        session_cookies::cleared_session_cookies,
        sessions::OwnSessions,
    },
    events::EventKind,
    http::{Reply, RequestView},
    isolate::Isolate,
    refresh::Revocation,
    runtime::{Runtime, events::Events, ports::Ports},
    web::{body::Body, caller::Caller, cookies::with_cookies, error::ApiError},
};

/// What `POST /auth/logout` and `POST /auth/logout-all` need.
pub(crate) struct Logout<'r, P: Ports> {
    isolate: &'r Isolate,
    accounts: &'r P::Accounts,
    auth: SessionAuth<'r, P>,
    own_sessions: OwnSessions<'r, P>,
    events: Events<'r, P>,
}

impl<'r, P: Ports> Logout<'r, P> {
    pub(crate) fn of(runtime: &'r Runtime<P>) -> Self {
        Self {
            isolate: &runtime.isolate,
            accounts: runtime.ports.accounts(),
            auth: SessionAuth::of(runtime),
            own_sessions: OwnSessions::of(runtime),
            events: Events::of(runtime),
        }
    }

    /// `POST /auth/logout` and `POST /auth/logout-all`. Ending a session that has ended already is not an error.
    pub(crate) async fn logout(
        &self,
        request: &impl RequestView,
        body: &[u8],
        everywhere: bool,
    ) -> Result<Reply, ApiError> {
        let parsed = Body::parse(request, body, &["refresh_token"])?;
        let session = match self.auth.proved_session(request, &parsed, everywhere).await {
            // A sign-out with a cookie that is no longer valid removes the cookies too. No other refusal does: its answer may
            // arrive after the answer to a sign-in, and would remove the new cookies.
            Err(ApiError::InvalidGrant) if by_cookie(&self.isolate.config, request, body) => {
                return Ok(with_cookies(
                    Reply::from(&ApiError::InvalidGrant),
                    &cleared_session_cookies(self.isolate, request),
                ));
            }
            proved => proved?,
        };
        if everywhere {
            let ended = self.accounts.revoke_all(session.account, Revocation::LogoutAll).await?;
            let sessions = u64::try_from(ended.len()).unwrap_or(u64::MAX);
            let happening = EventKind::SignedOutEverywhere { sessions };
            self.events.record_of(&Caller::of(request), (session.account, session.family), happening);
        } else {
            let accounts = self.accounts;
            let ended = accounts.revoke(session.account, session.family, Revocation::Logout).await?;
            self.own_sessions.record_ended(&session, request, &ended, &EventKind::SignedOut);
        }
        Ok(with_cookies(Reply::empty(204), &cleared_session_cookies(self.isolate, request)))
    }
}
