//! The smaller variables with their limits, in one function each.

use core::{ops::RangeInclusive, time::Duration};
use std::collections::{BTreeMap, BTreeSet};

use super::{
    AdminSettings, Argon2Cost, Client, IdentitySource, JwksSettings, MetricsSettings, NotifierSettings,
    NotifierWay, RefreshSettings, RevocationSettings, RingSettings, RoutesInKv, oauth_clients,
    reader::Node,
    values::{self, UrlRule},
};
use postern_oauth::client::Clients;
use sha2::{Digest as _, Sha256};

use crate::{
    audit::chain::Digest,
    gateway::{ScopeCircle, ScopeImplications},
    keys::SIGNING_ALGORITHMS,
    trace::TraceRules,
};

const DAY: u64 = 86_400;

/// The longest session lifetime that can be configured: a year.
const MAX_LIFETIME: u64 = 366 * DAY;

/// The most scopes that contain others. A variable holds fewer in production.
const MOST_BROADER_SCOPES: usize = 256;

pub(super) fn refresh(node: Option<&Node<'_>>, local: bool) -> RefreshSettings {
    let mut settings = RefreshSettings::default();
    let Some(fields) = node.and_then(|node| {
        node.object(&[
            "idle_lifetime",
            "absolute_lifetime",
            "reuse_interval",
            "lost_response_window",
            "receipts",
            "max_late_retries",
            "max_families",
        ])
    }) else {
        return settings;
    };
    let lifetime = lifetime_limits(local);
    settings.idle_lifetime =
        fields.or("idle_lifetime", settings.idle_lifetime, |node| node.seconds(lifetime.clone()));
    settings.absolute_lifetime =
        fields.or("absolute_lifetime", settings.absolute_lifetime, |node| node.seconds(lifetime.clone()));
    settings.reuse_interval =
        fields.or("reuse_interval", settings.reuse_interval, |node| node.seconds(0..=60));
    settings.receipts = fields.or("receipts", settings.receipts, Node::flag);
    // Without receipts, nothing closes the window early, so it must be short.
    let widest = if settings.receipts { DAY } else { 60 };
    if !settings.receipts {
        settings.lost_response_window = Duration::from_secs(widest);
    }
    settings.lost_response_window =
        fields.or("lost_response_window", settings.lost_response_window, |node| node.seconds(0..=DAY));
    if settings.lost_response_window > Duration::from_secs(widest) {
        fields.wrong("lost_response_window", "must be at most 60 while `receipts` is false");
    }
    let count = |node: &Node<'_>, limits| node.number(limits).and_then(|number| u32::try_from(number).ok());
    settings.max_late_retries =
        fields.or("max_late_retries", settings.max_late_retries, |node| count(node, 0..=100));
    settings.max_families = fields.or("max_families", settings.max_families, |node| count(node, 1..=500));
    if settings.absolute_lifetime < settings.idle_lifetime {
        fields.wrong("absolute_lifetime", below_idle(settings.idle_lifetime));
    }
    settings
}

/// Names the value of `idle_lifetime`, which may be a default that is not in the file.
pub(super) fn below_idle(idle: Duration) -> String {
    format!("must be at least `idle_lifetime`, which is {}", idle.as_secs())
}

pub(super) fn lifetime_limits(local: bool) -> RangeInclusive<u64> {
    // A session of less than five minutes would end before its first access token.
    if local { 1..=MAX_LIFETIME } else { 300..=MAX_LIFETIME }
}

/// The clients for sign-ins at `/auth/login`, and those of the authorization server. A client can be both.
pub(super) fn clients(
    node: &Node<'_>,
    refresh: &RefreshSettings,
    local: bool,
) -> Option<(Vec<Client>, Clients)> {
    let mut ids = BTreeSet::new();
    let mut of_server = Vec::new();
    let known = [&["client_id", oauth_clients::SECRETS], oauth_clients::STORED_MEMBERS].concat();
    let clients = node.each(|item| {
        let fields = item.object(&known)?;
        let client_id = fields.required("client_id").and_then(|node| {
            let id = node.parsed(values::client_id)?;
            if ids.insert(id.clone()) { Some(id) } else { node.wrong("is listed twice") }
        });
        let common =
            oauth_clients::Common::read(&fields, client_id.as_deref().unwrap_or_default(), refresh, local);
        let oauth = oauth_clients::read(&fields, &common);
        let signs_in = oauth.as_ref().is_none_or(|client| client.first_party);
        of_server.extend(oauth);
        let oauth_clients::Common { kind, lifetimes, on_context_change, .. } = common;
        let client = Client {
            client_id: client_id?,
            kind,
            idle_lifetime: lifetimes.idle,
            absolute_lifetime: lifetimes.absolute,
            on_context_change,
        };
        Some(signs_in.then_some(client))
    })?;
    if clients.is_empty() {
        return node.wrong("must not be empty");
    }
    let mut clients: Vec<Client> = clients.into_iter().flatten().collect();
    if clients.is_empty() {
        clients.push(Client::first_party(refresh));
    }
    Some((clients, Clients::new(of_server)))
}

pub(super) fn jwks(node: &Node<'_>, local: bool) -> Option<JwksSettings> {
    let fields = node.object(&["soft_age", "hard_age", "unknown_kid_cooldown", "timeout"])?;
    let defaults = JwksSettings::default();
    // The minimum values protect an issuer from a flood of fetches. Tests on one machine may use less.
    let least = |production: u64| if local { 1 } else { production };
    let settings = JwksSettings {
        soft_age: fields.or("soft_age", defaults.soft_age, |node| node.seconds(least(60)..=DAY)),
        hard_age: fields.or("hard_age", defaults.hard_age, |node| node.seconds(least(3600)..=7 * DAY)),
        unknown_kid_cooldown: fields
            .or("unknown_kid_cooldown", defaults.unknown_kid_cooldown, |node| node.seconds(least(10)..=3600)),
        timeout: fields.or("timeout", defaults.timeout, |node| node.seconds(1..=30)),
    };
    if settings.hard_age < settings.soft_age {
        fields.wrong("hard_age", "must be at least `soft_age`");
    }
    Some(settings)
}

pub(super) fn revocation(node: &Node<'_>, local: bool) -> Option<RevocationSettings> {
    let fields = node.object(&["reread", "max_age"])?;
    let defaults = RevocationSettings::default();
    // KV answers from its own copy for 30 s. Tests on one machine need not wait for that.
    let least = |production: u64| if local { 1 } else { production };
    let settings = RevocationSettings {
        reread: fields.or("reread", defaults.reread, |node| node.seconds(least(30)..=300)),
        // After the longest lifetime of an access token, a stale feed can miss nothing more.
        max_age: fields.or("max_age", defaults.max_age, |node| node.seconds(least(120)..=900)),
    };
    if settings.max_age < settings.reread * 3 {
        fields.wrong("max_age", "must be at least three times `reread`");
    }
    Some(settings)
}

pub(super) fn routes_in_kv(node: &Node<'_>, local: bool) -> Option<RoutesInKv> {
    let fields = node.object(&["kv", "refresh"])?;
    let key = fields.required("kv").and_then(|node| {
        let key = node.text()?;
        // The prefix separates it from the keys of key sets. KV accepts keys of up to 512 bytes.
        let sound = (key == "routes" || key.starts_with("routes:")) && key.len() <= 128;
        let plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte));
        if sound && plain {
            Some(key.to_owned())
        } else {
            node.wrong("must be \"routes\" or begin with \"routes:\", with at most 128 characters of A-Z a-z 0-9 . _ : -")
        }
    });
    // KV answers from a copy that is up to 30 s old, so reading more often has no effect.
    let least = if local { 1 } else { 30 };
    let refresh = fields.or("refresh", Duration::from_secs(30), |node| node.seconds(least..=3600));
    Some(RoutesInKv { key: key?, refresh })
}

/// Which scope contains which.
pub(super) fn scope_implies(node: &Node<'_>) -> Option<ScopeImplications> {
    let members = node.members()?;
    if members.len() > MOST_BROADER_SCOPES {
        return node.wrong(format!("must have at most {MOST_BROADER_SCOPES} scopes"));
    }
    let mut direct = BTreeMap::new();
    let mut is_sound = true;
    for (scope, inner) in &members {
        let scope = values::scope(scope).map_err(|problem| inner.wrong::<()>(format!("the name {problem}")));
        let contained = inner.filled_set(values::scope).filter(|contained| {
            let is_free = !contained.contains(crate::identity::ADMIN_SCOPE);
            if !is_free {
                let _: Option<()> = inner.wrong(
                    "must not contain the administrators' scope: the administrators' API takes only the scope itself",
                );
            }
            is_free
        });
        match (scope, contained) {
            (Ok(scope), Some(contained)) => {
                direct.insert(scope, contained);
            }
            _ => is_sound = false,
        }
    }
    match ScopeImplications::new(&direct) {
        Ok(implied) if is_sound => Some(implied),
        Ok(_) => None,
        Err(ScopeCircle { scope }) => {
            let at = members.iter().find(|(name, _)| *name == scope).map_or(node, |(_, member)| member);
            at.wrong("must not lead back to the scope itself")
        }
    }
}

pub(super) fn password(node: &Node<'_>, local: bool) -> Option<Argon2Cost> {
    let fields = node.object(&["memory_kib", "iterations", "parallelism"])?;
    let defaults = Argon2Cost::default();
    let read = |name, default, limits| {
        fields.or(name, default, |node: &Node<'_>| {
            node.number(limits).and_then(|number| u32::try_from(number).ok())
        })
    };
    // An isolate has 128 MB for everything, and WASM memory never shrinks.
    let least_memory = if local { 32 } else { 7168 };
    let cost = Argon2Cost {
        memory_kib: read("memory_kib", defaults.memory_kib, least_memory..=65_536),
        iterations: read("iterations", defaults.iterations, 1..=8),
        parallelism: read("parallelism", defaults.parallelism, 1..=4),
    };
    // The weakest of the equivalent settings that OWASP's password storage cheat sheet lists:
    // 7 MiB five times.
    if !local && u64::from(cost.memory_kib) * u64::from(cost.iterations) < 7168 * 5 {
        fields.wrong("", "is too weak: memory_kib x iterations must be at least 35840");
    }
    Some(cost)
}

pub(super) fn keys(node: &Node<'_>, local: bool) -> Option<RingSettings> {
    let fields = node.object(&["algorithm", "publish_lead", "active_period", "client_cache"])?;
    let defaults = RingSettings::default();
    // Clients need time to fetch a key before it signs, and rotation every hour would fill their caches. Tests on one machine
    // may use seconds for both.
    let least = |production: u64| if local { 1 } else { production };
    let settings = RingSettings {
        algorithm: fields.or("algorithm", defaults.algorithm, |node| {
            node.choice(&SIGNING_ALGORITHMS.map(|algorithm| (algorithm.name(), algorithm)))
        }),
        publish_lead: fields
            .or("publish_lead", defaults.publish_lead, |node| node.seconds(least(3600)..=30 * DAY)),
        active_period: fields
            .or("active_period", defaults.active_period, |node| node.seconds(least(DAY)..=366 * DAY)),
        client_cache: fields.or("client_cache", defaults.client_cache, |node| {
            if local {
                node.seconds(1..=defaults.client_cache.as_secs())
            } else {
                node.wrong("is allowed only with POSTERN_PROFILE = \"local\"")
            }
        }),
    };
    // In production, the lead is at least an hour, and caches last minutes.
    if settings.publish_lead < settings.client_cache {
        fields.wrong("publish_lead", "must be at least `client_cache`");
    }
    if settings.active_period < settings.publish_lead {
        fields.wrong("active_period", "must be at least `publish_lead`");
    }
    Some(settings)
}

pub(super) fn identity(node: &Node<'_>, own: Option<&str>, local: bool) -> Option<IdentitySource> {
    if node.is_text() {
        return node.choice(&[("d1", ())]).map(|()| IdentitySource::Store);
    }
    let fields = node.object(&["service", "issuer"])?;
    let binding = fields.required("service").and_then(|node| node.parsed(values::binding));
    let issuer = match fields.optional("issuer") {
        Some(node) => node.parsed(|text| values::url(text, UrlRule::Issuer, local)),
        None => own.map(str::to_owned),
    };
    Some(IdentitySource::Service { binding: binding?, issuer: issuer? })
}

pub(super) fn notifier(node: &Node<'_>, local: bool) -> Option<NotifierSettings> {
    let fields = node.object(&["service", "queue", "reset_page", "verify_page"])?;
    let way = match (fields.optional("service"), fields.optional("queue")) {
        (Some(service), None) => service.parsed(values::binding).map(NotifierWay::Service),
        (None, Some(queue)) => queue.parsed(values::binding).map(NotifierWay::Queue),
        (None, None) => {
            fields.wrong("service", "is missing; set `service` or `queue`");
            None
        }
        (Some(_), Some(queue)) => queue.wrong("must not be set together with `service`"),
    };
    let page = |name| {
        // A page may have a query. Postern adds the fragment.
        let page = |text: &str| values::url(text, UrlRule::Document, local);
        fields.optional(name).and_then(|node: &Node<'_>| node.parsed(page))
    };
    Some(NotifierSettings { reset_page: page("reset_page"), verify_page: page("verify_page"), way: way? })
}

/// The minimum length of the token in bytes: 32 characters of base64url are 192 random bits.
const MIN_METRICS_TOKEN: usize = 32;

pub(super) fn metrics(node: Option<&Node<'_>>, token: Option<&Node<'_>>) -> MetricsSettings {
    let mut settings = MetricsSettings::default();
    if let Some(fields) = node.and_then(|node| node.object(&["flush_interval", "dataset"])) {
        // The platform lets work continue for 30 s after a response.
        settings.flush_interval =
            fields.or("flush_interval", settings.flush_interval, |node| node.seconds(1..=25));
        settings.dataset = fields.optional("dataset").and_then(|node| node.parsed(values::binding));
    }
    settings.token = token.and_then(|node| {
        let text = node.text()?;
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte));
        // RFC 6750 section 2.1 defines the characters of a bearer token.
        if text.len() < MIN_METRICS_TOKEN || !plain {
            return node.wrong(format!(
                "must have at least {MIN_METRICS_TOKEN} characters of A-Z a-z 0-9 - . _ ~ + / ="
            ));
        }
        Some(Digest::from_bytes(Sha256::digest(text.as_bytes()).into()))
    });
    settings
}

pub(super) fn events_queue(node: &Node<'_>) -> Option<String> {
    node.object(&["queue"])?.required("queue")?.parsed(values::binding)
}

pub(super) fn traces(node: &Node<'_>) -> Option<TraceRules> {
    let fields = node.object(&["from_callers", "sampled_percent"])?;
    let percent = |node: &Node<'_>| node.number(0..=100).and_then(|number| u8::try_from(number).ok());
    Some(TraceRules {
        from_callers: fields.or("from_callers", true, Node::flag),
        sampled_percent: fields.optional("sampled_percent").and_then(percent),
    })
}

/// The settings of the administrators' API. `dashboard` is what is in force if they do not say it.
pub(super) fn admin(node: &Node<'_>, dashboard: bool) -> Option<AdminSettings> {
    let fields = node.object(&["enabled", "path", "max_sign_in_age", "dashboard"])?;
    let default = AdminSettings { dashboard, ..AdminSettings::default() };
    Some(AdminSettings {
        enabled: fields.or("enabled", default.enabled, Node::flag),
        path: fields.or("path", default.path, |node| node.parsed(values::own_path)),
        // A person needs at least a minute for any task. A day would be as long as a session.
        max_sign_in_age: fields.or("max_sign_in_age", default.max_sign_in_age, |node| node.seconds(60..=DAY)),
        dashboard: fields.or("dashboard", default.dashboard, Node::flag),
    })
}
