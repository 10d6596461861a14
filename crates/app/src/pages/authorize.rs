//! `/oauth/authorize`, and the answer to the question for consent.
//!
//! What a request comes to is decided by the authorization server; here it is shown.

use core::time::Duration;

use postern_oauth::{
    authorize::PageError,
    client::Provenance,
    decide::{Interaction, SignInReason},
    documents::ClientIdUrl,
    form::Parameters,
    metadata::paths::AUTHORIZE,
    redirect::RedirectKind,
    scope::Scopes,
};
use postern_pages::{ClientOrigin, Consent, Document, Failure};

use crate::{
    account::Accounts as _,
    auth::browser_sessions::{BrowserSession, BrowserSessions},
    http::{Reply, RequestView},
    oauth::authorization::{Authorization, ConsentNeeded, Outcome, SignedIn, answer_of},
    pages::{
        client_face::form_target,
        form_token::{self, question_of},
        pending::{BEGUN, Pending, split},
        posted::{shown_at, text},
        visit::Visit,
    },
    runtime::{Runtime, events::Events, ports::Ports},
    time::Timestamp,
    web::{
        caller::Caller,
        endpoints::page_paths::{APPLICATIONS, CONSENT, SIGN_IN},
        error::ApiError,
    },
};

/// How long a question for consent may stay open, and how long a sign-in for a request counts as one for it: an hour, in
/// which a user finds a password or asks a colleague.
const QUESTION_LIFETIME: Duration = Duration::from_hours(1);

/// Shows what authorization requests come to.
pub(crate) struct AuthorizePages<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> AuthorizePages<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// `GET /oauth/authorize`.
    pub(crate) async fn show(
        &self,
        request: &impl RequestView,
        query: &str,
        visit: &Visit<'_>,
    ) -> Result<Reply, ApiError> {
        let (query, begun) = split(query);
        let chosen_at = self.begun_at(request, visit, query, begun)?;
        let begun_at = chosen_at.unwrap_or_else(|| self.0.now());
        let interaction = Interaction { account_chosen: chosen_at.is_some(), ..Interaction::new(begun_at) };
        let session = BrowserSessions::of(self.0).current(request).await?;
        self.decide(request, (query, begun), visit, session, &interaction).await
    }

    /// `POST /auth/consent`. The form's token is bound to this browser, its session and this very request, and serves once.
    pub(crate) async fn answer(
        &self,
        request: &impl RequestView,
        visit: &Visit<'_>,
        fields: &Parameters<'_>,
    ) -> Result<Reply, ApiError> {
        let carried = visit.pending.as_ref().map(Pending::query).unwrap_or_default();
        let (query, begun) = split(carried);
        let Some(session) = BrowserSessions::of(self.0).current(request).await? else {
            return Ok(visit.redirect(&visit.link(SIGN_IN)));
        };
        let address = consent_address(&session, carried);
        let spent = || visit.page(403, Failure::ConsentSpent.render(&visit.frame(false), "consent_spent"));
        let Some(shown_at) = shown_at(self.0, request, visit, (&address, QUESTION_LIFETIME), fields)? else {
            return Ok(spent());
        };
        let allowed = match text(fields, "answer") {
            "allow" => Some(fields.all("scope").map(str::to_owned).collect::<Scopes>()),
            "deny" => None,
            _ => {
                return Ok(
                    visit.page(400, Failure::BadRequest.render(&visit.frame(false), "invalid_request"))
                );
            }
        };
        let Some(question) = question_of(text(fields, "form_token")) else { return Ok(spent()) };
        let expires_at = shown_at.plus(QUESTION_LIFETIME);
        let accounts = self.0.ports.accounts();
        if !accounts.answer(session.account, session.family, question, expires_at).await? {
            return Ok(spent());
        }
        let begun_at = self.begun_at(request, visit, query, begun)?.unwrap_or(shown_at);
        let answer = answer_of(&signed_in(&session), allowed);
        let interaction = Interaction { begun_at, account_chosen: true, answer: Some(answer) };
        self.decide(request, (query, begun), visit, Some(session), &interaction).await
    }

    async fn decide(
        &self,
        request: &impl RequestView,
        (query, begun): (&str, &str),
        visit: &Visit<'_>,
        session: Option<BrowserSession>,
        interaction: &Interaction,
    ) -> Result<Reply, ApiError> {
        let user = session.as_ref().map(signed_in);
        let caller = Caller::of(request);
        match Authorization::of(self.0).decide(&caller, query, user.as_ref(), interaction).await? {
            Outcome::Redirect(location) => {
                Ok(visit.redirect(location.as_str()).with_header("referrer-policy", "no-referrer"))
            }
            Outcome::ErrorPage(error) => {
                Ok(visit.page(error.status(), failure_of(error).render(&visit.frame(false), error.code())))
            }
            Outcome::SignIn(reason) => {
                let choose = (reason == SignInReason::SelectAccount).then_some(("choose", "1"));
                Ok(visit.redirect(&visit.link_with(SIGN_IN, choose.as_slice())))
            }
            Outcome::Consent(needed) => {
                // Without a user, the outcome is a sign-in.
                let Some(session) = session else { return Ok(visit.redirect(&visit.link(SIGN_IN))) };
                Ok(visit.page(200, self.consent(visit, (query, begun), &session, &needed).await?))
            }
        }
    }

    async fn consent(
        &self,
        visit: &Visit<'_>,
        (query, begun): (&str, &str),
        session: &BrowserSession,
        needed: &ConsentNeeded,
    ) -> Result<Document, ApiError> {
        let carried =
            if begun.is_empty() { query.to_owned() } else { [query, "&", BEGUN, "=", begun].concat() };
        let token = visit.token(self.0, &consent_address(session, &carried))?;
        let login = BrowserSessions::of(self.0).login_of(session).await;
        let scopes = visit.described(&needed.scopes);
        let document = ClientIdUrl::parse(&needed.client.client_id).ok();
        let hidden =
            postern_pages::Hidden { action: CONSENT, form_token: &token, request: Some(&carried), to: None };
        let view = Consent {
            hidden,
            client: &needed.client.name,
            origin: match (needed.client.provenance, &document) {
                (Provenance::Document, Some(id)) => ClientOrigin::Domain(id.host()),
                (Provenance::Registered, _) => ClientOrigin::Itself,
                _ => ClientOrigin::Operator,
            },
            login: login.as_deref(),
            another: &visit.link(SIGN_IN),
            resource: needed.resource.as_ref().map(postern_oauth::resource::Resource::as_str),
            redirect_host: needed.redirect.host(),
            is_local: needed.redirect.registered().kind() == RedirectKind::Loopback,
            scopes: &scopes,
            applications: APPLICATIONS,
        };
        let mut frame = visit.frame(true);
        frame.form_targets = vec![form_target(&needed.redirect)];
        Ok(view.render(&frame))
    }

    /// Since when the request is pending in this browser, if it has been at the sign-in page.
    fn begun_at(
        &self,
        request: &impl RequestView,
        visit: &Visit<'_>,
        query: &str,
        begun: &str,
    ) -> Result<Option<Timestamp>, ApiError> {
        let masters = &self.0.isolate.masters;
        let address = [AUTHORIZE, "?", query].concat();
        form_token::verify(masters, visit.browser, &address, (self.0.now(), QUESTION_LIFETIME), begun)
            .map_err(|newer| Events::of(self.0).newer_master(&Caller::of(request), "form_token", newer))
    }
}

/// What a form for consent is bound to, besides the browser: the session and the request.
fn consent_address(session: &BrowserSession, carried: &str) -> String {
    format!("{CONSENT}?{carried}#{}", session.family)
}

fn signed_in(session: &BrowserSession) -> SignedIn {
    SignedIn { account: session.account, session: session.family, grant: session.grant.clone() }
}

const fn failure_of(error: PageError) -> Failure {
    match error {
        PageError::UnknownClient | PageError::NoClient => Failure::UnknownClient,
        PageError::ClientDocument(_) => Failure::ClientDocument,
        PageError::NoRedirect | PageError::UnregisteredRedirect => Failure::WrongRedirect,
        PageError::Form(_) => Failure::InvalidAuthorization,
    }
}
