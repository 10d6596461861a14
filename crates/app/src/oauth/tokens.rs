//! `POST /oauth/token` (RFC 6749 section 3.2).

use postern_oauth::{
    client::Client,
    error::{ErrorCode, OauthError},
    resource::Resource,
    scope::Scopes,
    token_request::TokenRequest,
};

use crate::{
    access::revocation_cache::RevocationCache,
    account::{
        AuthorizationCode, CodeChallenge, CodeOutcome, GrantRefresh, NotGranted, OauthAccounts as _,
        PresentedCode, Wanted,
    },
    auth::{
        access_tokens::{AccessTokens, SessionTokens},
        refresh_events::RefreshEvents,
        rotation::RefreshRotation,
    },
    events::{EventContext, EventKind},
    http::{Reply, RequestView},
    ids::{AccountId, FamilyId},
    oauth::{
        client_request::ClientRequest,
        grant_tokens,
        refusal::{self, OauthRefusal},
        resources::KnownResources,
        stored_clients::StoredClients,
    },
    ports::Background as _,
    refresh::{Grant, RefusedToken, Revocation, Secret, SecretHash, codec},
    runtime::{Runtime, events::Events, ports::Ports},
    web::caller::Caller,
};

/// The same for a code that expired, was used, is unknown, or lacks its verifier: the log has the reason.
const CODE_REFUSED: &str = "the code is not valid, or not for this client, redirect_uri or code_verifier";
/// The same for every refresh token that does not refresh.
const TOKEN_REFUSED: &str = "the refresh token is not valid; the user has to authorize the client again";

/// Answers `POST /oauth/token`.
pub(crate) struct Tokens<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> Tokens<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// `POST /oauth/token`.
    ///
    /// 1. the form and the client: 400 `invalid_request`, 401 `invalid_client`, 429;
    /// 2. the parameters, the resource among them: 400. Nothing was touched until here, so a mistake uses up no code;
    /// 3. the MAC of the code or of the refresh token: 400 `invalid_grant`, and no object is called;
    /// 4. the signing key: 503 without one, and nothing has changed;
    /// 5. the Account object decides: 400 `invalid_grant`, `invalid_scope`, `invalid_target`, or 503;
    /// 6. the tokens.
    pub(crate) async fn answer(&self, request: &impl RequestView, body: &[u8]) -> Reply {
        let answer = self.tokens(request, body).await;
        answer.unwrap_or_else(|refused| refusal::answer(self.0, request, refused))
    }

    async fn tokens(&self, request: &impl RequestView, body: &[u8]) -> Result<Reply, OauthRefusal> {
        let read = ClientRequest::read(self.0, request, body).await?;
        let client = read.client.client();
        let known = KnownResources::of(self.0).await?;
        let asked =
            TokenRequest::parse(&read.parameters, client, |resource| known.contains(resource, client))?;
        let caller = Caller::of(request);
        match asked {
            TokenRequest::Code { code, redirect_uri, challenge, resource } => {
                self.redeem(&caller, client, &code, (redirect_uri, challenge, resource)).await
            }
            TokenRequest::Refresh { refresh_token, scopes, resource } => {
                self.refresh(&caller, client, &refresh_token, (scopes, resource)).await
            }
        }
    }

    async fn redeem(
        &self,
        caller: &Caller,
        client: &Client,
        text: &str,
        (redirect_uri, challenge, resource): (Option<String>, CodeChallenge, Option<Resource>),
    ) -> Result<Reply, OauthRefusal> {
        let masters = &self.0.isolate.masters;
        let code = AuthorizationCode::open(masters, text)
            .map_err(|newer| Events::of(self.0).newer_master(caller, "authorization_code", newer))?;
        let Some(code) = code else {
            self.record(
                caller,
                client,
                None,
                EventKind::CodeRefused { cause: "authorization_code_malformed" },
            );
            return Err(OauthRefusal::invalid_grant(CODE_REFUSED));
        };
        let key = AccessTokens::of(self.0).signing_key().await?;
        let grant = (code.account(), code.grant());
        let (secret, master) = (Secret::random(self.0.ports.platform())?, masters.current());
        let presented = PresentedCode {
            hash: code.hash(),
            client_id: client.client_id.clone(),
            challenge,
            redirect_uri,
            resource: resource.as_ref().map(Resource::to_string),
            secret_hash: secret.hash(),
            master: master.id,
        };
        let accounts = self.0.ports.accounts();
        let outcome = accounts.redeem_code(code.account(), code.grant(), presented, caller.context()).await;
        // Without an answer it is not known whether the grant is open. No client has its tokens.
        let redeemed = match outcome.inspect_err(|_| self.take_back(grant, secret.hash()))? {
            CodeOutcome::Redeemed(redeemed) => redeemed,
            CodeOutcome::Refused { cause, ended } => {
                let happening = if ended {
                    EventKind::CodeReplayed
                } else {
                    EventKind::CodeRefused { cause: cause.code() }
                };
                self.record(caller, client, Some(grant), happening);
                return Err(match cause {
                    crate::account::CodeRefusal::WrongResource => OauthError::new(
                        ErrorCode::InvalidTarget,
                        "the resource is another than that of the authorization request",
                    )
                    .into(),
                    _ => OauthRefusal::invalid_grant(CODE_REFUSED),
                });
            }
        };
        self.record(caller, client, Some(grant), EventKind::GrantOpened);
        StoredClients::of(self.0).used(&client.client_id);
        for displaced in redeemed.displaced {
            self.record(caller, client, Some((code.account(), displaced)), EventKind::GrantDisplaced);
        }
        let refresh_token =
            redeemed.offline.then(|| codec::seal(master, code.account(), code.grant(), 0, &secret));
        let tokens = SessionTokens { session: code.grant(), rotation_count: 0 };
        let answer = grant_tokens::answer(
            self.0,
            &key,
            &redeemed.grant,
            redeemed.resource,
            tokens,
            refresh_token.as_deref(),
        );
        answer.await.inspect_err(|_| self.take_back(grant, secret.hash()))
    }

    async fn refresh(
        &self,
        caller: &Caller,
        client: &Client,
        text: &str,
        (scopes, resource): (Option<Scopes>, Option<Resource>),
    ) -> Result<Reply, OauthRefusal> {
        let masters = &self.0.isolate.masters;
        let token = codec::open(masters, text).map_err(|refused| match refused {
            RefusedToken::NewerMaster(newer) => {
                Events::of(self.0).newer_master(caller, "refresh_token", newer).into()
            }
            refused => {
                self.record(caller, client, None, EventKind::RefreshRefused { cause: refused.code() });
                OauthRefusal::invalid_grant(TOKEN_REFUSED)
            }
        })?;
        let key = AccessTokens::of(self.0).signing_key().await?;
        let session = (token.account(), token.family());
        let mut presented = token.present(masters);
        presented.client_id = Some(client.client_id.clone());
        let wanted = Wanted {
            scopes: scopes.as_ref().map(|scopes| scopes.iter().map(str::to_owned).collect()),
            resource: resource.as_ref().map(Resource::to_string),
        };
        let in_force = (self.0.isolate.limits(), caller.context());
        let accounts = self.0.ports.accounts();
        let answer = accounts.rotate_grant(session.0, session.1, presented, in_force, wanted).await?;
        let granted = match answer {
            GrantRefresh::Granted(granted) => granted,
            GrantRefresh::NotGranted(NotGranted::Scope) => {
                let description = "the scope was not granted";
                return Err(OauthError::new(ErrorCode::InvalidScope, description).into());
            }
            GrantRefresh::NotGranted(NotGranted::Resource) => {
                let description = "the resource is another than that of the grant";
                return Err(OauthError::new(ErrorCode::InvalidTarget, description).into());
            }
            GrantRefresh::Refused(refusal) => {
                RefreshEvents::of(self.0).record_refused(caller, session, &refusal);
                let error = RefreshRotation::of(self.0).refused_refresh(&refusal);
                return Err(match error {
                    crate::web::error::ApiError::InvalidGrant => OauthRefusal::invalid_grant(TOKEN_REFUSED),
                    limited => limited.into(),
                });
            }
        };
        RefreshEvents::of(self.0).record_granted(caller, session, &granted.rotated);
        let began = granted.rotated.created_at;
        if RevocationCache::of(self.0).is_client_revoked(&client.client_id, began).await? {
            accounts.end_grant(session.0, session.1, None, Revocation::Operator).await?;
            self.record(caller, client, Some(session), EventKind::GrantEnded);
            return Err(OauthRefusal::invalid_grant(TOKEN_REFUSED));
        }
        StoredClients::of(self.0).used(&client.client_id);
        let successor = token
            .seal_successor(masters, granted.rotated.master)
            .map_err(|newer| Events::of(self.0).newer_master(caller, "refresh_token", newer))?;
        let grant = match &scopes {
            Some(scopes) => Grant { scope: scopes.to_text(), ..granted.rotated.grant },
            None => granted.rotated.grant,
        };
        let tokens =
            SessionTokens { session: token.family(), rotation_count: granted.rotated.rotation_count };
        grant_tokens::answer(self.0, &key, &grant, granted.resource, tokens, Some(&successor)).await
    }

    /// Ends a grant, after the answer, that this redemption may have opened although no client received its tokens.
    fn take_back(&self, (account, grant): (AccountId, FamilyId), secret_hash: SecretHash) {
        let runtime = self.0.clone();
        self.0.ports.background().spawn(async move {
            // Lost, it costs a line in the user's list.
            let _ = runtime.ports.accounts().take_back(account, grant, secret_hash).await;
        });
    }

    fn record(
        &self,
        caller: &Caller,
        client: &Client,
        grant: Option<(AccountId, FamilyId)>,
        happening: EventKind,
    ) {
        let setting = EventContext {
            account: grant.map(|(account, _)| account),
            session_id: grant.map(|(_, grant)| grant),
            client_id: Some(client.client_id.clone()),
            ..caller.setting()
        };
        Events::of(self.0).record(self.0.now(), happening, setting);
    }
}
