//! What an isolate keeps: the configuration made ready for use, and memory that may be lost at
//! any time without harm.

pub(crate) mod assertions;
pub(crate) mod feed_memory;
mod hash_queue;
pub(crate) mod issuers;
mod readiness;
mod receipts;
pub(crate) mod route_tables;
mod throttle_cache;
pub(crate) mod token_cache;
pub(crate) mod turn;

use crate::config::Client;
use crate::config::Config;
use crate::config::ConfigError;
use crate::config::ContextChange;
use crate::config::cookie_names::FIXED_COOKIES;
use crate::events::EventBuffer;
use crate::gateway::StaleFeed;
use crate::identity::HashParameters;
use crate::isolate::assertions::Assertions;
use crate::isolate::feed_memory::FeedMemory;
use crate::isolate::hash_queue::HashQueue;
use crate::isolate::issuers::TrustedIssuer;
use crate::isolate::issuers::trusted_issuers;
use crate::isolate::readiness::Readiness;
use crate::isolate::receipts::Receipts;
use crate::isolate::route_tables::RouteTables;
use crate::isolate::throttle_cache::ThrottleCache;
use crate::isolate::token_cache::TokenCache;
use crate::isolate::turn::Turn;
use crate::jose::KnownHeaders;
use crate::jose::MAX_TOKEN_BYTES;
use crate::jwks::CachePolicy;
use crate::jwks::CachedSet;
use crate::keys::RingPolicy;
use crate::keys::signing::SigningKeys;
use crate::metrics::Counters;
use crate::refresh::DriftPolicy;
use crate::refresh::Lifetimes;
use crate::refresh::Limits;
use crate::revocation::FeedPolicy;
use crate::revocation::LONGEST_HEARTBEAT;
use crate::secrets::Master;
use crate::secrets::Masters;
use crate::text_map::TextMap;
use crate::time::Timestamp;
use core::cell::Cell;
use core::cell::RefCell;
use core::time::Duration;
use std::collections::HashMap;
use std::rc::Rc;

/// From this drift score on a client that asks for it demands a new sign-in: another country
/// with another network (45), or another program on another platform (70); not a phone that
/// leaves its WLAN (10).
const SIGN_IN_FROM_SCORE: u8 = 45;

/// What may be lost at any time.
#[derive(Debug, Default)]
pub struct Memory {
    /// Key sets by issuer.
    pub(crate) key_sets: RefCell<HashMap<String, Rc<CachedSet>>>,
    /// Until when an issuer's object need not be asked: it had nothing.
    pub(crate) unavailable_until: RefCell<HashMap<String, Timestamp>>,
    /// The key that signs.
    pub(crate) signing: SigningKeys,
    /// Headers of tokens that were verified.
    pub(crate) headers: KnownHeaders,
    /// Tokens that were verified.
    pub(crate) tokens: RefCell<TokenCache>,
    /// What was revoked.
    pub(crate) feed: FeedMemory,
    /// Who asks the key ring for the key set that is published.
    pub(crate) own_keys: Turn,
    /// What `/readyz` found.
    pub(crate) readiness: Readiness,
    /// Assertions that were signed.
    pub(crate) assertions: Assertions,
    /// Receipts that were confirmed.
    pub(crate) receipts: Receipts,
    /// Calls that need not be asked about: they are refused until a time that is known.
    pub(crate) refusals: ThrottleCache,
    /// Passwords that wait to be hashed.
    pub(crate) hash_queue: HashQueue,
    /// Whether the local profile's users are there.
    pub(crate) seeded: Cell<bool>,
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
    pub(crate) tables: RouteTables,
    pub(crate) issuers: TextMap<TrustedIssuer>,
    pub(crate) hash_parameters: HashParameters,
    /// Events that wait to be put into the queue.
    pub event_buffer: EventBuffer,
    /// What was counted and not sent off yet.
    pub counters: Counters,
    pub(crate) memory: Memory,
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
        let cookies =
            core::iter::once(config.cookie.name.as_str()).chain(FIXED_COOKIES).map(str::to_owned).collect();
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
            tables: RouteTables::new(&config, cookies),
            issuers: trusted_issuers(&config),
            hash_parameters,
            event_buffer: EventBuffer::default(),
            counters: Counters::default(),
            memory: Memory { headers: known_headers(&config), ..Memory::default() },
            config,
        })
    }

    /// What a change of context leads to for this client.
    pub(crate) const fn drift(client: &Client) -> DriftPolicy {
        match client.on_context_change {
            ContextChange::SignIn => DriftPolicy::SignIn { from_score: SIGN_IN_FROM_SCORE },
            ContextChange::Log => DriftPolicy::Log,
        }
    }

    /// The windows a refresh is judged by.
    pub(crate) fn limits(&self) -> Limits {
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
    pub(crate) const fn lifetimes(client: &Client) -> Lifetimes {
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
pub(crate) fn known_headers(config: &Config) -> KnownHeaders {
    let longest = config.issuers.iter().map(|issuer| issuer.max_token_bytes).max();
    KnownHeaders::new(longest.unwrap_or_default().max(MAX_TOKEN_BYTES))
}
