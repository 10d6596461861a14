//! Opens the session of a sign-in, and issues its first tokens.

use crate::{
    account::{Accounts as _, Opened},
    auth::{
        access_tokens::{AccessTokens, Issued},
        principal::Principal,
        token_response::{Delivery, TokenResponse},
    },
    config::Client,
    events::{EventContext, EventKind},
    http::{Reply, RequestView},
    identity::Grants,
    ids::{AccountId, FamilyId},
    isolate::Isolate,
    ports::Background as _,
    refresh::{FamilyKind, Grant, NewFamily, Revocation, Secret, codec},
    runtime::{Runtime, events::Events, ports::Ports},
    time::Timestamp,
    web::{caller::Caller, error::ApiError},
};

/// Opens the session of a sign-in.
pub(crate) struct SessionStart<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> SessionStart<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    pub(crate) async fn begin_session(
        &self,
        request: &impl RequestView,
        user: &Principal,
        client: &Client,
        device_name: Option<String>,
        delivery: Delivery,
        device_token: String,
    ) -> Result<Reply, ApiError> {
        self.refuse_useless_tokens(request, user)?;
        let key = AccessTokens::of(self.0).signing_key().await?;
        let platform = self.0.ports.platform();
        let master = self.0.isolate.masters.current();
        let family = FamilyId::random(platform)?;
        let secret = Secret::random(platform)?;
        let now = self.0.now();
        let grant = grant_of(user, &client.client_id, now);
        let caller = Caller::of(request);
        let lifetimes = Isolate::lifetimes(client);
        let opening = NewFamily {
            secret_hash: secret.hash(),
            master: master.id,
            grant: grant.clone(),
            lifetimes,
            drift: Isolate::drift(client),
            kind: FamilyKind::Session,
            binding: None,
            device_name,
            context: caller.context(),
        };
        self.open(&caller, user, family, opening).await?;
        let issued = AccessTokens::of(self.0).issue(&key, &grant, family, 0, now).await;
        let issued = issued.inspect_err(|_| self.take_back_session(user.account, family))?;
        let issued = Issued { device_token: Some(device_token), ..issued };
        let refresh_token = codec::seal(master, user.account, family, 0, &secret);
        Events::of(self.0).record_of(&caller, (user.account, family), EventKind::SignedIn);
        let lifetime = lifetimes.idle.min(lifetimes.absolute);
        TokenResponse::of(self.0).deliver(delivery, &issued, &grant.scope, family, &refresh_token, lifetime)
    }

    /// Opens a family in the Account object of a user who has signed in.
    ///
    /// # Errors
    /// Returns [`ApiError::InvalidCredentials`] if the user was changed or erased after the password was checked, and
    /// faults. A family that may have been opened nevertheless is ended after the answer.
    pub(crate) async fn open(
        &self,
        caller: &Caller,
        user: &Principal,
        family: FamilyId,
        opening: NewFamily,
    ) -> Result<(), ApiError> {
        let max_families = u16::try_from(self.0.isolate.config.refresh.max_families).unwrap_or(u16::MAX);
        let accounts = self.0.ports.accounts();
        let opened =
            accounts.open(user.account, family, opening, max_families, user.credential_version).await;
        match opened.inspect_err(|_| self.take_back_session(user.account, family))? {
            Opened::Open { displaced } => {
                for displaced in displaced {
                    Events::of(self.0).record_of(
                        caller,
                        (user.account, displaced),
                        EventKind::FamilyDisplaced,
                    );
                }
            }
            Opened::Refused(refusal) => {
                // The user was changed or erased after the password was checked.
                let setting = EventContext { account: Some(user.account), ..caller.setting() };
                Events::of(self.0).record(
                    self.0.now(),
                    EventKind::SignInRefused { cause: refusal.cause.code() },
                    setting,
                );
                return Err(ApiError::InvalidCredentials);
            }
        }
        Ok(())
    }

    /// Refuses a sign-in whose grants do not fit into an access token. Such grants are refused when administrators set
    /// them, but can come from another service, from SQL by hand, or from before a change of settings. Without this
    /// check, the tokens would be refused, and clients would sign in again for ever.
    fn refuse_useless_tokens(&self, request: &impl RequestView, user: &Principal) -> Result<(), ApiError> {
        let grants = Grants {
            scopes: user.scopes.clone(),
            roles: user.roles.clone(),
            tenant_id: user.tenant_id.clone(),
        };
        self.0.isolate.config.fits_a_token(&user.subject, &grants, &user.amr).map_err(|error| {
            let setting = EventContext { account: Some(user.account), ..Caller::of(request).setting() };
            Events::of(self.0).record(
                self.0.now(),
                EventKind::SignInRefused { cause: "grants_too_large" },
                setting,
            );
            error.into()
        })
    }

    /// Ends a session, after the answer, that may have been opened although no client received it. Such sessions would
    /// be in the user's list, and could displace real ones after enough repeated sign-ins.
    fn take_back_session(&self, account: AccountId, family: FamilyId) {
        let runtime = self.0.clone();
        self.0.ports.background().spawn(async move {
            // Lost, it costs a line in that list until it has been idle for too long.
            let _ = runtime.ports.accounts().revoke(account, family, Revocation::Logout).await;
        });
    }
}

/// What a sign-in of this user grants to a client.
pub(crate) fn grant_of(user: &Principal, client_id: &str, now: Timestamp) -> Grant {
    Grant {
        subject: user.subject.clone(),
        client_id: client_id.to_owned(),
        scope: user.scopes.join(" "),
        roles: user.roles.clone(),
        tenant_id: user.tenant_id.clone(),
        amr: user.amr.clone(),
        auth_time: now,
    }
}
