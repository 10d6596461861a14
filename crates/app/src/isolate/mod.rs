//! The state of an isolate: the prepared configuration, and caches that can be lost at any time without harm.

pub(crate) mod assertions;
pub(crate) mod client_cache;
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
use crate::config::cookie_names::FIXED_COOKIES;
use crate::events::EventBuffer;
use crate::gateway::StaleFeed;
use crate::identity::HashParameters;
use crate::isolate::assertions::Assertions;
use crate::isolate::client_cache::ClientCache;
use crate::isolate::feed_memory::FeedMemory;
use crate::isolate::hash_queue::HashQueue;
use crate::isolate::issuers::TrustedIssuer;
use crate::isolate::issuers::trusted_issuers;
use crate::isolate::readiness::Readiness;
use crate::isolate::receipts::Receipts;
use crate::isolate::route_tables::RouteTables;
use crate::isolate::throttle_cache::ThrottleCache;
use crate::isolate::token_cache::AnswerNumbers;
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
use crate::time::Timestamp;
use core::cell::Cell;
use core::cell::RefCell;
use core::time::Duration;
use postern_oauth::client::Clients;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// Caches that can be lost at any time.
#[derive(Debug, Default)]
pub struct Memory {
    /// Key sets by issuer.
    pub(crate) key_sets: RefCell<HashMap<String, Rc<CachedSet>>>,
    /// Until when an issuer's Durable Object is not called, because it had no set.
    pub(crate) unavailable_until: RefCell<HashMap<String, Timestamp>>,
    /// When a fetch of an issuer's keys failed last, as its Durable Object said.
    pub(crate) fetch_failed_at: RefCell<HashMap<String, Timestamp>>,
    /// The signing key.
    pub(crate) signing: SigningKeys,
    /// The clients with a metadata document.
    pub(crate) document_clients: ClientCache,
    /// The headers of verified tokens.
    pub(crate) headers: KnownHeaders,
    /// The verified tokens.
    pub(crate) tokens: RefCell<TokenCache>,
    /// The numbers of answers that are kept.
    pub(crate) answer_numbers: AnswerNumbers,
    /// The copy of the revocation feed.
    pub(crate) feed: FeedMemory,
    /// The turn for requesting the published key set from the key ring.
    pub(crate) own_keys: Turn,
    /// The last result of `/readyz`.
    pub(crate) readiness: Readiness,
    /// The signed assertions.
    pub(crate) assertions: Assertions,
    /// The confirmed receipts.
    pub(crate) receipts: Receipts,
    /// Calls that are refused until a known time, without a call of a Throttle object.
    pub(crate) refusals: ThrottleCache,
    /// The queue of sign-ins that wait for a password hash.
    pub(crate) hash_queue: HashQueue,
    /// The stored clients.
    pub(crate) clients: ClientCache,
    /// Whether the users of the local profile exist.
    pub(crate) seeded: Cell<bool>,
}

/// The prepared configuration and the caches.
#[derive(Debug)]
pub struct Isolate {
    /// The configuration.
    pub config: Config,
    /// The clients of the authorization server.
    pub(crate) clients: Clients,
    /// The master secrets.
    pub masters: Masters,
    /// The key ring's calendar.
    pub ring_policy: RingPolicy,
    /// The heartbeat and the capacity of the revocation feed.
    pub feed_policy: FeedPolicy,
    /// The KV key of the revocation feed.
    pub feed_key: String,
    /// The age limits of key sets.
    pub cache_policy: CachePolicy,
    pub(crate) tables: RouteTables,
    pub(crate) issuers: BTreeMap<String, Rc<TrustedIssuer>>,
    pub(crate) hash_parameters: HashParameters,
    /// The events that wait for the event queue.
    pub event_buffer: EventBuffer,
    /// The counters that are not flushed yet.
    pub counters: Counters,
    pub(crate) memory: Memory,
}

impl Isolate {
    /// Prepares a configuration.
    ///
    /// # Errors
    /// Returns mistakes that only the concerned modules can find.
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
        // The access cookie is among them even if the configuration sets none: a cookie from before a change of the
        // configuration still holds a token.
        let cookies =
            core::iter::once(config.cookie.name.as_str()).chain(FIXED_COOKIES).map(str::to_owned).collect();
        Ok(Self {
            clients: config.oauth_clients.clone(),
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

    /// The drift score from which this client requires a new sign-in.
    pub(crate) const fn drift(client: &Client) -> DriftPolicy {
        client.on_context_change.policy()
    }

    /// The limits that apply to a refresh.
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

    /// The session lifetimes of this client.
    pub(crate) const fn lifetimes(client: &Client) -> Lifetimes {
        Lifetimes { idle: client.idle_lifetime, absolute: client.absolute_lifetime }
    }
}

/// How often the feed is written without changes. If a route refuses by the feed's age, it is written twice within that
/// age, so that KV's copy stays usable while the Durable Object is unavailable. With the default of 5 minutes, that is
/// 576 writes a day, of the 1000 in KV's free plan.
fn heartbeat(config: &Config) -> Duration {
    let asked = config.routes.iter().any(|route| route.stale_feed == StaleFeed::Refuse);
    // A table in KV may come to ask for it at any time.
    if asked || config.routes_in_kv.is_some() {
        LONGEST_HEARTBEAT.min(config.revocation.max_age / 2)
    } else {
        LONGEST_HEARTBEAT
    }
}

/// An empty header cache, for the longest tokens of any issuer.
pub(crate) fn known_headers(config: &Config) -> KnownHeaders {
    let longest = config.issuers.iter().map(|issuer| issuer.max_token_bytes).max();
    KnownHeaders::new(longest.unwrap_or_default().max(MAX_TOKEN_BYTES))
}
