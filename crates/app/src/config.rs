//! The configuration: reads the Worker's vars and secrets into typed values, and reports every mistake at once, by name.
//! `docs/reference/configuration.md` has the table of all variables.

pub(crate) mod cookie_names;
mod cookies;
mod document;
mod forwarding;
mod issuers;
mod limits;
mod master;
mod oauth;
mod oauth_clients;
mod origins;
mod pages;
mod reader;
mod registration;
mod resources;
mod route_context;
mod routes;
#[cfg(test)]
mod schema_tests;
mod sections;
mod settings;
mod token_size;
mod types;
mod values;

use core::time::Duration;
use std::collections::BTreeMap;

use postern_oauth::client::Clients;
use serde_json::Value;

pub use document::RouteDocument;
pub use limits::LimitSettings;
pub use master::MasterKeys;
pub use oauth::{DocumentHosts, OauthSettings};
pub(crate) use oauth_clients::{
    ADDED_MEMBERS as ADDED_CLIENT_MEMBERS, CONFIDENTIAL, STORED_MEMBERS as STORED_CLIENT_MEMBERS,
};
pub use pages::PagesSettings;
pub use reader::ConfigError;
pub use registration::ClientRegistrationSettings;
pub use route_context::RouteContext;
pub use settings::Config;
pub use token_size::TokenTooLarge;
pub use types::{
    AdminSettings, Argon2Cost, Client, ClientKind, ContextChange, CookieSettings, ExternalIssuer,
    IdentitySource, JwksSettings, MetricsSettings, NotifierSettings, NotifierWay, Profile, RefreshSettings,
    Registration, RevocationSettings, RingSettings, RoutesInKv, TypRule,
};

use self::{
    reader::{Mistakes, Node, PREFIX},
    values::UrlRule,
};
use crate::{encoding::text_set, identity::Grants};

/// The names of all variables, in the order of the documentation.
pub(crate) const VARIABLES: [&str; 29] = [
    "POSTERN_PROFILE",
    "POSTERN_ISSUER",
    "POSTERN_AUDIENCE",
    "POSTERN_MASTER_KEY",
    "POSTERN_ACCESS_TOKEN_LIFETIME",
    "POSTERN_LEEWAY",
    "POSTERN_REFRESH",
    "POSTERN_CLIENTS",
    "POSTERN_OAUTH",
    "POSTERN_REGISTRATION",
    "POSTERN_DEFAULT_SCOPES",
    "POSTERN_SCOPE_IMPLIES",
    "POSTERN_COOKIE",
    "POSTERN_CORS_ORIGINS",
    "POSTERN_JWKS",
    "POSTERN_REVOCATION",
    "POSTERN_ISSUERS",
    "POSTERN_ROUTES",
    "POSTERN_PASSWORD",
    "POSTERN_KEYS",
    "POSTERN_IDENTITY",
    "POSTERN_NOTIFIER",
    "POSTERN_METRICS",
    "POSTERN_METRICS_TOKEN",
    "POSTERN_EVENTS",
    "POSTERN_TRACES",
    "POSTERN_LIMITS",
    "POSTERN_ADMIN",
    "POSTERN_PAGES",
];

impl Config {
    /// Reads the Worker's vars and secrets. Each value is a JSON value, or a string that contains JSON, as in `.dev.vars`.
    /// Numbers and booleans may be strings. Names without the prefix `POSTERN_` are ignored.
    ///
    /// # Errors
    /// Returns all mistakes, ordered by path. No mistake repeats a value.
    pub fn from_vars(vars: &BTreeMap<String, Value>) -> Result<Self, Vec<ConfigError>> {
        let mistakes = Mistakes::default();
        let config = read(vars, &mistakes);
        mistakes.into_result(config)
    }
}

#[expect(clippy::too_many_lines, reason = "a line or two for each variable")]
fn read(vars: &BTreeMap<String, Value>, mistakes: &Mistakes) -> Option<Config> {
    for name in vars.keys() {
        if name.starts_with(PREFIX) && !VARIABLES.contains(&name.as_str()) {
            let meant = reader::nearest(name, &VARIABLES).map(|name| format!("; did you mean {name}?"));
            mistakes.add(name, format!("is not a variable of Postern{}", meant.unwrap_or_default()));
        }
    }
    let variable = |name: &str| {
        let name = format!("{PREFIX}{name}");
        vars.get(&name).and_then(|value| Node::variable(&name, value, mistakes))
    };
    let required = |name: &str, missing: &str| {
        if vars.get(&format!("{PREFIX}{name}")).is_none_or(Value::is_null) {
            mistakes.add(format!("{PREFIX}{name}"), missing);
        }
        variable(name)
    };

    let profile = variable("PROFILE")
        .and_then(|node| node.choice(&[("production", Profile::Production), ("local", Profile::Local)]))
        .unwrap_or(Profile::Production);
    let local = profile == Profile::Local;

    let issuer = required("ISSUER", "is missing: this deployment's URL, such as https://auth.example.com")
        .and_then(|node| node.parsed(|text| values::url(text, UrlRule::OwnIssuer, local)));
    let audience = match variable("AUDIENCE") {
        Some(node) => node.parsed(values::name),
        None => issuer.clone(),
    };
    let master_keys = required("MASTER_KEY", &["is missing: the master secret. ", master::MAKE].concat())
        .and_then(|node| master::read(&node));
    // Five to fifteen minutes: a shorter lifetime causes more refreshes, and a longer one delays every revocation.
    let shortest = if local { 1 } else { 300 };
    let access_token_lifetime = variable("ACCESS_TOKEN_LIFETIME")
        .and_then(|node| node.seconds(shortest..=900))
        .unwrap_or(Duration::from_mins(10));
    let leeway = variable("LEEWAY").and_then(|node| node.seconds(0..=120)).unwrap_or(Duration::from_secs(30));

    let refresh = sections::refresh(variable("REFRESH").as_ref(), local);
    let (clients, oauth_clients) = variable("CLIENTS")
        .and_then(|node| sections::clients(&node, &refresh, local))
        .unwrap_or_else(|| (vec![Client::first_party(&refresh)], Clients::default()));
    let oauth = variable("OAUTH")
        .and_then(|node| oauth::read(&node, &refresh))
        .unwrap_or_else(|| OauthSettings::without(&refresh));
    let registration = variable("REGISTRATION")
        .and_then(|node| node.choice(&[("closed", Registration::Closed), ("open", Registration::Open)]))
        .unwrap_or(Registration::Closed);
    let default_scopes = variable("DEFAULT_SCOPES")
        .and_then(|node| {
            let scopes = node.set(values::scope)?;
            if scopes.contains(crate::identity::ADMIN_SCOPE) {
                return node.wrong(
                    "must not contain the administrators' scope: every user who registers would get it",
                );
            }
            Some(scopes)
        })
        .unwrap_or_default();
    let scope_implies =
        variable("SCOPE_IMPLIES").and_then(|node| sections::scope_implies(&node)).unwrap_or_default();
    let cookie = variable("COOKIE").map(|node| cookies::read(&node, issuer.as_deref()));
    // If POSTERN_COOKIE has a mistake, its `access` is unknown, so no route gets a mistake because of it.
    let access_cookie = cookie.as_ref().is_some_and(|read| read.as_ref().is_none_or(|read| read.access));
    let cookie = cookie.flatten().unwrap_or_default();
    let cors_origins = variable("CORS_ORIGINS")
        .and_then(|node| node.set(|text| origins::origin(text, local)))
        .unwrap_or_default();
    let jwks = variable("JWKS").and_then(|node| sections::jwks(&node, local)).unwrap_or_default();
    let revocation =
        variable("REVOCATION").and_then(|node| sections::revocation(&node, local)).unwrap_or_default();
    let issuers = variable("ISSUERS");
    // Issuers with mistakes count, too, so that routes that name them get no second mistake.
    let trusted = variable("ISSUER").and_then(|node| node.any_text()).into_iter();
    let trusted: Vec<String> =
        trusted.chain(issuers.iter().flat_map(|node| node.texts_of("issuer"))).collect();
    let retired = issuers.as_ref().map(issuers::retired).unwrap_or_default();
    let issuers =
        issuers.and_then(|node| issuers::issuers(&node, issuer.as_deref(), local)).unwrap_or_default();
    let context = RouteContext {
        authorization_servers: resources::authorization_servers(trusted.iter().cloned(), local),
        issuers: text_set(trusted),
        scope_implies: scope_implies.clone(),
        profile,
        access_cookie,
        // No assertion has an empty audience.
        audience: audience.clone().unwrap_or_default(),
    };
    let (routes, routes_in_kv) = match variable("ROUTES") {
        // An object with a path is a route without the list around it.
        Some(node) if node.is_object() && !node.has("path") => {
            (Vec::new(), sections::routes_in_kv(&node, local))
        }
        Some(node) => (routes::read(&node, &context).unwrap_or_default(), None),
        None => Default::default(),
    };
    let password = variable("PASSWORD").and_then(|node| sections::password(&node, local)).unwrap_or_default();
    let keys = variable("KEYS").and_then(|node| sections::keys(&node, local)).unwrap_or_default();
    let limits = variable("LIMITS").and_then(|node| limits::read(&node, local)).unwrap_or_default();
    let pages = match variable("PAGES") {
        Some(node) => pages::read(&node, issuer.as_deref(), local),
        // Without pages, no user could answer a client of the authorization server.
        None if oauth_clients.is_empty() && !oauth.finds_clients() => None,
        None => issuer.as_deref().map(PagesSettings::of_issuer),
    };
    // In production the dashboard is another door to the administrators' calls, which an operator opens. In the local
    // profile it comes with the pages.
    let admin = {
        let dashboard = local && pages.is_some();
        let read = variable("ADMIN").and_then(|node| sections::admin(&node, dashboard));
        read.unwrap_or_else(|| AdminSettings { dashboard, ..AdminSettings::default() })
    };
    // Without pages, no administrator could sign in to it.
    let pages = pages.or_else(|| {
        issuer.as_deref().filter(|_| admin.dashboard && admin.enabled).map(PagesSettings::of_issuer)
    });

    let identity = variable("IDENTITY")
        .and_then(|node| sections::identity(&node, issuer.as_deref(), local))
        .unwrap_or(IdentitySource::Store);
    if identity != IdentitySource::Store && registration == Registration::Open {
        mistakes.add(
            "POSTERN_REGISTRATION",
            "must not be \"open\" while POSTERN_IDENTITY names a service that keeps the users",
        );
    }
    let notifier = variable("NOTIFIER").and_then(|node| sections::notifier(&node, local));
    let events_queue = variable("EVENTS").and_then(|node| sections::events_queue(&node));
    let traces = variable("TRACES").and_then(|node| sections::traces(&node)).unwrap_or_default();
    let metrics = sections::metrics(variable("METRICS").as_ref(), variable("METRICS_TOKEN").as_ref());

    let config = Config {
        profile,
        issuer: issuer?,
        audience: audience?,
        master_keys: master_keys?,
        access_token_lifetime,
        leeway,
        refresh,
        clients,
        oauth_clients,
        oauth,
        registration,
        default_scopes,
        scope_implies,
        cookie,
        cors_origins,
        jwks,
        revocation,
        issuers,
        routes,
        routes_in_kv,
        password,
        keys,
        identity,
        limits,
        notifier,
        metrics,
        events_queue,
        traces,
        admin,
        pages,
        retired,
    };
    let grants = Grants { scopes: config.default_scopes.iter().cloned().collect(), ..Grants::default() };
    if let Err(TokenTooLarge { bytes, most }) = config.fits_a_token(&"x".repeat(22), &grants, &[]) {
        let problem = format!(
            "must be shorter: an access token with these scopes would have {bytes} bytes, and at most {most} are allowed"
        );
        mistakes.add("POSTERN_DEFAULT_SCOPES", problem);
    }
    Some(config)
}
