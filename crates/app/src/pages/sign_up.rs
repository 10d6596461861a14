//! `/auth/sign-up`.

use postern_oauth::form::Parameters;
use postern_pages::{Document, Field, Problem, SignUp as SignUpView};

use crate::{
    account::Purpose,
    auth::{
        browser_sessions::BrowserSessions,
        one_time_delivery::{OneTimeDelivery, offers_one_time_tokens},
        principal::Principal,
        register::Register,
        users::keeps_users,
    },
    config::Registration,
    http::{Reply, RequestView},
    pages::{
        posted::{admit, text},
        refusal::Refusals,
        visit::Visit,
    },
    runtime::{Runtime, ports::Ports},
    web::{
        caller::Caller,
        cookies::with_cookies,
        endpoints::page_paths::{SIGN_IN, SIGN_UP},
        error::ApiError,
    },
};

/// The page for a new account.
pub(crate) struct SignUpPage<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> SignUpPage<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// `GET /auth/sign-up`.
    pub(crate) fn show(&self, visit: &Visit<'_>, fields: &Parameters<'_>) -> Result<Reply, ApiError> {
        let config = &self.0.isolate.config;
        keeps_users(config)?;
        if config.registration == Registration::Closed {
            return Err(ApiError::RegistrationClosed);
        }
        Ok(visit.page(200, self.form(visit, text(fields, "login"), None)?))
    }

    /// `POST /auth/sign-up`: what `POST /auth/register` does, with its limits and events, and then a browser session. A
    /// message to verify the address is sent, if the login is one.
    pub(crate) async fn submit(
        &self,
        request: &impl RequestView,
        visit: &Visit<'_>,
        fields: &Parameters<'_>,
    ) -> Result<Reply, ApiError> {
        let render = |problem| self.form(visit, text(fields, "login"), Some(problem));
        let needed = [("login", Field::Login), ("password", Field::Password)];
        let shown_at = match admit(self.0, request, visit, (SIGN_UP, &needed), fields, render)? {
            Ok(shown_at) => shown_at,
            Err(again) => return Ok(again),
        };
        match self.sign_up(request, visit, fields).await {
            Ok(cookie) => Ok(with_cookies(visit.redirect(&visit.onwards(self.0, shown_at)?), &[cookie])),
            Err(error) => Refusals::of(self.0).again(request, visit, &error, render),
        }
    }

    async fn sign_up(
        &self,
        request: &impl RequestView,
        visit: &Visit<'_>,
        fields: &Parameters<'_>,
    ) -> Result<String, ApiError> {
        let caller = Caller::of(request);
        let entered = (text(fields, "login"), text(fields, "password"));
        let user = Register::of(self.0).create(&caller, entered).await?;
        let login = user.login.clone();
        let cookie =
            BrowserSessions::of(self.0).begin(request, visit.settings(), &Principal::from(user)).await?;
        if login.as_str().contains('@') && offers_one_time_tokens(&self.0.isolate.config).is_ok() {
            let reader = (caller, Some(visit.language));
            OneTimeDelivery::of(self.0).send_later(reader, login, Purpose::VerifyEmail);
        }
        Ok(cookie)
    }

    fn form(&self, visit: &Visit<'_>, login: &str, problem: Option<Problem>) -> Result<Document, ApiError> {
        let token = visit.token(self.0, SIGN_UP)?;
        let view = SignUpView {
            hidden: visit.hidden(SIGN_UP, &token),
            client: visit.client_name(),
            login,
            problem,
            sign_in: &visit.link(SIGN_IN),
        };
        Ok(view.render(&visit.frame(true)))
    }
}
