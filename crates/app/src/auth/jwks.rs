//! `GET /.well-known/jwks.json`: the deployment's public keys (RFC 7517 section 5).

use sha2::{Digest as _, Sha256};

use crate::{
    access::key_sets::KeySets,
    encoding::base64url,
    http::{Reply, RequestView},
    isolate::Isolate,
    jose::PublicJwkSet,
    ports::{Clock as _, Component, Fault},
    runtime::{Runtime, ports::Ports, turns::in_turn},
    web::error::ApiError,
};

/// The part of `client_cache` for the age of the isolate's copy: 60 s of 660 s. The remaining 600 s are the `max-age`
/// for clients. The key ring activates only keys that have been published for longer than both together.
const FRESHNESS_SHARE: u32 = 11;

/// What `GET /.well-known/jwks.json` needs.
pub(crate) struct KeySetPage<'r, P: Ports> {
    isolate: &'r Isolate,
    platform: &'r P::Platform,
    key_sets: KeySets<'r, P>,
}

impl<'r, P: Ports> KeySetPage<'r, P> {
    pub(crate) fn of(runtime: &'r Runtime<P>) -> Self {
        Self { isolate: &runtime.isolate, platform: runtime.ports.platform(), key_sets: KeySets::of(runtime) }
    }

    /// `GET /.well-known/jwks.json`: the deployment's public keys (RFC 7517 section 5).
    pub(crate) async fn jwks(&self, request: &impl RequestView) -> Result<Reply, ApiError> {
        let now = self.platform.now();
        let name = self.isolate.config.issuer.as_str();
        let client_cache = self.isolate.config.keys.client_cache;
        let freshness = client_cache / FRESHNESS_SHARE;
        let memory = &self.isolate.memory;
        let is_fresh = |now| {
            let set = self.key_sets.set_in_memory(name);
            set.is_some_and(|set| set.age(&self.isolate.cache_policy, now) < freshness)
        };
        let issuer = self.isolate.issuers.get(name).ok_or_else(|| {
            Fault::new(Component::KeyRing, "the deployment's own issuer is not among the trusted issuers")
        })?;
        // The endpoint is public, and there is one key ring. While one request asks it, the others get the set in memory.
        if self.key_sets.set_in_memory(name).is_none() || !memory.own_keys.is_taken(now) {
            let ask = async || self.key_sets.ask_object(issuer, false, None, self.platform.now()).await;
            in_turn(self.platform, &memory.own_keys, is_fresh, ask).await;
        }
        let keys = self.key_sets.key_set(issuer, |_| true, now).await?;
        let reply =
            Reply::json(200, &PublicJwkSet::from(&*keys)).cacheable(client_cache.saturating_sub(freshness));
        let digest = Sha256::digest(&reply.body);
        let etag = format!("\"{}\"", base64url(digest.get(..12).unwrap_or_default()));
        // RFC 9110 section 13.1.2, weak comparison: proxies may have weakened it.
        let unchanged = request.header("if-none-match").is_some_and(|known| {
            known
                .split(',')
                .map(|tag| tag.trim().trim_start_matches("W/"))
                .any(|tag| tag == etag || tag == "*")
        });
        let reply = reply.with_header("etag", &etag);
        Ok(if unchanged { Reply { status: 304, body: Vec::new(), ..reply } } else { reply })
    }
}
