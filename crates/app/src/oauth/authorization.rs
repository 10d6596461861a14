//! The decision about an authorization request, without any HTML.
//!
//! # The contract of [`Authorization::decide`]
//!
//! The caller has a request to `GET` or `POST /oauth/authorize`, and calls with
//!
//! - the parameters as they came: the query, or the body of a form. After each step of the user (sign-in, choice of an
//!   account, consent) it calls again with the same text, which is judged anew. So the text may be carried from page to page,
//!   and a changed one gains nothing;
//! - the [`SignedIn`] user of this browser, whose session was found alive in the course of this request;
//! - the [`Interaction`]: when the request first came to this browser, and what the user did since. The caller proves that
//!   it is about this very browser and this very text, and uses an answer to the question for consent once.
//!
//! It gets an [`Outcome`], and does nothing but show it: a page, or a 303 to the [`Location`]. The location holds the code,
//! so it goes into no log. `Cache-Control: no-store` and `Referrer-Policy: no-referrer` are the caller's part.
//!
//! Only [`Outcome::Redirect`] has changed anything: a code and a consent are kept. If the session is over by then, the
//! outcome is [`SignInReason::NotSignedIn`]; the caller then removes the browser's cookie.

use std::rc::Rc;

use postern_oauth::{
    authorize::{AuthorizationRequest, PageError, ProvedClient},
    client::Client,
    decide::{Answer, Decision, Interaction, SignInReason, decide},
    error::OauthError,
    form::Parameters,
    redirect::ProvedRedirect,
    resource::Resource,
    response::Location,
    scope::Scopes,
};

use crate::{
    access::revocation_cache::RevocationCache,
    account::{AuthorizationCode, CODE_LIFETIME, Consent, OauthAccounts as _, PendingCode},
    events::{EventContext, EventKind},
    ids::{AccountId, FamilyId},
    isolate::Isolate,
    oauth::{clients::ClientLookup, resources::KnownResources, stored_clients::StoredClients},
    ports::Fault,
    refresh::{Grant, Lifetimes},
    runtime::{Runtime, events::Events, ports::Ports},
    web::caller::Caller,
};

/// The user who is signed in at the pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignedIn {
    /// The user's account.
    pub(crate) account: AccountId,
    /// The browser's session.
    pub(crate) session: FamilyId,
    /// What the sign-in granted, and when it was.
    pub(crate) grant: Grant,
}

/// What an authorization request comes to.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// A page that says what is wrong. The browser is sent nowhere.
    ErrorPage(PageError),
    /// The browser goes back to the client, with a code or an error.
    Redirect(Location),
    /// The user has to sign in, or to choose an account.
    SignIn(SignInReason),
    /// The user is asked for consent.
    Consent(ConsentNeeded),
}

/// What a page for consent shows.
#[derive(Debug)]
pub(crate) struct ConsentNeeded {
    /// The client.
    pub(crate) client: Rc<Client>,
    /// The redirect URI: its host is shown, with a warning for a program on this machine.
    pub(crate) redirect: ProvedRedirect,
    /// The resource that the client wants access to.
    pub(crate) resource: Option<Resource>,
    /// The scopes that would be granted. The user may untick any of them.
    pub(crate) scopes: Scopes,
}

/// Decides authorization requests.
pub(crate) struct Authorization<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> Authorization<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Decides an authorization request: see the contract above.
    ///
    /// # Errors
    /// A [`Fault`]: 503 with `Retry-After`, on a page. The caller may repeat the call.
    pub(crate) async fn decide(
        &self,
        caller: &Caller,
        parameters: &str,
        user: Option<&SignedIn>,
        interaction: &Interaction,
    ) -> Result<Outcome, Fault> {
        let isolate: &'r Isolate = &self.0.isolate;
        let known = KnownResources::of(self.0).await?;
        let page = |error: PageError, cause| {
            self.record_refused(caller, None, cause);
            Ok(Outcome::ErrorPage(error))
        };
        let parameters = match Parameters::parse(parameters).map_err(PageError::Form) {
            Ok(parameters) => parameters,
            Err(error) => return page(error, error.code()),
        };
        let client = match ClientLookup::of(self.0).of_request(&parameters).await? {
            Ok(client) => client,
            Err(unproved) => return page(unproved.page, unproved.cause),
        };
        let is_known = |resource: &Resource| known.contains(resource, &client);
        let proved = match ProvedClient::prove(&parameters, Rc::clone(&client), &isolate.config.issuer) {
            Ok(proved) => proved,
            Err(error) => return page(error, error.code()),
        };
        let parsed = AuthorizationRequest::parse(&parameters, proved, is_known);
        let request = match parsed {
            Ok(request) => request,
            Err(refused) => {
                self.record_refused(caller, None, refused.error.code.code());
                return Ok(Outcome::Redirect(refused.location));
            }
        };
        let remembered = match user {
            Some(user) => self.remembered(&request, user).await?,
            None => None,
        };
        let now = self.0.now();
        let grant = user.map(|user| &user.grant);
        let mut decision = decide(&request, grant, remembered.as_ref(), interaction, now);
        // The client's tokens of before that time are refused, and so would be those of a sign-in of before it.
        if let (Some(user), Decision::Grant { .. } | Decision::AskConsent(_)) = (user, &decision)
            && RevocationCache::of(self.0)
                .is_client_revoked(&request.client().client_id, user.grant.auth_time)
                .await?
        {
            decision = if request.prompt.is_none() {
                Decision::Refuse(OauthError::new(
                    postern_oauth::error::ErrorCode::LoginRequired,
                    "the user has to sign in",
                ))
            } else {
                Decision::SignIn(SignInReason::Reauthenticate)
            };
        }
        match (decision, user) {
            (Decision::Refuse(error), _) => {
                self.record_refused(caller, Some(&request), error.code.code());
                Ok(Outcome::Redirect(request.answer.error(&error)))
            }
            (Decision::AskConsent(scopes), _) => Ok(Outcome::Consent(ConsentNeeded {
                client: Rc::clone(request.client()),
                redirect: request.answer.redirect().clone(),
                resource: request.resource,
                scopes,
            })),
            (Decision::Grant { scopes, asked }, Some(user)) => {
                self.grant(caller, request, user, (&scopes, asked)).await
            }
            (Decision::SignIn(reason), _) => Ok(Outcome::SignIn(reason)),
            // Without a user, the decision is a sign-in.
            (Decision::Grant { .. }, None) => Ok(Outcome::SignIn(SignInReason::NotSignedIn)),
        }
    }

    async fn remembered(
        &self,
        request: &AuthorizationRequest<'_>,
        user: &SignedIn,
    ) -> Result<Option<Scopes>, Fault> {
        let key = consent_of(request, Vec::new());
        let accounts = self.0.ports.accounts();
        let scopes = accounts.consent(user.account, key.client_id, key.redirect_uri, key.resource).await?;
        Ok(scopes.map(|scopes| scopes.into_iter().collect()))
    }

    /// Keeps a code, and gives it to the client.
    async fn grant(
        &self,
        caller: &Caller,
        request: AuthorizationRequest<'_>,
        user: &SignedIn,
        (scopes, asked): (&Scopes, bool),
    ) -> Result<Outcome, Fault> {
        let client = request.client();
        let code = AuthorizationCode::make(user.account, self.0.ports.platform())?;
        let offline = client.gets_refresh_token(scopes);
        let pending = PendingCode {
            hash: code.hash(),
            challenge: request.challenge,
            redirect_uri: request.answer.redirect().requested().to_owned(),
            grant: Grant {
                client_id: client.client_id.clone(),
                scope: scopes.to_text(),
                roles: if client.roles { user.grant.roles.clone() } else { Vec::new() },
                ..user.grant.clone()
            },
            resource: request.resource.as_ref().map(Resource::to_string),
            offline,
            lifetimes: if offline { client.lifetimes } else { self.without_refresh() },
            drift: client.drift,
        };
        let consent = asked.then(|| consent_of(&request, scopes.iter().map(str::to_owned).collect()));
        let accounts = self.0.ports.accounts();
        let kept = accounts.issue_code(user.account, code.grant(), pending, (user.session, consent)).await?;
        if !kept {
            return Ok(Outcome::SignIn(SignInReason::NotSignedIn));
        }
        StoredClients::of(self.0).used(&client.client_id);
        let setting = EventContext {
            account: Some(user.account),
            session_id: Some(code.grant()),
            client_id: Some(client.client_id.clone()),
            ..caller.setting()
        };
        Events::of(self.0).record(self.0.now(), EventKind::ClientAuthorized { asked }, setting);
        let text = code.seal(self.0.isolate.masters.current());
        Ok(Outcome::Redirect(request.answer.success(&text)))
    }

    /// The lifetimes of a grant without a refresh token: that of its one access token.
    fn without_refresh(&self) -> Lifetimes {
        let lifetime = self.0.isolate.config.access_token_lifetime + CODE_LIFETIME;
        Lifetimes { idle: lifetime, absolute: lifetime }
    }

    fn record_refused(
        &self,
        caller: &Caller,
        request: Option<&AuthorizationRequest<'_>>,
        cause: &'static str,
    ) {
        let client_id = request.map(|request| request.client().client_id.clone());
        let setting = EventContext { client_id, ..caller.setting() };
        Events::of(self.0).record(self.0.now(), EventKind::AuthorizationRefused { cause }, setting);
    }
}

/// The consent to this request: for the registered redirect URI, so that the port of a program on this machine makes none
/// of its own.
fn consent_of(request: &AuthorizationRequest<'_>, scopes: Vec<String>) -> Consent {
    Consent {
        client_id: request.client().client_id.clone(),
        redirect_uri: request.answer.redirect().registered().as_str().to_owned(),
        resource: request.resource.as_ref().map(Resource::to_string),
        scopes,
    }
}

/// The answer of a user who refuses, or allows these scopes, for the [`Interaction`] of the next call.
pub(crate) fn answer_of(user: &SignedIn, allowed: Option<Scopes>) -> (String, Answer) {
    let answer = allowed.map_or(Answer::Refused, Answer::Allowed);
    (user.grant.subject.clone(), answer)
}
