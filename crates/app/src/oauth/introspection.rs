//! `POST /oauth/introspect` (RFC 7662), for clients with a secret.

use postern_oauth::{
    client::Client,
    error::{ErrorCode, OauthError},
};
use serde::Serialize;

use crate::{
    access::{authenticate::Authenticator, refused::AccessRefused},
    account::{GrantView, OauthAccounts as _},
    gateway::{Identity, RevocationLevel, StaleFeed},
    http::{Reply, RequestView},
    ids::FamilyId,
    oauth::{
        client_request::ClientRequest,
        refusal::{self, OauthRefusal},
    },
    refresh::{RefusedToken, codec},
    runtime::{Runtime, events::Events, ports::Ports},
    web::caller::Caller,
};

/// RFC 7662 section 2.2. Of a token that is not active, nothing is said.
#[derive(Debug, Default, Serialize)]
struct Answer {
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<FamilyId>,
}

/// Answers `POST /oauth/introspect`.
pub(crate) struct Introspection<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> Introspection<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// `POST /oauth/introspect`. The answer describes the client's own tokens, and access tokens for one of its `resources`.
    /// Every other token is not active (RFC 7662 section 2.2).
    pub(crate) async fn answer(&self, request: &impl RequestView, body: &[u8]) -> Reply {
        match self.introspect(request, body).await {
            Ok(answer) => Reply::json(200, &answer),
            Err(refused) => refusal::answer(self.0, request, refused),
        }
    }

    async fn introspect(&self, request: &impl RequestView, body: &[u8]) -> Result<Answer, OauthRefusal> {
        let read = ClientRequest::read(self.0, request, body).await?;
        // RFC 7662 section 2.1: "the endpoint MUST also require some form of authorization".
        if !read.client.is_confidential() {
            let description = "introspection is for clients with a secret";
            return Err(OauthError::new(ErrorCode::InvalidClient, description).into());
        }
        let client = read.client.client();
        let token = read.parameters.one("token").map_err(OauthError::from)?;
        let token = token.ok_or(OauthError::invalid_request("token is missing"))?;
        read.parameters.one("token_type_hint").map_err(OauthError::from)?;
        match codec::open(&self.0.isolate.masters, token) {
            Ok(token) => {
                let presented = token.present(&self.0.isolate.masters);
                let accounts = self.0.ports.accounts();
                let (count, hash) = (presented.rotation_count, presented.secret_hash);
                let grant = accounts.inspect_grant(token.account(), token.family(), count, hash).await?;
                let own = grant.filter(|grant| grant.client_id == client.client_id);
                Ok(own.map(|grant| self.of_grant(grant)).unwrap_or_default())
            }
            Err(RefusedToken::NewerMaster(newer)) => {
                let caller = Caller::of(request);
                Err(Events::of(self.0).newer_master(&caller, "refresh_token", newer).into())
            }
            Err(_) => self.of_access_token(client, token).await,
        }
    }

    fn of_grant(&self, grant: GrantView) -> Answer {
        Answer {
            active: true,
            iss: Some(self.0.isolate.config.issuer.clone()),
            sub: Some(grant.subject),
            aud: Some(grant.resource.unwrap_or_else(|| self.0.isolate.config.audience.clone())),
            client_id: Some(grant.client_id),
            scope: Some(grant.scope),
            exp: Some(grant.expires_at.seconds()),
            iat: Some(grant.created_at.seconds()),
            sid: Some(grant.grant_id),
            ..Answer::default()
        }
    }

    async fn of_access_token(&self, client: &Client, token: &str) -> Result<Answer, OauthRefusal> {
        let authenticator = Authenticator::of(self.0);
        let now = self.0.now();
        match authenticator.authenticate(token, now, RevocationLevel::Strong, StaleFeed::Pass).await {
            Ok(identity) if self.may_know(client, &identity) => Ok(Answer {
                active: true,
                token_type: Some("Bearer"),
                iss: Some(identity.issuer.clone()),
                sub: Some(identity.subject.clone()),
                aud: identity.audience.first().cloned(),
                client_id: identity.client_id.clone(),
                scope: Some(identity.scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" ")),
                exp: Some(identity.expires_at.seconds()),
                iat: Some(identity.issued_at.seconds()),
                sid: identity.session_id.as_deref().and_then(|sid| sid.parse().ok()),
            }),
            Err(AccessRefused::Fault(fault)) => Err(fault.into()),
            Ok(_) | Err(AccessRefused::Token(_) | AccessRefused::Invalid(_)) => Ok(Answer::default()),
        }
    }

    fn may_know(&self, client: &Client, identity: &Identity) -> bool {
        let is_for_it = || {
            let own = client.resources.iter().flatten();
            own.into_iter().any(|resource| identity.audience.iter().any(|aud| aud == resource.as_str()))
        };
        identity.issuer == self.0.isolate.config.issuer
            && (identity.client_id.as_deref() == Some(&*client.client_id) || is_for_it())
    }
}
