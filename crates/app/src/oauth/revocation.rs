//! `POST /oauth/revoke` (RFC 7009).

use postern_oauth::error::OauthError;

use crate::{
    access::{authenticate::Authenticator, refused::AccessRefused, session::session_of},
    gateway::{RevocationLevel, StaleFeed},
    http::{Reply, RequestView},
    ids::{AccountId, FamilyId},
    oauth::{
        client_request::ClientRequest,
        grants::end_grant,
        refusal::{self, OauthRefusal},
    },
    refresh::{RefusedToken, Revocation, codec},
    runtime::{Runtime, events::Events, ports::Ports},
    web::caller::Caller,
};

/// Answers `POST /oauth/revoke`.
pub(crate) struct TokenRevocation<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> TokenRevocation<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// `POST /oauth/revoke`: ends the grant of a token of this client, with all its tokens (RFC 7009 section 2.1).
    ///
    /// 200 in every other case, too: the client has no use for a token that is unknown, another's, or over (section 2.2).
    pub(crate) async fn answer(&self, request: &impl RequestView, body: &[u8]) -> Reply {
        let answer = self.revoke(request, body).await;
        answer.unwrap_or_else(|refused| refusal::answer(self.0, request, refused))
    }

    async fn revoke(&self, request: &impl RequestView, body: &[u8]) -> Result<Reply, OauthRefusal> {
        let read = ClientRequest::read(self.0, request, body).await?;
        let token = read.parameters.one("token").map_err(OauthError::from)?;
        let token = token.ok_or(OauthError::invalid_request("token is missing"))?;
        read.parameters.one("token_type_hint").map_err(OauthError::from)?;
        let caller = Caller::of(request);
        if let Some(grant) = grant_of(self.0, &caller, token).await? {
            let client_id = read.client.client().client_id.clone();
            end_grant(self.0, &caller, grant, Some(client_id), Revocation::Client).await?;
        }
        Ok(Reply::empty(200))
    }
}

/// The account and the family of a refresh token or an access token. `None` for a text that is neither. Whether the family
/// is a grant, the Account object says.
async fn grant_of<P: Ports>(
    runtime: &Runtime<P>,
    caller: &Caller,
    token: &str,
) -> Result<Option<(AccountId, FamilyId)>, OauthRefusal> {
    match codec::open(&runtime.isolate.masters, token) {
        Ok(token) => return Ok(Some((token.account(), token.family()))),
        Err(RefusedToken::NewerMaster(newer)) => {
            return Err(Events::of(runtime).newer_master(caller, "refresh_token", newer).into());
        }
        Err(_) => {}
    }
    let authenticator = Authenticator::of(runtime);
    let now = runtime.now();
    match authenticator.authenticate(token, now, RevocationLevel::None, StaleFeed::Pass).await {
        Ok(identity) if identity.issuer == runtime.isolate.config.issuer => {
            let session = session_of(&runtime.isolate.config, &identity);
            Ok(session.map(|session| (session.account, session.family)))
        }
        Err(AccessRefused::Fault(fault)) => Err(fault.into()),
        Ok(_) | Err(AccessRefused::Token(_) | AccessRefused::Invalid(_)) => Ok(None),
    }
}
