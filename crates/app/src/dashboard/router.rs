//! Leads a request for a page of the dashboard to its function, and turns refusals into pages.

use postern_oauth::form::Parameters;
use postern_pages::dashboard::Screen;
use serde_json::Value;

use crate::{
    admin::{access::AdminAccess, paging::Query, request::Admin},
    auth::profiles::Profiles,
    dashboard::{
        change::{CONFIRM, Wanted},
        clients::{client, clients},
        confirm::Changes,
        cost::CostPage,
        desk::{AREAS, Desk, Surroundings},
        issuers::issuers,
        keys::keys,
        limits::{limits, throttle},
        overview::OverviewPage,
        reading::Reading,
        refused::{self, Refused},
        revocations::revocations,
        routes::routes,
        show,
        users::{READS, user, users},
    },
    http::{Reply, RequestView},
    ids::BrowserId,
    pages::{form_token, posted},
    runtime::{Runtime, events::Events, origins::Origins, ports::Ports},
    web::{
        caller::Caller,
        endpoints::{ByPath, DashboardCall, Endpoint},
        error::ApiError,
    },
};

/// Answers requests for pages of the dashboard.
pub(crate) struct DashboardPages<'r, P: Ports>(&'r Runtime<P>);

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
        let desk = Desk { around, admin, caller, login, now: self.0.now() };
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
                    return Changes(self.0).ask(desk, &wanted).await;
                }
                Changes(self.0).change(desk, &wanted, posted::text(fields, "form_token")).await
            }
            _ => {
                let query = Query::parse(query, endpoint.query)?;
                let note = Changes(self.0).note(desk, &query)?;
                let mut screen = self.screen(desk, call, &parameters, &query).await?;
                if let Some(note) = note {
                    screen.parts.insert(0, note);
                }
                Ok(desk.page(200, &screen))
            }
        }
    }

    /// The page of a call.
    async fn screen(
        &self,
        desk: &Desk<'_>,
        call: DashboardCall,
        parameters: &[&str],
        query: &Query,
    ) -> Result<Screen, Refused> {
        let reading = Reading(self.0);
        let about = parameters.first().copied().unwrap_or_default();
        let read = match call {
            DashboardCall::Users => ByPath::Users,
            DashboardCall::User => ByPath::User,
            DashboardCall::Clients => ByPath::Clients,
            DashboardCall::Client => ByPath::Client,
            DashboardCall::Routes => ByPath::ExplainRoute,
            DashboardCall::Issuers => ByPath::Issuers,
            DashboardCall::Keys => ByPath::Keys,
            DashboardCall::Limits => ByPath::Throttle,
            DashboardCall::Overview => return OverviewPage::of(self.0).screen(desk, query).await,
            DashboardCall::Cost => return CostPage::of(self.0).screen(desk, query).await,
            DashboardCall::Audit => return reading.audit(desk, query).await,
            DashboardCall::Revocations => return Ok(revocations(desk, reading.revoked().await?)),
            DashboardCall::Home | DashboardCall::Confirm | DashboardCall::Change => {
                return Err(ApiError::NotFound.into());
            }
        };
        let answer = match call {
            DashboardCall::User => reading.read_if_offered(desk, read, parameters.to_vec()).await?,
            // The page of limits begins with a form.
            DashboardCall::Limits if query.is_empty() => Value::Null,
            _ => reading.read(desk, read, parameters.to_vec(), query.without("done")).await?,
        };
        Ok(match call {
            DashboardCall::Users => users(desk, query, &answer),
            DashboardCall::User => {
                let mut lists = Vec::new();
                for read in READS {
                    lists.push(reading.read(desk, read, vec![about], Vec::new()).await?);
                }
                let limits = if answer.is_null() {
                    Vec::new()
                } else {
                    let login = show::text(&answer, "login");
                    let query = vec![("login", login.to_owned())];
                    match reading.read(desk, ByPath::Throttle, Vec::new(), query).await {
                        Ok(limits) => throttle(desk, &limits, ("login", login)),
                        // Guesses at a login may overload its object. The user can be disabled here all the same.
                        Err(refusal) => vec![refused::alert(&self.problem(refusal, &desk.caller))],
                    }
                };
                user(desk, about, &answer, &lists, limits)
            }
            DashboardCall::Clients => clients(desk, &answer),
            DashboardCall::Client => client(desk, &answer),
            DashboardCall::Routes => routes(desk, query, &answer),
            DashboardCall::Issuers => issuers(desk, &answer),
            DashboardCall::Limits => limits(desk, query, &answer),
            _ => keys(desk, &answer),
        })
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
