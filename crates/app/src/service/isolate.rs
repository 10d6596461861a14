//! What an isolate keeps: the configuration made ready for use, and memory that may be lost at
//! any time without harm.

use core::{
    cell::{Cell, RefCell},
    time::Duration,
};
use std::{collections::HashMap, rc::Rc};

use super::{
    assertion::Assertions, feed::FeedMemory, hash_queue::HashQueue, health::Readiness,
    key_sets::OwnOrExternal, receipts::Receipts, refusals::Refusals, tables::Tables, token_cache::TokenCache,
    turn::Turn,
};
use crate::{
    config::{Client, Config, ConfigError, ContextChange, TypRule},
    gateway::StaleFeed,
    identity::HashParameters,
    jose::{KnownHeaders, MAX_TOKEN_BYTES, SignatureAlgorithm},
    jwks::{CachePolicy, CachedSet, IssuerSource, KeyLocation},
    jwt::{ClaimSource, RolesForm, TypPolicy, ValidationPolicy},
    keys::{RingPolicy, signing::SigningKeys},
    observe::{Outbox, metrics::Counters},
    refresh::{DriftPolicy, Lifetimes, Limits},
    revocation::{FeedPolicy, LONGEST_HEARTBEAT},
    secrets::{Master, Masters},
    text_map::TextMap,
    time::Timestamp,
};

/// From this drift score on a client that asks for it demands a new sign-in: another country
/// with another network (45), or another program on another platform (70); not a phone that
/// leaves its WLAN (10).
const SIGN_IN_FROM_SCORE: u8 = 45;

/// A trusted issuer: what its tokens must look like, and where its keys come from.
#[derive(Debug, Clone)]
pub(super) struct TrustedIssuer {
    pub(super) policy: ValidationPolicy,
    pub(super) keys: OwnOrExternal,
}

/// What may be lost at any time.
#[derive(Debug, Default)]
pub struct Memory {
    /// Key sets by issuer.
    pub(super) key_sets: RefCell<HashMap<String, Rc<CachedSet>>>,
    /// Until when an issuer's object need not be asked: it had nothing.
    pub(super) unavailable_until: RefCell<HashMap<String, Timestamp>>,
    /// The key that signs.
    pub(super) signing: SigningKeys,
    /// Headers of tokens that were verified.
    pub(super) headers: KnownHeaders,
    /// Tokens that were verified.
    pub(super) tokens: RefCell<TokenCache>,
    /// What was revoked.
    pub(super) feed: FeedMemory,
    /// Who asks the key ring for the key set that is published.
    pub(super) own_keys: Turn,
    /// What `/readyz` found.
    pub(super) readiness: Readiness,
    /// Assertions that were signed.
    pub(super) assertions: Assertions,
    /// Receipts that were confirmed.
    pub(super) receipts: Receipts,
    /// Calls that need not be asked about: they are refused until a time that is known.
    pub(super) refusals: Refusals,
    /// Passwords that wait to be hashed.
    pub(super) hash_queue: HashQueue,
    /// Whether the local profile's users are there.
    pub(super) seeded: Cell<bool>,
}

/// The configuration made ready, and the memory.
#[derive(Debug)]
pub struct Isolate {
    /// As configured.
    pub config: Config,
    /// The master secrets.
    pub masters: Masters,
    /// The key ring's calendar.
    pub ring_policy: RingPolicy,
    /// How often the revocation feed is written, and how much it holds.
    pub feed_policy: FeedPolicy,
    /// Where the revocation feed is in KV.
    pub feed_key: String,
    /// How old key sets may be.
    pub cache_policy: CachePolicy,
    pub(super) tables: Tables,
    pub(super) issuers: TextMap<TrustedIssuer>,
    pub(super) hash_parameters: HashParameters,
    /// Events that wait to be put into the queue.
    pub outbox: Outbox,
    /// What was counted and not sent off yet.
    pub counters: Counters,
    pub(super) memory: Memory,
}

impl Isolate {
    /// Prepares a configuration.
    ///
    /// # Errors
    /// Mistakes that only the modules concerned can see.
    pub fn new(config: Config) -> Result<Self, Vec<ConfigError>> {
        let mistake = |path: &str, problem: &str| {
            vec![ConfigError { path: path.to_owned(), problem: problem.to_owned() }]
        };
        let mut masters =
            config.master_keys.as_slice().iter().map(|(id, secret)| Master::derive(*id, secret));
        let current = masters
            .next()
            .and_then(Result::ok)
            .ok_or_else(|| mistake("POSTERN_MASTER_KEY", "must contain at least one usable secret"))?;
        let former = masters
            .collect::<Result<_, _>>()
            .map_err(|_| mistake("POSTERN_MASTER_KEY", "contains a secret that is too short"))?;
        let password = config.password;
        let hash_parameters =
            HashParameters::new(password.memory_kib, password.iterations, password.parallelism)
                .ok_or_else(|| mistake("POSTERN_PASSWORD", "costs more memory than an isolate has"))?;
        // The access cookie's name too when nobody gets one: what was set before a change of
        // configuration is still a token.
        let cookies = core::iter::once(config.cookie.name.as_str())
            .chain(super::FIXED_COOKIES)
            .map(str::to_owned)
            .collect();
        Ok(Self {
            masters: Masters::new(current, former),
            ring_policy: RingPolicy {
                algorithm: config.keys.algorithm,
                publish_lead: config.keys.publish_lead,
                active_period: config.keys.active_period,
                access_token_lifetime: config.access_token_lifetime,
                leeway: config.leeway,
                client_cache: config.keys.client_cache,
                // A ring that turns in seconds has signers that ask it as often.
                signer_cache: RingPolicy::default().signer_cache.min(config.keys.client_cache),
                ..RingPolicy::default()
            },
            feed_key: crate::revocation::kv_key(&config.issuer),
            feed_policy: FeedPolicy { heartbeat: heartbeat(&config), ..FeedPolicy::default() },
            cache_policy: CachePolicy {
                soft_age: config.jwks.soft_age,
                hard_age: config.jwks.hard_age,
                unknown_kid_cooldown: config.jwks.unknown_kid_cooldown,
                timeout: config.jwks.timeout,
                ..CachePolicy::default()
            },
            tables: Tables::new(&config, cookies),
            issuers: trusted_issuers(&config),
            hash_parameters,
            outbox: Outbox::default(),
            counters: Counters::default(),
            memory: Memory { headers: known_headers(&config), ..Memory::default() },
            config,
        })
    }

    /// What a change of context leads to for this client.
    pub(super) const fn drift(client: &Client) -> DriftPolicy {
        match client.on_context_change {
            ContextChange::SignIn => DriftPolicy::SignIn { from_score: SIGN_IN_FROM_SCORE },
            ContextChange::Log => DriftPolicy::Log,
        }
    }

    /// The windows a refresh is judged by.
    pub(super) fn limits(&self) -> Limits {
        let refresh = &self.config.refresh;
        Limits {
            reuse_interval: refresh.reuse_interval,
            lost_response_window: refresh.lost_response_window,
            max_late_retries: u16::try_from(refresh.max_late_retries).unwrap_or(u16::MAX),
            receipts: refresh.receipts,
            pace: self.config.limits.refresh_family,
            ..Limits::default()
        }
    }

    /// How long a sign-in by this client may last.
    pub(super) const fn lifetimes(client: &Client) -> Lifetimes {
        Lifetimes { idle: client.idle_lifetime, absolute: client.absolute_lifetime }
    }
}

/// How often the feed is written even when nothing changes. Where a route refuses by the feed's age
/// it is twice within that age, so that the copy in KV serves while the object is away: with the
/// default of 5 minutes 576 writes a day, of the 1000 that KV's free plan has.
fn heartbeat(config: &Config) -> Duration {
    let asked = config.routes.iter().any(|route| route.stale_feed == StaleFeed::Refuse);
    // A table in KV may come to ask for it at any time.
    if asked || config.routes_in_kv.is_some() {
        LONGEST_HEARTBEAT.min(config.revocation.max_age / 2)
    } else {
        LONGEST_HEARTBEAT
    }
}

/// No header known yet, and tokens as long as any issuer's may be.
pub(super) fn known_headers(config: &Config) -> KnownHeaders {
    let longest = config.issuers.iter().map(|issuer| issuer.max_token_bytes).max();
    KnownHeaders::new(longest.unwrap_or_default().max(MAX_TOKEN_BYTES))
}

pub(super) fn trusted_issuers(config: &Config) -> TextMap<TrustedIssuer> {
    let own = TrustedIssuer {
        policy: ValidationPolicy {
            leeway: config.leeway,
            ..ValidationPolicy::own(config.issuer.clone(), vec![config.audience.clone()])
        },
        keys: OwnOrExternal::Own,
    };
    let external = config.issuers.iter().map(|issuer| {
        let trusted = TrustedIssuer {
            policy: ValidationPolicy {
                leeway: issuer.leeway.unwrap_or(config.leeway),
                max_token_bytes: issuer.max_token_bytes,
                typ: match issuer.typ {
                    TypRule::AccessToken => TypPolicy::access_token(),
                    TypRule::Any => TypPolicy::AllowAbsentOrJwt,
                },
                // Who says `at+jwt` says that RFC 9068 is followed.
                rfc9068: issuer.typ == TypRule::AccessToken,
                // Config knows no other names.
                algorithms: issuer
                    .algorithms
                    .iter()
                    .filter_map(|name| name.parse().ok())
                    .collect::<Vec<SignatureAlgorithm>>(),
                audience_claim: source(issuer.audience_claim.iter(), "aud"),
                subject_claim: source(issuer.subject_claim.iter().flatten(), "sub"),
                scope_claim: source(issuer.scope_claim.iter(), "scope"),
                // Who says what roles look like means what is in the claim.
                roles_claim: match (&issuer.roles_claim, issuer.roles_form) {
                    (None, RolesForm::Keys | RolesForm::Names) => ClaimSource::named(["roles"]),
                    (named, _) => source(named.iter().flatten(), "roles"),
                },
                roles_form: issuer.roles_form,
                tenant_claim: source(issuer.tenant_claim.iter(), "tenant_id"),
                client_claim: source(issuer.client_claim.iter().flatten(), "client_id"),
                ..ValidationPolicy::external(
                    issuer.issuer.clone(),
                    issuer.audiences.iter().cloned().collect(),
                )
            },
            keys: OwnOrExternal::External(IssuerSource {
                issuer: issuer.issuer.clone(),
                location: match &issuer.jwks_uri {
                    Some(uri) => KeyLocation::JwksUri(uri.clone()),
                    None => KeyLocation::Discovery,
                },
                local: config.profile == crate::config::Profile::Local,
            }),
        };
        (issuer.issuer.clone(), trusted)
    });
    let mut trusted: TextMap<_> = external.collect();
    trusted.insert(config.issuer.clone(), own);
    trusted
}

/// The claims that an issuer's settings name, or the usual one.
fn source<'a>(named: impl Iterator<Item = &'a String>, usual: &'static str) -> ClaimSource {
    let named: Vec<&str> = named.map(String::as_str).collect();
    if named.is_empty() { ClaimSource::usual(usual) } else { ClaimSource::named(named) }
}
