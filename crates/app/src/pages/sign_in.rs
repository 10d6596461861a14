//! `/auth/sign-in`.

use postern_oauth::form::Parameters;
use postern_pages::{Document, Field, Problem, SignIn as SignInView, SignedIn};

use crate::{
    auth::{
        browser_sessions::{BROWSER_CLIENT, BrowserSessions},
        login::{Attempt, SignIn},
        one_time_delivery::offers_one_time_tokens,
    },
    config::{Registration, cookie_names::DEVICE_COOKIE},
    http::{Reply, RequestView},
    pages::{
        posted::{admit, text},
        refusal::Refusals,
        visit::Visit,
    },
    runtime::{Runtime, ports::Ports},
    web::{
        cookie_scopes as scopes,
        cookies::{self, with_cookies},
        endpoints::page_paths::{APPLICATIONS, FORGOTTEN, SIGN_IN, SIGN_OUT, SIGN_UP},
        error::ApiError,
    },
};

/// The page for signing in.
pub(crate) struct SignInPage<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> SignInPage<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// `GET /auth/sign-in`. With a pending request the form is shown to a user who is signed in, too: the request may
    /// demand another sign-in, and so may the dashboard.
    pub(crate) async fn show(
        &self,
        request: &impl RequestView,
        visit: &Visit<'_>,
        fields: &Parameters<'_>,
    ) -> Result<Reply, ApiError> {
        let is_asked =
            visit.pending.is_some() || visit.is_for_dashboard() || !text(fields, "another").is_empty();
        if !is_asked {
            let sessions = BrowserSessions::of(self.0);
            if let Some(session) = sessions.current(request).await? {
                let login = sessions.login_of(&session).await;
                let view = SignedIn {
                    login: login.as_deref(),
                    applications: APPLICATIONS,
                    sign_out: SIGN_OUT,
                    another: &visit.link_with(SIGN_IN, &[("another", "1")]),
                };
                return Ok(visit.page(200, view.render(&visit.frame(true))));
            }
        }
        let hint = visit.pending.as_ref().and_then(|pending| pending.parameter("login_hint"));
        let hint = hint.filter(|hint| hint.len() <= 254).unwrap_or_default();
        if visit.pending.is_some()
            && !text(fields, "choose").is_empty()
            && let Some(session) = BrowserSessions::of(self.0).current(request).await?
            && let Some(login) = BrowserSessions::of(self.0).login_of(&session).await
        {
            // The token says that this browser chose the account that is signed in.
            let target = visit.onwards(self.0, self.0.now())?;
            return Ok(visit.page(200, self.form(visit, &hint, (Some((&login, &target)), None))?));
        }
        Ok(visit.page(200, self.form(visit, &hint, (None, None))?))
    }

    /// `POST /auth/sign-in`: what `POST /auth/login` does, with its limits and events, and a browser session.
    pub(crate) async fn submit(
        &self,
        request: &impl RequestView,
        visit: &Visit<'_>,
        fields: &Parameters<'_>,
    ) -> Result<Reply, ApiError> {
        let render = |problem| self.form(visit, text(fields, "login"), (None, Some(problem)));
        let needed = [("login", Field::Login), ("password", Field::Password)];
        let shown_at = match admit(self.0, request, visit, (SIGN_IN, &needed), fields, render)? {
            Ok(shown_at) => shown_at,
            Err(again) => return Ok(again),
        };
        match self.sign_in(request, visit, fields).await {
            Ok(cookies) => Ok(with_cookies(visit.redirect(&visit.onwards(self.0, shown_at)?), &cookies)),
            Err(error) => Refusals::of(self.0).again(request, visit, &error, render),
        }
    }

    /// Signs in, and returns the `Set-Cookie` lines.
    async fn sign_in(
        &self,
        request: &impl RequestView,
        visit: &Visit<'_>,
        fields: &Parameters<'_>,
    ) -> Result<Vec<String>, ApiError> {
        let attempt = Attempt {
            login: text(fields, "login"),
            password: text(fields, "password"),
            client_id: visit.client.as_ref().map_or(BROWSER_CLIENT, |client| &client.client_id),
            device_tokens: cookies::values(request, DEVICE_COOKIE),
        };
        let signed_in = SignIn::of(self.0).authenticate(request, &attempt).await?;
        let cookie = &self.0.isolate.config.cookie;
        let mut lines = scopes::devices_elsewhere(cookie, request);
        let sessions = BrowserSessions::of(self.0);
        lines.push(sessions.begin(request, visit.settings(), &signed_in.user).await?);
        lines.push(cookies::device_cookie(cookie, &signed_in.device_token));
        Ok(lines)
    }

    fn form(
        &self,
        visit: &Visit<'_>,
        login: &str,
        (stay, problem): (Option<(&str, &str)>, Option<Problem>),
    ) -> Result<Document, ApiError> {
        let token = visit.token(self.0, SIGN_IN)?;
        let config = &self.0.isolate.config;
        let forgotten = offers_one_time_tokens(config).is_ok().then(|| visit.link(FORGOTTEN));
        let sign_up = (config.registration == Registration::Open).then(|| visit.link(SIGN_UP));
        let view = SignInView {
            hidden: visit.hidden(SIGN_IN, &token),
            client: visit.client_name(),
            login,
            problem,
            forgotten: forgotten.as_deref(),
            sign_up: sign_up.as_deref(),
            stay,
        };
        Ok(view.render(&visit.frame(true)))
    }
}
