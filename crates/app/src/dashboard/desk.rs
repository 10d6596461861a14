//! What a request for a page of the dashboard is about: the administrator, their browser, the surroundings of the page.

use postern_pages::{
    Theme,
    dashboard::{Area, Dashboard, Link, Screen},
};

use crate::{
    admin::request::Admin,
    config::Config,
    http::Reply,
    ids::BrowserId,
    pages::pending::encoded,
    time::Timestamp,
    web::{
        caller::Caller,
        cookies::with_cookies,
        endpoints::page_paths::{SIGN_IN, SIGN_OUT},
    },
};

/// The areas, with the paths of their first pages below the prefix of the administrators' API.
pub(super) const AREAS: &[(&str, &str)] = &[
    ("Overview", "/ui/overview"),
    ("Users", "/ui/users"),
    ("Clients", "/ui/clients"),
    ("Routes", "/ui/routes"),
    ("Other issuers", "/ui/issuers"),
    ("Signing keys", "/ui/keys"),
    ("Revocations", "/ui/revocations"),
    ("Limits and locks", "/ui/limits"),
    ("Audit log", "/ui/audit"),
    ("Cost", "/ui/cost"),
];

/// The surroundings of every page, with or without an administrator.
pub(super) struct Surroundings<'d> {
    pub(super) config: &'d Config,
    pub(super) theme: &'d Theme,
    /// The path and query that this request came to, or the page that asks before the change that it posted.
    pub(super) address: String,
    pub(super) browser: BrowserId,
    /// The `Set-Cookie` lines of the answer.
    pub(super) cookies: Vec<String>,
}

/// A request of an administrator.
pub(super) struct Desk<'d> {
    pub(super) around: Surroundings<'d>,
    pub(super) admin: Admin,
    pub(super) caller: Caller,
    /// The administrator's login, if it is known.
    pub(super) login: Option<String>,
    pub(super) now: Timestamp,
}

impl Surroundings<'_> {
    /// The address of a page, whose path is below the prefix of the administrators' API.
    pub(super) fn link(&self, below: &str) -> String {
        [&self.config.admin.path, below].concat()
    }

    /// The same with a query. Empty values are left out.
    pub(super) fn link_with(&self, below: &str, query: &[(&str, &str)]) -> String {
        let mut link = self.link(below);
        let mut before = '?';
        for (name, value) in query.iter().filter(|(_, value)| !value.is_empty()) {
            link.push(before);
            link.push_str(&[name, "=", &encoded(value)].concat());
            before = '&';
        }
        link
    }

    /// The answer that sends the browser to the page for signing in. After the sign-in it comes back to `address`.
    pub(super) fn sign_in(&self) -> Reply {
        self.redirect(&sign_in_to(&self.address))
    }

    pub(super) fn redirect(&self, location: &str) -> Reply {
        with_cookies(Reply::empty(303).with_header("location", location), &self.cookies)
    }

    /// The answer with a page. `login` is absent for a visitor who is no administrator, who sees no areas.
    pub(super) fn page(&self, status: u16, screen: &Screen, login: Option<&str>) -> Reply {
        let here = self.address.split('?').next().unwrap_or_default();
        let area = |&(name, below): &(&'static str, &str)| {
            let href = self.link(below);
            let rest = here.strip_prefix(&href);
            Area { name, is_current: rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')), href }
        };
        let dashboard = Dashboard {
            theme: self.theme,
            areas: login.map(|_| AREAS.iter().map(area).collect()).unwrap_or_default(),
            login: login.filter(|login| !login.is_empty()).map(str::to_owned),
            account: vec![
                Link::new("Use another account", sign_in_to(&self.address)),
                Link::new("Sign out", SIGN_OUT.to_owned()),
            ],
        };
        let document = dashboard.render(screen);
        let reply = Reply::empty(status)
            .with_body("text/html; charset=utf-8", document.html.into_bytes())
            .with_header("content-security-policy", &document.policy)
            // With `no-referrer`, a browser sends `Origin: null` with a form.
            .with_header("referrer-policy", "same-origin")
            .with_header("vary", "Cookie");
        with_cookies(reply, &self.cookies)
    }
}

fn sign_in_to(address: &str) -> String {
    [SIGN_IN, "?to=", &encoded(address)].concat()
}

impl Desk<'_> {
    /// The answer with a page for the administrator.
    pub(super) fn page(&self, status: u16, screen: &Screen) -> Reply {
        self.around.page(status, screen, Some(self.login.as_deref().unwrap_or_default()))
    }
}
