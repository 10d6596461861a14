//! Leads a request for a page to its handler, and turns refusals into pages.

use postern_oauth::form::{FormError, Parameters};

use crate::{
    http::{Reply, RequestView},
    pages::{
        passwords::PasswordPages, posted, refusal::Refusals, sign_in::SignInPage, sign_out::SignOutPage,
        sign_up::SignUpPage, visit::Visit,
    },
    runtime::{Runtime, ports::Ports},
    web::{body::BodyError, endpoints::PageCall, error::ApiError},
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
        let read = if call.is_posted() { posted::fields(request, body) } else { read_query(query) };
        let (fields, unread) = match read {
            Ok(fields) => (fields, None),
            Err(error) => (Parameters::default(), Some(error)),
        };
        let visit = Visit::of::<P>(self.0.ports.platform(), settings, path, request, &fields)?;
        let answered = match unread {
            Some(error) => Err(error.into()),
            None => self.handle(call, request, &visit, &fields).await,
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
            PageCall::ShowSignOut => SignOutPage::of(runtime).show(visit),
            PageCall::SignOut => SignOutPage::of(runtime).submit(request, visit, fields).await,
        }
    }
}

fn read_query(query: Option<&str>) -> Result<Parameters<'_>, BodyError> {
    Parameters::parse(query.unwrap_or_default()).map_err(|error| match error {
        FormError::TooLong | FormError::TooMany => BodyError::TooLarge,
        FormError::Encoding => BodyError::InvalidUtf8,
    })
}
