//! Another issuer: its keys, its clock, what it publishes, and how it fails.

use core::cell::{Cell, RefCell};
use std::rc::Rc;

use postern_app::{
    encoding::base64url,
    ports::{CacheHeaders, Component, Document, DocumentSource, Fault},
};
use serde_json::{Value, json};

use crate::{crypto, faults::Kind, machine::START, world::World};

/// The `iss` of its tokens.
pub(crate) const ISSUER: &str = "https://idp.example";
/// Where its keys are.
pub(crate) const JWKS: &str = "https://idp.example/jwks";
/// Where no keys are.
pub(crate) const MOVED_JWKS: &str = "https://idp.example/moved";

/// One of its keys.
#[derive(Debug, Clone)]
pub(crate) struct UpstreamKey {
    pub(crate) kid: String,
    pub(crate) public: [u8; 32],
    pub(crate) published_at: u64,
    /// From then on no fetch brings it.
    pub(crate) withdrawn_at: Option<u64>,
    /// When a fetch first brought it.
    pub(crate) fetched_at: Option<u64>,
}

#[derive(Debug, Default)]
pub(crate) struct Upstream {
    keys: RefCell<Vec<UpstreamKey>>,
    tokens: Cell<u64>,
    /// True times of all fetches of its key set.
    pub(crate) fetches: RefCell<Vec<u64>>,
    /// The last time that an object which fetches them was not reached, or was reset at its work.
    pub(crate) unreached_at: Cell<Option<u64>>,
    /// The last time that a fetch failed.
    pub(crate) failed_at: Cell<Option<u64>>,
}

impl Upstream {
    pub(crate) fn publish(&self, world: &World) {
        let mut public = [0; 32];
        world.dice.bytes(&mut public);
        let kid = format!("u{}", self.keys.borrow().len() + 1);
        let key =
            UpstreamKey { kid, public, published_at: world.now(), withdrawn_at: None, fetched_at: None };
        world.trace.note(world.now(), "issuer", "", || format!("publishes the key {}", key.kid));
        self.keys.borrow_mut().push(key);
    }

    /// Takes down all keys but the newest.
    pub(crate) fn withdraw(&self, world: &World) {
        let mut keys = self.keys.borrow_mut();
        let last = keys.len().saturating_sub(1);
        for key in keys[..last].iter_mut().filter(|key| key.withdrawn_at.is_none()) {
            key.withdrawn_at = Some(world.now());
            world.trace.note(world.now(), "issuer", "", || format!("takes the key {} down", key.kid));
        }
    }

    /// The key that it signs with: the newest that others had `lead` to learn of, else the newest.
    pub(crate) fn signing_key(&self, now: u64, lead: u64) -> Option<UpstreamKey> {
        let keys = self.keys.borrow();
        let known =
            keys.iter().rev().find(|key| key.withdrawn_at.is_none() && key.published_at + lead <= now);
        known.or_else(|| keys.last()).cloned()
    }

    /// The key of this name.
    pub(crate) fn key(&self, kid: &str) -> Option<UpstreamKey> {
        self.keys.borrow().iter().find(|key| key.kid == kid).cloned()
    }

    /// The key that was taken down last.
    pub(crate) fn withdrawn(&self) -> Option<UpstreamKey> {
        self.keys.borrow().iter().rev().find(|key| key.withdrawn_at.is_some()).cloned()
    }

    /// A sound token of this key.
    pub(crate) fn token(&self, world: &World, key: &UpstreamKey, subject: &str) -> String {
        self.tokens.set(self.tokens.get() + 1);
        let ahead = if world.faults.is_on(Kind::IssuerClockAhead) {
            world.faults.note(Kind::IssuerClockAhead, "token");
            25_000
        } else {
            0
        };
        let now = (START + world.now() + ahead) / 1000;
        let header = json!({"alg": "EdDSA", "typ": "at+jwt", "kid": key.kid});
        let claims = json!({"iss": ISSUER, "sub": subject, "aud": "api", "exp": now + 600, "iat": now,
            "auth_time": now, "client_id": "c", "jti": format!("t{}", self.tokens.get())});
        let input = [header, claims].map(|part| base64url(part.to_string().as_bytes())).join(".");
        format!("{input}.{}", base64url(&crypto::stand_in(&key.public, input.as_bytes())))
    }

    fn document(&self) -> String {
        let keys: Vec<Value> = self
            .keys
            .borrow()
            .iter()
            .filter(|key| key.withdrawn_at.is_none())
            .map(|key| json!({"kty": "OKP", "crv": "Ed25519", "kid": key.kid, "x": base64url(&key.public)}))
            .collect();
        json!({ "keys": keys }).to_string()
    }
}

/// What the objects that fetch key sets see of the internet.
pub(crate) struct Internet(pub(crate) Rc<World>);

impl DocumentSource for Internet {
    async fn fetch(
        &self,
        url: &str,
        _: &'static str,
        max_bytes: usize,
        timeout_ms: u32,
    ) -> Result<Document, Fault> {
        let world = &self.0;
        let fault = |why: &str| {
            world.upstream.failed_at.set(Some(world.now()));
            Err(Fault::new(Component::Issuer, why))
        };
        if url == JWKS {
            world.upstream.fetches.borrow_mut().push(world.now());
        }
        world.trace.note(world.now(), "object issuer_keys", "issuer", || format!("GET {url}"));
        world.executor.sleep(world.dice.between(20, 200)).await;
        if world.faults.strikes(Kind::IssuerHangs, "fetch") {
            world.executor.sleep(timeout_ms.into()).await;
            return fault("no answer within the time limit");
        }
        if world.faults.strikes(Kind::IssuerDown, "fetch") {
            world.upstream.failed_at.set(Some(world.now()));
            if world.dice.percent(50) {
                return fault("no answer");
            }
            return Ok(document(503, "", max_bytes));
        }
        if url != JWKS {
            return Ok(document(404, "{}", max_bytes));
        }
        if world.faults.strikes(Kind::IssuerLies, "fetch") {
            world.upstream.failed_at.set(Some(world.now()));
            let lies = ["<html>", "{\"keys\":[]}", "{}", "[", "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AA\"}]}"];
            return Ok(document(200, lies[world.dice.below(lies.len())], max_bytes));
        }
        let document_now = world.upstream.document();
        for key in world.upstream.keys.borrow_mut().iter_mut().filter(|key| key.withdrawn_at.is_none()) {
            key.fetched_at.get_or_insert(world.now());
        }
        Ok(document(200, &document_now, max_bytes))
    }
}

fn document(status: u16, body: &str, max_bytes: usize) -> Document {
    let mut body = body.as_bytes().to_vec();
    body.truncate(max_bytes + 1);
    let content_type = Some("application/json".to_owned());
    Document { status, content_type, body, cache: CacheHeaders::default() }
}
