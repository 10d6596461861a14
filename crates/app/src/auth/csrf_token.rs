//! `GET /auth/csrf`.

use serde::Serialize;

use crate::{
    auth::session_auth::SessionAuth,
    http::{Reply, RequestView},
    isolate::Isolate,
    runtime::{Runtime, ports::Ports},
    web::{csrf, error::ApiError},
};

#[derive(Serialize)]
struct CsrfToken<'a> {
    csrf_token: &'a str,
}

/// What `GET /auth/csrf` needs.
pub(crate) struct CsrfTokens<'r, P: Ports> {
    isolate: &'r Isolate,
    platform: &'r P::Platform,
    auth: SessionAuth<'r, P>,
}

impl<'r, P: Ports> CsrfTokens<'r, P> {
    pub(crate) fn of(runtime: &'r Runtime<P>) -> Self {
        Self { isolate: &runtime.isolate, platform: runtime.ports.platform(), auth: SessionAuth::of(runtime) }
    }

    /// `GET /auth/csrf`: the CSRF token of the session whose cookie the browser sends. A page that
    /// was loaded anew has none; it can read the CSRF cookie on Postern's own host alone, and there a
    /// sibling domain may have planted one. It asks no object while there is one session to choose from, so that
    /// may have ended: the refresh tells. Other pages can send this but not read the answer: no CORS for them, and
    /// `Cross-Origin-Resource-Policy`.
    pub(crate) async fn csrf_token(&self, request: &impl RequestView) -> Result<Reply, ApiError> {
        let token = self.auth.cookie_token(request, None).await?.ok_or(ApiError::InvalidGrant)?.token;
        let master = self.isolate.masters.current();
        let csrf_token = csrf::issue(master, token.family(), self.platform)?;
        Ok(Reply::json(200, &CsrfToken { csrf_token: &csrf_token }))
    }
}
