//! Leads a request for a page to its handler, and turns refusals into pages.

use postern_oauth::form::Parameters;

use crate::{
    http::{Reply, RequestView},
    pages::{
        applications::ApplicationsPage,
        authorize::AuthorizePages,
        authorize_by_form,
        passwords::PasswordPages,
        posted,
        refusal::Refusals,
        sign_in::SignInPage,
        sign_out::SignOutPage,
        sign_up::SignUpPage,
        visit::{Arrived, Visit},
    },
    runtime::{Runtime, ports::Ports},
    web::{endpoints::PageCall, error::ApiError},
};

/// Answers requests for pages.
pub(crate) struct Pages<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> Pages<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Answers a request for a page.
    ///
    /// # Errors
    /// Returns [`ApiError::NotOffered`] where the pages are off, and a fault of the source of random bytes.
    pub(crate) async fn answer(
        &self,
        (call, path): (PageCall, &'static str),
        request: &impl RequestView,
        query: Option<&str>,
        body: &[u8],
    ) -> Result<Reply, ApiError> {
        let isolate = &self.0.isolate;
        let settings = isolate.config.pages.as_ref().ok_or(ApiError::NotOffered)?;
        if call == PageCall::Authorize {
            let query = query.unwrap_or_default();
            let visit = Visit::of(self.0, settings, path, request, &Arrived::Pending(query)).await?;
            let answered = match &visit.fault {
                Some(fault) => Err(fault.clone().into()),
                None => AuthorizePages::of(self.0).show(request, query, &visit).await,
            };
            return Ok(answered.unwrap_or_else(|error| Refusals::of(self.0).page(request, &visit, &error)));
        }
        if call == PageCall::AuthorizeByForm {
            return match authorize_by_form::to_query(request, query, body) {
                Ok(reply) => Ok(reply),
                Err(error) => {
                    let nothing = Arrived::Fields(Parameters::default());
                    let visit = Visit::of(self.0, settings, path, request, &nothing).await?.without_cookies();
                    Ok(Refusals::of(self.0).page(request, &visit, &error))
                }
            };
        }
        let read = if call.is_posted() { posted::fields(request, body) } else { posted::query_fields(query) };
        let (fields, unread) = match read {
            Ok(fields) => (fields, None),
            Err(error) => (Parameters::default(), Some(error)),
        };
        let visit = Visit::of(self.0, settings, path, request, &Arrived::Fields(fields.clone())).await?;
        let answered = match (unread, &visit.fault) {
            (Some(error), _) => Err(error.into()),
            (None, Some(fault)) => Err(fault.clone().into()),
            (None, None) => self.handle(call, request, &visit, &fields).await,
        };
        Ok(answered.unwrap_or_else(|error| Refusals::of(self.0).page(request, &visit, &error)))
    }

    async fn handle(
        &self,
        call: PageCall,
        request: &impl RequestView,
        visit: &Visit<'_>,
        fields: &Parameters<'_>,
    ) -> Result<Reply, ApiError> {
        let runtime = self.0;
        match call {
            PageCall::ShowSignIn => SignInPage::of(runtime).show(request, visit, fields).await,
            PageCall::SignIn => SignInPage::of(runtime).submit(request, visit, fields).await,
            PageCall::ShowSignUp => SignUpPage::of(runtime).show(visit, fields),
            PageCall::SignUp => SignUpPage::of(runtime).submit(request, visit, fields).await,
            PageCall::ShowForgotten => PasswordPages::of(runtime).show_forgotten(visit, fields),
            PageCall::Forgotten => PasswordPages::of(runtime).submit_forgotten(request, visit, fields).await,
            PageCall::ShowNewPassword => PasswordPages::of(runtime).show_new_password(visit),
            PageCall::NewPassword => {
                PasswordPages::of(runtime).submit_new_password(request, visit, fields).await
            }
            PageCall::ShowVerifyAddress => PasswordPages::of(runtime).show_verify(visit),
            PageCall::VerifyAddress => PasswordPages::of(runtime).submit_verify(request, visit, fields).await,
            PageCall::Consent => AuthorizePages::of(runtime).answer(request, visit, fields).await,
            // They have no fields of ours.
            PageCall::Authorize | PageCall::AuthorizeByForm => Err(ApiError::NotFound),
            PageCall::ShowSignOut => SignOutPage::of(runtime).show(visit),
            PageCall::ShowApplications => ApplicationsPage::of(runtime).show(request, visit).await,
            PageCall::EndAccess => ApplicationsPage::of(runtime).submit(request, visit, fields).await,
            PageCall::SignOut => SignOutPage::of(runtime).submit(request, visit, fields).await,
        }
    }
}
