//! Access to the metrics.

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::{
    auth::session_auth::SessionAuth,
    gateway::{Credentials, credentials},
    http::RequestView,
    identity::ADMIN_SCOPE,
    runtime::{Runtime, ports::Ports},
    web::error::{ApiError, missing_scope},
};

/// Authenticates callers of `GET /metrics`.
pub(crate) struct MetricsAccess<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> MetricsAccess<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    pub(crate) async fn may_read_metrics(&self, request: &impl RequestView) -> Result<(), ApiError> {
        let authorization = request.header("authorization");
        if let Credentials::Bearer(token) = credentials(authorization.as_deref())
            && let Some(digest) = &self.0.isolate.config.metrics.token
            && bool::from(Sha256::digest(token.as_bytes()).as_slice().ct_eq(digest.as_bytes()))
        {
            return Ok(());
        }
        let (identity, _) = SessionAuth::of(self.0).own_identity(request).await?;
        if identity.scopes.contains(ADMIN_SCOPE) {
            return Ok(());
        }
        Err(missing_scope())
    }
}
