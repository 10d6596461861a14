//! Rotations of refresh tokens by their Account object.

use crate::{
    access::revocation_cache::RevocationCache,
    account::{Accounts as _, Granted, Refreshed, Refusal, Rotated},
    auth::{presented_token::PresentedToken, refresh_events::RefreshEvents},
    events::EventKind,
    http::RequestView,
    ids::{AccountId, FamilyId},
    rate::Rate,
    refresh::{Limits, RefreshToken, RefusalCause, Revocation},
    runtime::{Runtime, events::Events, ports::Ports},
    throttle::limits::CallLimits,
    web::{caller::Caller, error::ApiError, throttled::Throttled},
};

/// The `Retry-After` for a client that retried too often, in seconds. By then, the problem that prevents it from
/// storing the answer may be over.
const RETRY_AFTER_THROTTLED: u32 = 60;

/// Rotates refresh tokens with their Account object.
pub(crate) struct RefreshRotation<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> RefreshRotation<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    pub(crate) async fn rotate(
        &self,
        request: &impl RequestView,
        presented: &PresentedToken,
    ) -> Result<Rotated, ApiError> {
        let token = &presented.token;
        let caller = Caller::of(request);
        let presented = token.present(&self.0.isolate.masters);
        let session = (token.account(), token.family());
        let (accounts, limits) = (self.0.ports.accounts(), self.0.isolate.limits());
        match accounts.rotate(token.account(), token.family(), presented, limits, caller.context()).await? {
            Refreshed::Granted(rotated) => {
                RefreshEvents::of(self.0).record_granted(&caller, session, &rotated);
                if RevocationCache::of(self.0)
                    .is_client_revoked(&rotated.grant.client_id, rotated.created_at)
                    .await?
                {
                    return self.end_for_its_client(&caller, session).await;
                }
                Ok(rotated)
            }
            Refreshed::Refused(refusal) => {
                RefreshEvents::of(self.0).record_refused(&caller, session, &refusal);
                Err(self.refused_refresh(&refusal))
            }
        }
    }

    /// Checks the refresh token of a session that is to end. The check rotates the token, so that a client that got no
    /// answer, or lost a race, can retry with the same token. No rate limit prevents a sign-out.
    ///
    /// # Errors
    /// [`ApiError::InvalidGrant`] for a token that was replaced (row 8 of `docs/concepts/refresh-families.md`; the session
    /// has ended), or that was never issued in this form. With `everywhere`, also for a token of a session that has ended:
    /// a token from an old backup must not end the user's other sessions.
    pub(crate) async fn judge_for_the_last_time(
        &self,
        request: &impl RequestView,
        token: &RefreshToken,
        everywhere: bool,
    ) -> Result<(), ApiError> {
        let caller = Caller::of(request);
        let limits = Limits {
            max_late_retries: u16::MAX,
            late_only_rotations: u16::MAX,
            pace: None,
            ..self.0.isolate.limits()
        };
        let presented = token.present(&self.0.isolate.masters);
        let session = (token.account(), token.family());
        let accounts = self.0.ports.accounts();
        let judged =
            accounts.rotate(token.account(), token.family(), presented, limits, caller.context()).await?;
        let refusal = match judged {
            Refreshed::Granted(rotated) => {
                // A rotation is none here; a late retry is as much of a sign as ever.
                if rotated.granted == Granted::LateRetry {
                    RefreshEvents::of(self.0).record_granted(&caller, session, &rotated);
                }
                return Ok(());
            }
            Refreshed::Refused(refusal) => refusal,
        };
        let over = match refusal.cause {
            // Over already, as the client wants it to be.
            RefusalCause::Ended { .. } | RefusalCause::UnknownFamily => true,
            // The same, and news.
            RefusalCause::Expired { .. } | RefusalCause::SignIn { .. } => {
                RefreshEvents::of(self.0).record_refused(&caller, session, &refusal);
                true
            }
            _ => {
                RefreshEvents::of(self.0).record_refused(&caller, session, &refusal);
                false
            }
        };
        if over && !everywhere { Ok(()) } else { Err(ApiError::InvalidGrant) }
    }

    /// Ends a session whose client was revoked after the sign-in. The Account object has granted the refresh by then,
    /// but no token is issued.
    async fn end_for_its_client(
        &self,
        caller: &Caller,
        session: (AccountId, FamilyId),
    ) -> Result<Rotated, ApiError> {
        let (account, family) = session;
        self.0.ports.accounts().revoke(account, family, Revocation::Operator).await?;
        Events::of(self.0).record_of(caller, session, EventKind::SessionRevoked);
        Err(ApiError::InvalidGrant)
    }

    /// All refusals are `invalid_grant` on the wire, except for those by rate.
    pub(crate) fn refused_refresh(&self, refusal: &Refusal) -> ApiError {
        match refusal.cause {
            RefusalCause::TooFast { retry_after } => {
                let rate = self.0.isolate.config.limits.refresh_family.unwrap_or(Rate::new(1, 1));
                CallLimits::of(self.0).throttled(Throttled {
                    policy: "refresh-family".to_owned(),
                    quota: rate.burst,
                    window: rate.window(),
                    retry_after: retry_after.into(),
                })
            }
            RefusalCause::Throttled => ApiError::TooManyRetries { retry_after: RETRY_AFTER_THROTTLED },
            RefusalCause::Reuse
            | RefusalCause::Expired { .. }
            | RefusalCause::SignIn { .. }
            | RefusalCause::AheadOfState
            | RefusalCause::Forged
            | RefusalCause::WrongClient
            | RefusalCause::WrongBinding
            | RefusalCause::Ended { .. }
            | RefusalCause::UnknownFamily
            | RefusalCause::WrongSubject
            | RefusalCause::FamilyExists
            | RefusalCause::StaleCredentials => ApiError::InvalidGrant,
        }
    }
}
