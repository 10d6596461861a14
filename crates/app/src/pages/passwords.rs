//! `/auth/forgotten-password`, `/auth/new-password` and `/auth/verify-address`: what one-time tokens are for.

use postern_oauth::form::Parameters;
use postern_pages::{Document, Done, Field, Forgotten, NewPassword, Problem, Sent, VerifyAddress};

use crate::{
    auth::{
        account::OwnAccount, one_time_delivery::offers_one_time_tokens, password::Passwords,
        users::keeps_users,
    },
    http::{Reply, RequestView},
    pages::{
        posted::{admit, text},
        refusal::Refusals,
        visit::Visit,
    },
    runtime::{Runtime, ports::Ports},
    web::{
        caller::Caller,
        endpoints::page_paths::{FORGOTTEN, NEW_PASSWORD, SIGN_IN, VERIFY_ADDRESS},
        error::ApiError,
    },
};

/// The pages for a forgotten password, a new one, and an address.
pub(crate) struct PasswordPages<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> PasswordPages<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// `GET /auth/forgotten-password`.
    pub(crate) fn show_forgotten(
        &self,
        visit: &Visit<'_>,
        fields: &Parameters<'_>,
    ) -> Result<Reply, ApiError> {
        offers_one_time_tokens(&self.0.isolate.config)?;
        Ok(visit.page(200, self.forgotten(visit, text(fields, "login"), None)?))
    }

    /// `POST /auth/forgotten-password`: what `POST /auth/password/reset-request` does. The answer does not depend on
    /// whether there is an account.
    pub(crate) async fn submit_forgotten(
        &self,
        request: &impl RequestView,
        visit: &Visit<'_>,
        fields: &Parameters<'_>,
    ) -> Result<Reply, ApiError> {
        let login = text(fields, "login");
        let render = |problem| self.forgotten(visit, login, Some(problem));
        let needed = [("login", Field::Login)];
        if let Err(again) = admit(self.0, request, visit, (FORGOTTEN, &needed), fields, render)? {
            return Ok(again);
        }
        match Passwords::of(self.0).send_reset((Caller::of(request), Some(visit.language)), login).await {
            Ok(()) => {
                let view = Sent { login, new_password: &visit.link(NEW_PASSWORD) };
                Ok(visit.page(200, view.render(&visit.frame(false))))
            }
            Err(error) => Refusals::of(self.0).again(request, visit, &error, render),
        }
    }

    /// `GET /auth/new-password`.
    pub(crate) fn show_new_password(&self, visit: &Visit<'_>) -> Result<Reply, ApiError> {
        keeps_users(&self.0.isolate.config)?;
        Ok(visit.page(200, self.new_password(visit, "", None)?))
    }

    /// `POST /auth/new-password`: what `POST /auth/password/reset` does.
    pub(crate) async fn submit_new_password(
        &self,
        request: &impl RequestView,
        visit: &Visit<'_>,
        fields: &Parameters<'_>,
    ) -> Result<Reply, ApiError> {
        let token = text(fields, "token").trim();
        let render = |problem| self.new_password(visit, token, Some(problem));
        let needed = [("token", Field::Code), ("password", Field::Password)];
        if let Err(again) = admit(self.0, request, visit, (NEW_PASSWORD, &needed), fields, render)? {
            return Ok(again);
        }
        let caller = Caller::of(request);
        match Passwords::of(self.0).set_by_token(&caller, token, text(fields, "password")).await {
            Ok(()) => {
                let done = Done::PasswordSet.render(&visit.frame(false), &visit.link(SIGN_IN));
                Ok(visit.page(200, done))
            }
            Err(error) => Refusals::of(self.0).again(request, visit, &error, render),
        }
    }

    /// `GET /auth/verify-address`.
    pub(crate) fn show_verify(&self, visit: &Visit<'_>) -> Result<Reply, ApiError> {
        keeps_users(&self.0.isolate.config)?;
        Ok(visit.page(200, self.verify(visit, "", None)?))
    }

    /// `POST /auth/verify-address`: what `POST /auth/email/verify` does.
    pub(crate) async fn submit_verify(
        &self,
        request: &impl RequestView,
        visit: &Visit<'_>,
        fields: &Parameters<'_>,
    ) -> Result<Reply, ApiError> {
        let token = text(fields, "token").trim();
        let render = |problem| self.verify(visit, token, Some(problem));
        let needed = [("token", Field::Code)];
        if let Err(again) = admit(self.0, request, visit, (VERIFY_ADDRESS, &needed), fields, render)? {
            return Ok(again);
        }
        match OwnAccount::of(self.0).verify_by_token(&Caller::of(request), token).await {
            Ok(()) => {
                let done = Done::AddressVerified.render(&visit.frame(false), &visit.link(SIGN_IN));
                Ok(visit.page(200, done))
            }
            Err(error) => Refusals::of(self.0).again(request, visit, &error, render),
        }
    }

    fn forgotten(
        &self,
        visit: &Visit<'_>,
        login: &str,
        problem: Option<Problem>,
    ) -> Result<Document, ApiError> {
        let token = visit.token(self.0, FORGOTTEN)?;
        let hidden = visit.hidden(FORGOTTEN, &token);
        let view = Forgotten { hidden, login, problem, sign_in: &visit.link(SIGN_IN) };
        Ok(view.render(&visit.frame(true)))
    }

    fn new_password(
        &self,
        visit: &Visit<'_>,
        code: &str,
        problem: Option<Problem>,
    ) -> Result<Document, ApiError> {
        let token = visit.token(self.0, NEW_PASSWORD)?;
        let view = NewPassword { hidden: visit.hidden(NEW_PASSWORD, &token), code, problem };
        Ok(view.render(&visit.frame(true)))
    }

    fn verify(&self, visit: &Visit<'_>, code: &str, problem: Option<Problem>) -> Result<Document, ApiError> {
        let token = visit.token(self.0, VERIFY_ADDRESS)?;
        let view = VerifyAddress { hidden: visit.hidden(VERIFY_ADDRESS, &token), code, problem };
        Ok(view.render(&visit.frame(true)))
    }
}
