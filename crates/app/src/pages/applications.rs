//! `/auth/applications`: a user sees the clients that they have authorized, and ends their access.

use std::collections::BTreeSet;

use postern_oauth::{
    client::Client,
    form::Parameters,
    redirect::{RedirectKind, RegisteredRedirect},
    scope::Scopes,
};
use postern_pages::{Application, Applications, Date, Document, Problem, Scope};

use crate::{
    auth::browser_sessions::{BrowserSession, BrowserSessions},
    http::{Reply, RequestView, UrlParts},
    oauth::grants::{OwnGrant, OwnGrants},
    pages::{
        destination::Destination,
        form_token::FORM_LIFETIME,
        posted::{shown_at, text},
        refusal::Refusals,
        visit::Visit,
    },
    runtime::{Runtime, ports::Ports},
    web::{
        caller::Caller,
        endpoints::page_paths::{APPLICATIONS, SIGN_IN, SIGN_OUT},
        error::ApiError,
    },
};

/// The page with the applications that have access.
pub(crate) struct ApplicationsPage<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> ApplicationsPage<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// `GET /auth/applications`. A browser that is not signed in goes to the page for signing in, and comes back.
    pub(crate) async fn show(
        &self,
        request: &impl RequestView,
        visit: &Visit<'_>,
    ) -> Result<Reply, ApiError> {
        let Some(session) = BrowserSessions::of(self.0).current(request).await? else {
            return Ok(Self::sign_in(visit));
        };
        let list = self.list(&session).await?;
        Ok(visit.page(200, self.render(visit, &list, Notice::Nothing)?))
    }

    /// `POST /auth/applications`: what `DELETE /auth/grants/{grant_id}` does. A grant that is not there has ended before,
    /// for example in another window, and is no mistake.
    pub(crate) async fn submit(
        &self,
        request: &impl RequestView,
        visit: &Visit<'_>,
        fields: &Parameters<'_>,
    ) -> Result<Reply, ApiError> {
        let shown_at = shown_at(self.0, request, visit, (APPLICATIONS, FORM_LIFETIME), fields)?;
        let Some(session) = BrowserSessions::of(self.0).current(request).await? else {
            return Ok(Self::sign_in(visit));
        };
        let mut list = self.list(&session).await?;
        let grant = text(fields, "grant");
        let ended = match shown_at {
            Some(_) => {
                OwnGrants::of(self.0).end(&Caller::of(request), session.account, grant).await.map(drop)
            }
            None => Err(ApiError::CsrfFailed),
        };
        match ended {
            Ok(()) | Err(ApiError::GrantNotFound) => {
                let at = list.grants.iter().position(|own| own.view.grant_id.to_string() == grant);
                let own = at.map(|at| list.grants.remove(at));
                let notice = own.as_ref().map_or(Notice::Nothing, |own| Notice::Ended(name_of(own)));
                Ok(visit.page(200, self.render(visit, &list, notice)?))
            }
            Err(error) => {
                let render = |problem| self.render(visit, &list, Notice::Problem(problem));
                Refusals::of(self.0).again(request, visit, &error, render)
            }
        }
    }

    fn sign_in(visit: &Visit<'_>) -> Reply {
        visit.redirect(&visit.link_with(SIGN_IN, &[("to", Destination::Applications.name())]))
    }

    async fn list(&self, session: &BrowserSession) -> Result<List, ApiError> {
        let grants = OwnGrants::of(self.0).of_account(session.account).await?;
        Ok(List { login: BrowserSessions::of(self.0).login_of(session).await, grants })
    }

    fn render(&self, visit: &Visit<'_>, list: &List, notice: Notice<'_>) -> Result<Document, ApiError> {
        let token = visit.token(self.0, APPLICATIONS)?;
        let (ended, problem) = match notice {
            Notice::Nothing => (None, None),
            Notice::Ended(name) => (Some(name), None),
            Notice::Problem(problem) => (None, Some(problem)),
        };
        let texts: Vec<Texts> = list.grants.iter().map(Texts::of).collect();
        let scopes: Vec<Vec<Scope<'_>>> = texts.iter().map(|texts| visit.described(&texts.scopes)).collect();
        let rows = list.grants.iter().zip(&texts).zip(&scopes);
        let applications: Vec<Application<'_>> = rows
            .map(|((own, texts), scopes)| Application {
                grant: &texts.grant,
                name: name_of(own),
                hosts: &texts.hosts,
                resource: own.view.resource.as_deref(),
                scopes,
                since: Date::of_seconds(own.view.created_at.seconds()),
                used: Date::of_seconds(own.view.used_at.seconds()),
            })
            .collect();
        let view = Applications {
            hidden: visit.hidden(APPLICATIONS, &token),
            login: list.login.as_deref(),
            applications: &applications,
            ended,
            problem,
            another: &visit.link_with(SIGN_IN, &[("another", "1"), ("to", Destination::Applications.name())]),
            sign_out: SIGN_OUT,
        };
        Ok(view.render(&visit.frame(true)))
    }
}

/// What the page has besides the list.
#[derive(Clone, Copy)]
enum Notice<'n> {
    Nothing,
    /// The application with this name has lost its access.
    Ended(&'n str),
    Problem(Problem),
}

struct List {
    login: Option<String>,
    grants: Vec<OwnGrant>,
}

/// The texts of a row that the grant does not have as they are.
struct Texts {
    grant: String,
    hosts: Vec<String>,
    scopes: Scopes,
}

impl Texts {
    fn of(own: &OwnGrant) -> Self {
        Self {
            grant: own.view.grant_id.to_string(),
            hosts: own.client.as_deref().map(hosts_of).unwrap_or_default(),
            scopes: Scopes::of_granted(&own.view.scope),
        }
    }
}

/// The name that the user knows from the page for consent, or the `client_id` of a client that is gone.
fn name_of(own: &OwnGrant) -> &str {
    own.client.as_ref().map_or(&own.view.client_id, |client| &client.name)
}

/// The hosts of a client's redirect URIs, or the scheme of an app, each once.
fn hosts_of(client: &Client) -> Vec<String> {
    let hosts: BTreeSet<String> = client.redirect_uris.iter().map(host_of).collect();
    hosts.into_iter().collect()
}

fn host_of(redirect: &RegisteredRedirect) -> String {
    let uri = redirect.as_str();
    match UrlParts::parse(uri) {
        Some(parts) if redirect.kind() != RedirectKind::PrivateUse => parts.authority.to_owned(),
        _ => uri.split(':').next().unwrap_or_default().to_owned(),
    }
}
