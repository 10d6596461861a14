//! All settings of a deployment, checked.

use core::time::Duration;
use std::collections::BTreeSet;

use super::{
    limits::LimitSettings,
    master::MasterKeys,
    reader::ConfigError,
    route_context::RouteContext,
    types::{
        AdminSettings, Argon2Cost, Client, CookieSettings, ExternalIssuer, IdentitySource, JwksSettings,
        MetricsSettings, NotifierSettings, Profile, RefreshSettings, Registration, RevocationSettings,
        RingSettings, RoutesInKv,
    },
};
use crate::{encoding::text_set, gateway::Route};

/// The whole configuration, checked. Its `Debug` form holds no secret.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where Postern runs.
    pub profile: Profile,
    /// Our own `iss`.
    pub issuer: String,
    /// The `aud` of our access tokens, and what the gate asks of them.
    pub audience: String,
    /// The master secrets.
    pub master_keys: MasterKeys,
    /// How long an access token of ours is valid, before jitter.
    pub access_token_lifetime: Duration,
    /// How far clocks may differ when `exp`, `nbf` and `iat` are checked.
    pub leeway: Duration,
    /// Refresh families.
    pub refresh: RefreshSettings,
    /// Our clients; the first one is taken when a sign-in names none.
    pub clients: Vec<Client>,
    /// Whether strangers may make themselves an account.
    pub registration: Registration,
    /// What a user who registers may do.
    pub default_scopes: BTreeSet<String>,
    /// The refresh cookie.
    pub cookie: CookieSettings,
    /// Origins whose pages may call `/auth`.
    pub cors_origins: BTreeSet<String>,
    /// How long key sets are used.
    pub jwks: JwksSettings,
    /// How the gate learns of revocations.
    pub revocation: RevocationSettings,
    /// Other issuers whose access tokens are trusted.
    pub issuers: Vec<ExternalIssuer>,
    /// The route table, in order; empty when it is in KV.
    pub routes: Vec<Route>,
    /// Where the route table is, when it is in KV.
    pub routes_in_kv: Option<RoutesInKv>,
    /// The cost of new password hashes.
    pub password: Argon2Cost,
    /// The calendar of our own signing keys.
    pub keys: RingSettings,
    /// Who keeps the users.
    pub identity: IdentitySource,
    /// What carries messages to users.
    pub notifier: Option<NotifierSettings>,
    /// Metrics.
    pub metrics: MetricsSettings,
    /// The producer binding of a queue that gets every event.
    pub events_queue: Option<String>,
    /// Limits against abuse.
    pub limits: LimitSettings,
    /// The administrators' API.
    pub admin: AdminSettings,
    /// Settings that stand there and do nothing any more, and why.
    pub retired: Vec<ConfigError>,
}

impl Config {
    /// What a route table of this configuration is checked against.
    pub fn route_context(&self) -> RouteContext {
        let external = self.issuers.iter().map(|external| external.issuer.clone());
        RouteContext {
            issuers: text_set(external.chain([self.issuer.clone()])),
            profile: self.profile,
            access_cookie: self.cookie.access,
            audience: self.audience.clone(),
        }
    }

    /// The configuration for people, one setting a line, without secrets.
    pub fn redacted(&self) -> String {
        format!("{self:#?}")
    }

    /// The client of this id.
    pub fn client(&self, client_id: &str) -> Option<&Client> {
        self.clients.iter().find(|client| client.client_id == client_id)
    }
}
