//! `/auth/sign-out`.

use postern_oauth::form::Parameters;
use postern_pages::{Document, Done, Problem, SignOut};

use crate::{
    auth::browser_sessions::BrowserSessions,
    http::{Reply, RequestView},
    pages::{posted::admit, refusal::Refusals, visit::Visit},
    runtime::{Runtime, ports::Ports},
    web::{
        cookies::with_cookies,
        endpoints::page_paths::{APPLICATIONS, SIGN_IN, SIGN_OUT},
        error::ApiError,
    },
};

/// The page for signing out.
pub(crate) struct SignOutPage<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> SignOutPage<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// `GET /auth/sign-out`. It ends nothing, so that a link of another site cannot sign a user out.
    pub(crate) fn show(&self, visit: &Visit<'_>) -> Result<Reply, ApiError> {
        Ok(visit.page(200, self.form(visit, None)?))
    }

    /// `POST /auth/sign-out`: ends the browser session. Sessions of apps go on.
    pub(crate) async fn submit(
        &self,
        request: &impl RequestView,
        visit: &Visit<'_>,
        fields: &Parameters<'_>,
    ) -> Result<Reply, ApiError> {
        let render = |problem| self.form(visit, Some(problem));
        if let Err(again) = admit(self.0, request, visit, (SIGN_OUT, &[]), fields, render)? {
            return Ok(again);
        }
        match BrowserSessions::of(self.0).end(request).await {
            Ok(cookie) => {
                let done = Done::SignedOut.render(&visit.frame(false), &visit.link(SIGN_IN));
                let reply = visit.page(200, done).with_header("clear-site-data", "\"cache\"");
                Ok(with_cookies(reply, &[cookie]))
            }
            Err(error) => Refusals::of(self.0).again(request, visit, &error, render),
        }
    }

    fn form(&self, visit: &Visit<'_>, problem: Option<Problem>) -> Result<Document, ApiError> {
        let token = visit.token(self.0, SIGN_OUT)?;
        let view = SignOut { hidden: visit.hidden(SIGN_OUT, &token), applications: APPLICATIONS, problem };
        Ok(view.render(&visit.frame(true)))
    }
}
