//! What a request for a page is about: its language, the pending authorization request, the browser.

use postern_oauth::{form::Parameters, metadata::paths::AUTHORIZE, scope::Scopes};
use postern_pages::{Document, Frame, Hidden, Language, Scope, Theme};

use crate::{
    config::{PagesSettings, cookie_names::LANGUAGE_COOKIE},
    http::{Reply, RequestView},
    ids::BrowserId,
    pages::{
        client_face::ClientFace,
        destination::Destination,
        form_token,
        pending::{Pending, encoded, split},
    },
    ports::{Clock as _, Fault},
    runtime::{Runtime, ports::Ports},
    time::Timestamp,
    web::{cookies::with_cookies, endpoints::page_paths::SIGN_IN, language::language_of},
};

/// How long a chosen language is remembered, in seconds: a year.
const LANGUAGE_LIFETIME: u32 = 366 * 86_400;

/// What came with a request for a page.
pub(crate) enum Arrived<'a> {
    /// The fields of a query or of a form.
    Fields(Parameters<'a>),
    /// An authorization request, as a query.
    Pending(&'a str),
}

/// A request for a page.
pub(crate) struct Visit<'v> {
    settings: &'v PagesSettings,
    /// The path of the page.
    path: &'static str,
    /// The language of the page.
    pub(crate) language: Language,
    /// The pending authorization request.
    pub(crate) pending: Option<Pending>,
    /// Where a sign-in without one leads.
    to: Option<Destination>,
    /// Its client, if that is proved.
    pub(crate) client: Option<ClientFace>,
    /// Why the client could not be looked up. Then the page says that, and nothing else is done.
    pub(crate) fault: Option<Fault>,
    /// The id of the browser.
    pub(crate) browser: BrowserId,
    /// The `Set-Cookie` lines of the answer.
    cookies: Vec<String>,
}

impl<'v> Visit<'v> {
    /// Reads a request. `fields` are those of the query or of the posted form; at the endpoint of authorization requests
    /// they are the request itself.
    pub(crate) async fn of<P: Ports>(
        runtime: &'v Runtime<P>,
        settings: &'v PagesSettings,
        path: &'static str,
        request: &impl RequestView,
        fields: &Arrived<'_>,
    ) -> Result<Self, Fault> {
        let (pending, locales, to) = match fields {
            Arrived::Fields(fields) => (
                fields.one("request").ok().flatten().and_then(Pending::parse),
                fields.one("ui_locales").ok().flatten(),
                fields.one("to").ok().flatten(),
            ),
            Arrived::Pending(query) => (Pending::parse(split(query).0), None, None),
        };
        let to = to.and_then(|to| Destination::parse(&runtime.isolate.config, to));
        let mut cookies = Vec::new();
        let browser = if let Some(browser) = form_token::browser(request) {
            browser
        } else {
            let browser = BrowserId::random(runtime.ports.platform())?;
            cookies.push(form_token::browser_cookie(browser));
            browser
        };
        let chosen = locales.and_then(Language::of_locales);
        if let Some(language) = chosen {
            cookies.push(format!(
                "{LANGUAGE_COOKIE}={}; Path=/; Max-Age={LANGUAGE_LIFETIME}; HttpOnly; Secure; SameSite=Lax",
                language.tag()
            ));
        }
        let of_client = || Language::of_locales(&pending.as_ref()?.parameter("ui_locales")?);
        let language =
            chosen.or_else(of_client).or_else(|| language_of(request)).unwrap_or(Language::English);
        let (client, fault) = match &pending {
            None => (None, None),
            Some(pending) => match ClientFace::of(runtime, pending).await {
                Ok(client) => (client, None),
                Err(fault) => (None, Some(fault)),
            },
        };
        Ok(Self { settings, path, language, pending, to, client, fault, browser, cookies })
    }

    /// As it is, for an answer that sets no cookie.
    pub(crate) fn without_cookies(self) -> Self {
        Self { cookies: Vec::new(), ..self }
    }

    /// Whether a sign-in leads to the administrators' dashboard.
    pub(crate) const fn is_for_dashboard(&self) -> bool {
        matches!(self.to, Some(Destination::Dashboard(_)))
    }

    /// The settings of the pages.
    pub(crate) const fn settings(&self) -> &'v PagesSettings {
        self.settings
    }

    /// The name of the client, for a page.
    pub(crate) fn client_name(&self) -> Option<&str> {
        self.client.as_ref().map(|client| client.name.as_str())
    }

    /// The address of another page, for the same pending request.
    pub(crate) fn link(&self, path: &str) -> String {
        self.link_with(path, &[])
    }

    /// As [`Self::link`], with further parameters.
    pub(crate) fn link_with(&self, path: &str, more: &[(&str, &str)]) -> String {
        let request = self.pending.as_ref().map(|pending| ("request", pending.query()));
        let to = self.to.as_ref().map(|to| ("to", to.name()));
        let mut link = path.to_owned();
        for (number, (name, value)) in request.into_iter().chain(to).chain(more.iter().copied()).enumerate() {
            link.push(if number == 0 { '?' } else { '&' });
            link.push_str(name);
            link.push('=');
            link.push_str(&encoded(value));
        }
        link
    }

    fn theme(&self) -> &'v Theme {
        self.settings.theme_of(self.client.as_ref().map(|client| client.client_id.as_str()))
    }

    /// The surroundings of a page. `again` says that the page can be had by its address in another language.
    pub(crate) fn frame(&self, again: bool) -> Frame<'v> {
        let address = |language: Language| (language, self.link_in(language));
        Frame {
            language: self.language,
            theme: self.theme(),
            in_languages: if again { Language::ALL.map(address).to_vec() } else { Vec::new() },
            form_targets: self.client.iter().map(|client| client.form_target.clone()).collect(),
        }
    }

    fn link_in(&self, language: Language) -> String {
        let (path, tag) = (self.path, language.tag());
        match &self.pending {
            Some(pending) if path == AUTHORIZE => format!("{path}?{}", pending.in_language(tag)),
            None => self.link_with(path, &[("ui_locales", tag)]),
            Some(pending) => {
                format!("{path}?request={}&ui_locales={tag}", encoded(&pending.in_language(tag)))
            }
        }
    }

    /// The hidden fields of the form that is posted to `action`.
    pub(crate) fn hidden<'h>(&'h self, action: &'h str, form_token: &'h str) -> Hidden<'h> {
        let request = self.pending.as_ref().map(Pending::query);
        Hidden { action, form_token, request, to: self.to.as_ref().map(Destination::name) }
    }

    /// The scopes, each with what the operator wrote of it in the language of the page.
    pub(crate) fn described<'s>(&'s self, scopes: &'s Scopes) -> Vec<Scope<'s>> {
        let described = |name| Scope { name, description: self.settings.description(name, self.language) };
        scopes.iter().map(described).collect()
    }

    /// A token for the form that is posted to `address`.
    pub(crate) fn token<P: Ports>(&self, runtime: &Runtime<P>, address: &str) -> Result<String, Fault> {
        let platform = runtime.ports.platform();
        form_token::issue(runtime.isolate.masters.current(), self.browser, address, platform.now(), platform)
    }

    /// Where the browser goes after a sign-in: back to the pending request, with a token that says since when it is
    /// pending, or to the page that says who is signed in.
    pub(crate) fn onwards<P: Ports>(
        &self,
        runtime: &Runtime<P>,
        begun_at: Timestamp,
    ) -> Result<String, Fault> {
        let Some(pending) = &self.pending else {
            return Ok(self.to.as_ref().map_or(SIGN_IN, Destination::address).to_owned());
        };
        let master = runtime.isolate.masters.current();
        let address = pending.address();
        let begun = form_token::issue(master, self.browser, &address, begun_at, runtime.ports.platform())?;
        Ok(pending.back(&begun))
    }

    /// The answer with a page.
    pub(crate) fn page(&self, status: u16, document: Document) -> Reply {
        let reply = Reply::empty(status)
            .with_body("text/html; charset=utf-8", document.html.into_bytes())
            .with_header("content-security-policy", &document.policy)
            // With `no-referrer`, a browser sends `Origin: null` with a form.
            .with_header("referrer-policy", "same-origin")
            .with_header("vary", "Accept-Language, Cookie");
        with_cookies(reply, &self.cookies)
    }

    /// The answer that sends the browser elsewhere, with a GET.
    pub(crate) fn redirect(&self, location: &str) -> Reply {
        with_cookies(Reply::empty(303).with_header("location", location), &self.cookies)
    }
}
