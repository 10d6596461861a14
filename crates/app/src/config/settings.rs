//! All settings of a deployment, checked.

use core::time::Duration;
use std::collections::BTreeSet;

use postern_oauth::{
    client::{Client as OauthClient, Clients, SecretDigest},
    documents::ClientIdUrl,
};
use serde_json::Value;

use super::{
    limits::LimitSettings,
    master::MasterKeys,
    oauth::OauthSettings,
    oauth_clients,
    pages::PagesSettings,
    reader::ConfigError,
    resources::authorization_servers,
    route_context::RouteContext,
    types::{
        AdminSettings, Argon2Cost, Client, CookieSettings, ExternalIssuer, IdentitySource, JwksSettings,
        MetricsSettings, NotifierSettings, Profile, RefreshSettings, Registration, RevocationSettings,
        RingSettings, RoutesInKv,
    },
};
use crate::{
    encoding::text_set,
    gateway::{Route, ScopeImplications},
    trace::TraceRules,
};

/// The whole validated configuration. Its `Debug` form contains no secret.
#[derive(Debug, Clone)]
pub struct Config {
    /// The profile: production or local.
    pub profile: Profile,
    /// The issuer: `iss` of the deployment's tokens, and its URL.
    pub issuer: String,
    /// The `aud` of the deployment's access tokens, which the gate requires.
    pub audience: String,
    /// The master secrets.
    pub master_keys: MasterKeys,
    /// The lifetime of the deployment's access tokens, before jitter.
    pub access_token_lifetime: Duration,
    /// The accepted clock difference in the checks of `exp`, `nbf` and `iat`.
    pub leeway: Duration,
    /// The lifetimes and limits of refresh families.
    pub refresh: RefreshSettings,
    /// The deployment's clients. The first one is the default for sign-ins that name none.
    pub clients: Vec<Client>,
    /// The clients of the authorization server.
    pub oauth_clients: Clients,
    /// Where it finds others.
    pub oauth: OauthSettings,
    /// Whether people can register accounts.
    pub registration: Registration,
    /// The scopes of users who register.
    pub default_scopes: BTreeSet<String>,
    /// Which scope contains which.
    pub scope_implies: ScopeImplications,
    /// The refresh cookie.
    pub cookie: CookieSettings,
    /// Origins whose pages may call `/auth`.
    pub cors_origins: BTreeSet<String>,
    /// How long key sets are cached and used.
    pub jwks: JwksSettings,
    /// How often the gate reads the revocation feed.
    pub revocation: RevocationSettings,
    /// Other issuers whose access tokens are trusted.
    pub issuers: Vec<ExternalIssuer>,
    /// The route table in order. It is empty if the table is in KV.
    pub routes: Vec<Route>,
    /// The place of the route table in KV, if it is there.
    pub routes_in_kv: Option<RoutesInKv>,
    /// The cost of new password hashes.
    pub password: Argon2Cost,
    /// The rotation calendar of the deployment's signing keys.
    pub keys: RingSettings,
    /// The store of the users.
    pub identity: IdentitySource,
    /// The service or queue that delivers messages to users.
    pub notifier: Option<NotifierSettings>,
    /// The settings of metrics.
    pub metrics: MetricsSettings,
    /// The producer binding of a queue that gets every event.
    pub events_queue: Option<String>,
    /// Which traces the deployment takes part in.
    pub traces: TraceRules,
    /// Rate limits and lockouts.
    pub limits: LimitSettings,
    /// The settings of the administrators' API.
    pub admin: AdminSettings,
    /// The pages that a person sees. Without them, only the JSON calls are there.
    pub pages: Option<PagesSettings>,
    /// Settings that no longer have an effect, with the reason.
    pub retired: Vec<ConfigError>,
}

impl Config {
    /// The context by which a route table of this configuration is validated.
    pub fn route_context(&self) -> RouteContext {
        let external = self.issuers.iter().map(|external| external.issuer.clone());
        RouteContext {
            authorization_servers: authorization_servers(
                core::iter::once(self.issuer.clone()).chain(external.clone()),
                self.profile == Profile::Local,
            ),
            scope_implies: self.scope_implies.clone(),
            issuers: text_set(external.chain([self.issuer.clone()])),
            profile: self.profile,
            access_cookie: self.cookie.access,
            audience: self.audience.clone(),
        }
    }

    /// Whether there is an authorization server: there is none without clients, or a place where clients can be.
    pub(crate) fn has_authorization_server(&self) -> bool {
        !self.oauth_clients.is_empty() || self.oauth.finds_clients()
    }

    /// Whether administrators have the dashboard.
    pub(crate) const fn has_dashboard(&self) -> bool {
        self.admin.enabled && self.admin.dashboard && self.pages.is_some()
    }

    /// Reads the members of a stored client by the rules for `POSTERN_CLIENTS`.
    ///
    /// # Errors
    /// All mistakes, ordered by path (`redirect_uris[1]`). No mistake repeats a value.
    pub(crate) fn stored_client(
        &self,
        client_id: &str,
        members: &Value,
        secrets: Vec<SecretDigest>,
    ) -> Result<OauthClient, Vec<ConfigError>> {
        let local = self.profile == Profile::Local;
        oauth_clients::stored(client_id, members, secrets, (&self.refresh, local))
    }

    /// Whether a client has this id, for sign-ins or of the authorization server.
    pub(crate) fn has_client(&self, client_id: &str) -> bool {
        self.clients.iter().any(|client| client.client_id == client_id)
            || self.oauth_clients.find(client_id).is_some()
            || ClientIdUrl::parse(client_id).is_ok_and(|id| self.oauth.client_documents.allow(&id))
    }
}
