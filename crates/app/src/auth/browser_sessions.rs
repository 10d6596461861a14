//! Browser sessions at the pages: a cookie of their own, `SameSite=Lax`, because a browser that a client sends to
//! `/oauth/authorize` comes from another site and sends no `Strict` cookie.

use core::time::Duration;

use crate::{
    access::session::Session,
    account::{Accounts as _, BrowserCookie},
    auth::{
        principal::Principal,
        profiles::Profiles,
        session_start::{SessionStart, grant_of},
    },
    config::{PagesSettings, cookie_names::SSO_COOKIE},
    events::EventKind,
    http::RequestView,
    ids::{AccountId, FamilyId},
    ports::{Background as _, Fault},
    refresh::{DriftPolicy, FamilyKind, Grant, Lifetimes, NewFamily, Revocation, Secret},
    runtime::{Runtime, events::Events, ports::Ports},
    web::{caller::Caller, cookies, error::ApiError},
};

/// The `client_id` of browser sessions, in lists of sessions and in the limit of sign-ins by client. Browser sessions have
/// no tokens, so no token has it.
pub(crate) const BROWSER_CLIENT: &str = "postern-pages";

/// A browser session that is alive.
#[derive(Debug, Clone)]
pub(crate) struct BrowserSession {
    /// The account of the user.
    pub(crate) account: AccountId,
    /// The family, which is the session.
    pub(crate) family: FamilyId,
    /// What the sign-in granted, and when it was.
    pub(crate) grant: Grant,
}

/// Opens, finds and ends browser sessions.
pub(crate) struct BrowserSessions<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> BrowserSessions<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Opens the session of a user who has signed in, in place of the browser's earlier one. Returns the `Set-Cookie`
    /// line.
    pub(crate) async fn begin(
        &self,
        request: &impl RequestView,
        settings: &PagesSettings,
        user: &Principal,
    ) -> Result<String, ApiError> {
        let caller = Caller::of(request);
        let platform = self.0.ports.platform();
        let master = self.0.isolate.masters.current();
        let family = FamilyId::random(platform)?;
        let secret = Secret::random(platform)?;
        let lifetimes = Lifetimes { idle: settings.idle_lifetime, absolute: settings.absolute_lifetime };
        let opening = NewFamily {
            secret_hash: secret.hash(),
            master: master.id,
            grant: grant_of(user, BROWSER_CLIENT, self.0.now()),
            lifetimes,
            drift: DriftPolicy::Log,
            kind: FamilyKind::Browser,
            binding: None,
            device_name: None,
            context: caller.context(),
        };
        SessionStart::of(self.0).open(&caller, user, family, opening).await?;
        self.end_earlier(request);
        Events::of(self.0).record_of(&caller, (user.account, family), EventKind::SignedIn);
        let cookie = BrowserCookie::seal(master, user.account, family, &secret);
        Ok(line(&cookie, lifetimes.absolute))
    }

    /// The browser's session, if it is alive.
    ///
    /// # Errors
    /// Returns a fault of the Account object, and [`ApiError::NewerMaster`] for the cookie of a newer version.
    pub(crate) async fn current(
        &self,
        request: &impl RequestView,
    ) -> Result<Option<BrowserSession>, ApiError> {
        let caller = Caller::of(request);
        let opened = self.cookie(request);
        let opened =
            opened.map_err(|newer| Events::of(self.0).newer_master(&caller, "browser_session", newer))?;
        let Some(cookie) = opened else { return Ok(None) };
        let (account, family) = (cookie.account(), cookie.family());
        let accounts = self.0.ports.accounts();
        let found = accounts.browse(account, family, cookie.hash(), caller.context()).await?;
        Ok(found.map(|browsing| BrowserSession { account, family, grant: browsing.grant }))
    }

    /// Ends the browser's session, and returns the `Set-Cookie` line that removes its cookie. A browser that is not signed
    /// in is no error.
    pub(crate) async fn end(&self, request: &impl RequestView) -> Result<String, ApiError> {
        let caller = Caller::of(request);
        if let Some(session) = self.current(request).await? {
            let accounts = self.0.ports.accounts();
            for ended in accounts.revoke(session.account, session.family, Revocation::Logout).await? {
                Events::of(self.0).record_of(&caller, (session.account, ended), EventKind::SignedOut);
            }
        }
        Ok(line("", Duration::ZERO))
    }

    /// The user's login, or else their name, for a page. `None` if the user store does not have or does not say it.
    pub(crate) async fn login_of(&self, session: &BrowserSession) -> Option<String> {
        let of = Session { account: session.account, family: session.family };
        let profile = Profiles::of(self.0).profile_of(&of, &session.grant.subject).await.ok()?;
        profile.login.or(profile.email).or(profile.name)
    }

    fn cookie(
        &self,
        request: &impl RequestView,
    ) -> Result<Option<BrowserCookie>, crate::secrets::NewerMaster> {
        let values = cookies::values(request, SSO_COOKIE);
        values.first().map_or(Ok(None), |value| BrowserCookie::open(&self.0.isolate.masters, value))
    }

    /// Ends the session that the browser had before, after the answer. Without it the session would be in the user's list
    /// until it is idle for too long, and its cookie is replaced in any case.
    fn end_earlier(&self, request: &impl RequestView) {
        let Ok(Some(earlier)) = self.cookie(request) else { return };
        let runtime = self.0.clone();
        self.0.ports.background().spawn(async move {
            let accounts = runtime.ports.accounts();
            let known: Result<_, Fault> = accounts
                .browse(
                    earlier.account(),
                    earlier.family(),
                    earlier.hash(),
                    crate::refresh::Context::default(),
                )
                .await;
            if matches!(known, Ok(Some(_))) {
                let _ = accounts.revoke(earlier.account(), earlier.family(), Revocation::Logout).await;
            }
        });
    }
}

/// The `Set-Cookie` line of a browser session, which scripts cannot read.
fn line(cookie: &str, lifetime: Duration) -> String {
    let age = lifetime.as_secs();
    format!("{SSO_COOKIE}={cookie}; Path=/; Max-Age={age}; HttpOnly; Secure; SameSite=Lax")
}
