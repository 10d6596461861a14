//! The tokens of a grant, and their answer (RFC 6749 section 5.1).

use serde::Serialize;

use crate::{
    auth::access_tokens::{AccessTokens, SessionTokens},
    http::Reply,
    keys::PrivateKey,
    oauth::refusal::OauthRefusal,
    refresh::Grant,
    runtime::{Runtime, ports::Ports},
};

#[derive(Serialize)]
struct Wire<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    scope: &'a str,
}

/// The answer with an access token for this resource, or for the deployment's audience, and with a refresh token, if the
/// client gets one.
pub(super) async fn answer<P: Ports>(
    runtime: &Runtime<P>,
    key: &PrivateKey,
    grant: &Grant,
    resource: Option<String>,
    tokens: SessionTokens,
    refresh_token: Option<&str>,
) -> Result<Reply, OauthRefusal> {
    let audience = resource.unwrap_or_else(|| runtime.isolate.config.audience.clone());
    let issued = AccessTokens::of(runtime).issue_for(key, grant, audience, tokens, runtime.now()).await?;
    Ok(Reply::json(
        200,
        &Wire {
            access_token: &issued.access_token,
            token_type: "Bearer",
            expires_in: issued.expires_in,
            refresh_token,
            scope: &grant.scope,
        },
    ))
}
