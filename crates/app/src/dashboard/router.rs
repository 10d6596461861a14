//! Leads a request for a page of the dashboard to its function, and turns refusals into pages.

use postern_oauth::form::Parameters;
use postern_pages::dashboard::Screen;
use serde_json::Value;

use crate::{
    admin::{
        access::AdminAccess,
        api::AdminApi,
        paging::Query,
        request::{Admin, AdminRequest},
    },
    auth::profiles::Profiles,
    dashboard::{
        change::{CONFIRM, Wanted},
        desk::{AREAS, Desk, Surroundings},
        refused::{self, Refused, body_of},
    },
    http::{Reply, RequestView},
    ids::BrowserId,
    pages::{form_token, posted},
    runtime::{Runtime, events::Events, origins::Origins, ports::Ports},
    web::{
        caller::Caller,
        endpoints::{AdminCall, ByPath, Call, DashboardCall, ENDPOINTS, Endpoint},
        error::ApiError,
    },
};

/// Answers requests for pages of the dashboard.
pub(crate) struct DashboardPages<'r, P: Ports>(pub(super) &'r Runtime<P>);

/// What was asked for: the row of the table of endpoints, and the values of the `{...}` in its path.
type Asked<'p> = (&'static Endpoint, DashboardCall, Vec<&'p str>);

impl<'r, P: Ports> DashboardPages<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Answers a request for a page of the dashboard.
    ///
    /// 1. 404 where the dashboard is off;
    /// 2. 403 for a form of another origin;
    /// 3. 303 to the page for signing in for a browser that is not signed in, and 403 for a user who is no administrator;
    /// 4. 303 to that page again before a change, if the sign-in is too old;
    /// 5. the page, or the result of the change.
    ///
    /// # Errors
    /// [`ApiError::NotFound`] where the dashboard is off, and a fault of the source of random bytes.
    pub(crate) async fn answer(
        &self,
        asked: Asked<'_>,
        request: &impl RequestView,
        query: Option<&str>,
        body: &[u8],
    ) -> Result<Reply, ApiError> {
        let config = &self.0.isolate.config;
        let pages = config.pages.as_ref().filter(|_| config.has_dashboard()).ok_or(ApiError::NotFound)?;
        let is_posted = asked.1 == DashboardCall::Change;
        let read = if is_posted { posted::fields(request, body) } else { posted::query_fields(query) };
        let (fields, unread) = match read {
            Ok(fields) => (fields, None),
            Err(error) => (Parameters::default(), Some(error)),
        };
        let (browser, cookies) = self.browser(request)?;
        let mut around =
            Surroundings { config, theme: &pages.theme, address: String::new(), browser, cookies };
        around.address = address_of(&around, &asked, query, &fields);
        let foreign = if is_posted { Origins::of(self.0).check_own_origin(request).err() } else { None };
        let admin = match foreign {
            Some(error) => Err(error),
            None => AdminAccess::of(self.0).at_a_page(request).await,
        };
        let admin = match (admin, unread) {
            (Ok(Some(_)), Some(unread)) => Err(unread.into()),
            (admin, _) => admin,
        };
        Ok(self.admitted(around, Caller::of(request), admin, asked, query, &fields).await)
    }

    /// The browser's id, or a new one with the cookie for it.
    fn browser(&self, request: &impl RequestView) -> Result<(BrowserId, Vec<String>), ApiError> {
        if let Some(browser) = form_token::browser(request) {
            return Ok((browser, Vec::new()));
        }
        let browser = BrowserId::random(self.0.ports.platform())?;
        Ok((browser, vec![form_token::browser_cookie(browser)]))
    }

    async fn admitted(
        &self,
        around: Surroundings<'_>,
        caller: Caller,
        admin: Result<Option<Admin>, ApiError>,
        asked: Asked<'_>,
        query: Option<&str>,
        fields: &Parameters<'_>,
    ) -> Reply {
        let admin = match admin {
            Ok(Some(admin)) => admin,
            Ok(None) => return around.sign_in(),
            Err(error) => {
                let problem = self.problem(error.into(), &caller);
                return in_time(around.page(problem.status, &refused::screen(&problem), None), &problem);
            }
        };
        let profile = Profiles::of(self.0).profile_of(&admin.session, &admin.subject).await.ok();
        let login = profile.and_then(|profile| profile.login.or(profile.email).or(profile.name));
        let desk = Desk { around, admin, caller, login };
        match self.handle(&desk, asked, query, fields).await {
            Ok(reply) => reply,
            Err(refusal) => {
                let problem = self.problem(refusal, &desk.caller);
                in_time(desk.page(problem.status, &refused::screen(&problem)), &problem)
            }
        }
    }

    async fn handle(
        &self,
        desk: &Desk<'_>,
        (endpoint, call, parameters): Asked<'_>,
        query: Option<&str>,
        fields: &Parameters<'_>,
    ) -> Result<Reply, Refused> {
        match call {
            DashboardCall::Home => {
                let first = AREAS.first().map_or("", |(_, below)| *below);
                Ok(desk.around.redirect(&desk.around.link(first)))
            }
            DashboardCall::Confirm | DashboardCall::Change => {
                let wanted = wanted(&parameters, fields).ok_or(ApiError::NotFound)?;
                if call == DashboardCall::Confirm {
                    return self.ask(desk, &wanted).await;
                }
                self.change(desk, &wanted, posted::text(fields, "form_token")).await
            }
            _ => {
                let query = Query::parse(query, endpoint.query)?;
                let note = self.note(desk, &query)?;
                let mut screen = self.screen(desk, call, &parameters, &query).await?;
                screen.parts.splice(0..0, note);
                Ok(desk.page(200, &screen))
            }
        }
    }

    /// The page of a call.
    async fn screen(
        &self,
        desk: &Desk<'_>,
        call: DashboardCall,
        _parameters: &[&str],
        query: &Query,
    ) -> Result<Screen, Refused> {
        match call {
            DashboardCall::Keys => self.keys(desk).await,
            DashboardCall::Audit => self.audit(desk, query).await,
            DashboardCall::Home | DashboardCall::Confirm | DashboardCall::Change => {
                Err(ApiError::NotFound.into())
            }
        }
    }

    /// What a call of the administrators' API answers that reads.
    pub(super) async fn read(
        &self,
        desk: &Desk<'_>,
        call: ByPath,
        parameters: Vec<&str>,
        query: Vec<(&'static str, String)>,
    ) -> Result<Value, Refused> {
        let call = AdminCall::ByPath(call);
        let of_call = |endpoint: &&Endpoint| endpoint.call == Call::Admin(call);
        let endpoint = ENDPOINTS.iter().find(of_call).ok_or(ApiError::NotFound)?;
        let asked = AdminRequest {
            endpoint,
            call,
            parameters,
            query: Query::of(query),
            body: crate::web::body::Body::of(serde_json::Map::new()),
            admin: desk.admin.clone(),
            caller: desk.caller.clone(),
        };
        let reply = AdminApi::of(self.0).carry_out(asked).await?;
        if reply.status < 400 { Ok(body_of(&reply)) } else { Err(Refused::Answer(reply)) }
    }

    fn problem(&self, refusal: Refused, caller: &Caller) -> Reply {
        if let Some(fault) = refusal.fault() {
            Events::of(self.0).record_fault(fault, caller);
        }
        refusal.into_problem()
    }
}

/// The change that a request is about.
fn wanted(parameters: &[&str], fields: &Parameters<'_>) -> Option<Wanted> {
    let action = parameters.first().copied().unwrap_or_default();
    Wanted::of(action, &|name| posted::text(fields, name).to_owned())
}

/// The path and query by which the browser comes back to this page after a sign-in. A form has none, so there it is the page
/// that asks.
fn address_of(
    around: &Surroundings<'_>,
    (endpoint, call, parameters): &Asked<'_>,
    query: Option<&str>,
    fields: &Parameters<'_>,
) -> String {
    if matches!(call, DashboardCall::Confirm | DashboardCall::Change) {
        let action = parameters.first().copied().unwrap_or_default();
        let below = [CONFIRM, action].concat();
        return match wanted(parameters, fields) {
            Some(wanted) => around.link_with(&below, &wanted.query()),
            None => around.link(&below),
        };
    }
    let mut values = parameters.iter();
    let segments: Vec<&str> = endpoint
        .path
        .split('/')
        .map(
            |segment| {
                if segment.starts_with('{') { values.next().copied().unwrap_or_default() } else { segment }
            },
        )
        .collect();
    let path = around.link(&segments.join("/"));
    match query {
        Some(query) if !query.is_empty() => [&path, "?", query].concat(),
        _ => path,
    }
}

/// The answer with the header that says when to try again.
fn in_time(reply: Reply, problem: &Reply) -> Reply {
    match problem.header("retry-after") {
        Some(seconds) => reply.with_header("retry-after", seconds),
        None => reply,
    }
}
