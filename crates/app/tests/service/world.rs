//! The service over fakes that fail on command: what a Worker's isolate is to a request.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap},
    future::Future,
    pin::Pin,
    rc::Rc,
    time::Duration,
};

pub(crate) use pollster::block_on;
use postern_app::{
    account::memory::MemoryAccounts,
    audit::memory::MemoryAuditLog,
    config::Config,
    events::{Event, EventSink},
    http::{PlainRequest, Reply},
    identity::{Normalizer, UnicodeTables, memory::MemoryIdentity},
    jose::{PublicKey, SignatureAlgorithm, SignatureVerifier, native::NativeVerifier},
    keys::{
        GeneratedKey, KeyRingAnswer, KeyRingObject, KeyRingRequest, PrivateKey, Signer,
        memory::MemoryKeyRing, native::NativeSigner,
    },
    metrics::{MetricsAnswer, MetricsRequest, MetricsShards, Shard},
    ports::{
        Background, Bindings, CacheHeaders, Clock, Component, Document, Fault, KvStore, Randomness,
        RateLimiter, Timer, memory::MemoryRecords,
    },
    revocation::{Alarmed, FeedPolicy, memory::MemoryFeed},
    secrets::Master,
    service::{Immediate, Isolate, Outcome, Ports, Service},
    time::Timestamp,
};
use postern_core::throttle::memory::MemoryThrottles;
use postern_oauth::stored::memory::MemoryClients;
use serde_json::{Value, json};

use super::{
    faults::{Faults, Through},
    issuers::{DocumentObjects, IssuerObjects},
};

/// Clock, randomness and text of a test.
#[derive(Debug, Clone, Default)]
pub(crate) struct Platform {
    now: Rc<Cell<Timestamp>>,
    drawn: Rc<Cell<u64>>,
}

impl Platform {
    /// Puts the clock, forward or back.
    pub(crate) fn set(&self, now: Timestamp) {
        self.now.set(now);
    }
}

impl Clock for Platform {
    fn now(&self) -> Timestamp {
        self.now.get()
    }
}

impl Timer for Platform {
    /// Nobody waits: the clock goes on.
    async fn sleep(&self, duration: core::time::Duration) {
        self.now.set(self.now.get().plus(duration));
    }
}

impl Randomness for Platform {
    /// Never the same twice, and the same in every run.
    fn fill(&self, buffer: &mut [u8]) -> Result<(), Fault> {
        for chunk in buffer.chunks_mut(8) {
            self.drawn.set(self.drawn.get() + 1);
            let word = self.drawn.get().wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }
}

impl Normalizer for Platform {
    fn nfc(&self, text: &str) -> String {
        UnicodeTables.nfc(text)
    }

    fn nfkc(&self, text: &str) -> String {
        UnicodeTables.nfkc(text)
    }
}

/// Both halves of the cryptography, either of which can fail.
#[derive(Clone)]
pub(crate) struct Crypto {
    signer: Rc<NativeSigner<Platform>>,
    pub(crate) broken: Rc<Cell<bool>>,
}

impl SignatureVerifier for Crypto {
    type Error = Fault;

    async fn verify(&self, key: &PublicKey, input: &[u8], signature: &[u8]) -> Result<bool, Fault> {
        if self.broken.get() {
            return Err(Fault::new(Component::Crypto, "told to fail"));
        }
        Ok(NativeVerifier.verify(key, input, signature).await?)
    }
}

impl Signer for Crypto {
    async fn sign(&self, key: &PrivateKey, input: &[u8]) -> Result<Vec<u8>, Fault> {
        if self.broken.get() {
            return Err(Fault::new(Component::Crypto, "told to fail"));
        }
        self.signer.sign(key, input).await
    }

    async fn generate(&self, algorithm: SignatureAlgorithm) -> Result<GeneratedKey, Fault> {
        self.signer.generate(algorithm).await
    }
}

#[derive(Clone, Default)]
pub(crate) struct Log(pub(crate) Rc<RefCell<Vec<String>>>);

impl EventSink for Log {
    fn record(&self, event: &Event) {
        self.0.borrow_mut().push(event.to_line());
    }
}

#[derive(Clone, Default)]
pub(crate) struct Kv {
    faults: Faults,
    rows: Rc<RefCell<HashMap<String, String>>>,
    pub(crate) broken: Rc<Cell<bool>>,
    /// It serves reads and takes no writes.
    pub(crate) read_only: Rc<Cell<bool>>,
    /// What reads are served from, in place of what was written: copies that are not renewed.
    old: Rc<RefCell<Option<HashMap<String, String>>>>,
}

impl Kv {
    /// From now on reads are served what there is now, or again what was written.
    pub(crate) fn serve_old(&self, old: bool) {
        self.old.replace(old.then(|| self.rows.borrow().clone()));
    }

    fn read_row(&self, key: &str) -> Option<String> {
        self.old
            .borrow()
            .as_ref()
            .map_or_else(|| self.rows.borrow().get(key).cloned(), |old| old.get(key).cloned())
    }

    fn done<T>(&self, work: impl FnOnce() -> T) -> Result<T, Fault> {
        if self.broken.get() { Err(Fault::new(Component::Kv, "told to fail")) } else { Ok(work()) }
    }
}

impl KvStore for Kv {
    async fn read(&self, key: &str) -> Result<Option<String>, Fault> {
        self.faults.call(Component::Kv, async { self.done(|| self.read_row(key)) }).await
    }

    async fn write(&self, key: &str, value: &str) -> Result<(), Fault> {
        let write = || drop(self.rows.borrow_mut().insert(key.to_owned(), value.to_owned()));
        let write = async {
            if self.read_only.get() {
                return Err(Fault::new(Component::Kv, "told to take no writes"));
            }
            self.done(write)
        };
        self.faults.call(Component::Kv, write).await
    }
}

/// Admits as often as it is told to, or fails.
#[derive(Clone, Default)]
pub(crate) struct Limits {
    pub(crate) left: Rc<Cell<u32>>,
    pub(crate) broken: Rc<Cell<bool>>,
    pub(crate) keys: Rc<RefCell<Vec<String>>>,
}

impl RateLimiter for Limits {
    async fn admits(&self, _binding: &str, key: &str) -> Result<bool, Fault> {
        if self.broken.get() {
            return Err(Fault::new(Component::RateLimiter, "told to fail"));
        }
        self.keys.borrow_mut().push(key.to_owned());
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        Ok(left > 0)
    }
}

#[derive(Clone)]
pub(crate) struct KeyRing {
    faults: Faults,
    ring: Rc<MemoryKeyRing<NativeSigner<Platform>, Platform, Platform>>,
    pub(crate) unreachable: Rc<Cell<bool>>,
    /// How many questions there were.
    pub(crate) asked: Rc<Cell<u32>>,
}

impl KeyRingObject for KeyRing {
    async fn ask(&self, request: &KeyRingRequest) -> Result<KeyRingAnswer, Fault> {
        self.asked.set(self.asked.get() + 1);
        if self.unreachable.get() {
            return Err(Fault::new(Component::KeyRing, "told to fail"));
        }
        self.faults.call(Component::KeyRing, self.ring.ask(request)).await
    }
}

/// The notifier, the queue and the identity service: what they were sent, and what they answer.
#[derive(Clone, Default)]
pub(crate) struct Elsewhere {
    /// Paths and bodies of calls; `queue` and `printed` for the other ways.
    pub(crate) sent: Rc<RefCell<Vec<(String, Value)>>>,
    /// Answers in order; then 200 without a body.
    pub(crate) answers: Rc<RefCell<Vec<(u16, String)>>>,
    pub(crate) unreachable: Rc<Cell<bool>>,
}

impl Elsewhere {
    fn note(&self, way: &str, body: &str) {
        self.sent.borrow_mut().push((way.to_owned(), serde_json::from_str(body).unwrap()));
    }

    /// The one-time token of the last message.
    pub(crate) fn token(&self) -> String {
        self.sent.borrow().last().unwrap().1["token"].as_str().unwrap().to_owned()
    }
}

impl Bindings for Elsewhere {
    async fn call(
        &self,
        part: Component,
        _service: &str,
        path: &str,
        body: &str,
        _max_bytes: usize,
        _timeout_ms: u32,
    ) -> Result<Document, Fault> {
        self.note(path, body);
        if self.unreachable.get() {
            return Err(Fault::new(part, "told to fail"));
        }
        let mut answers = self.answers.borrow_mut();
        let (status, body) = if answers.is_empty() { (200, String::new()) } else { answers.remove(0) };
        Ok(Document { status, content_type: None, body: body.into_bytes(), cache: CacheHeaders::default() })
    }

    async fn send(&self, part: Component, _queue: &str, body: &str) -> Result<(), Fault> {
        self.note("queue", body);
        if self.unreachable.get() { Err(Fault::new(part, "told to fail")) } else { Ok(()) }
    }

    fn print(&self, message: &str) {
        self.note("printed", message);
    }
}

/// Metrics objects.
#[derive(Clone, Default)]
pub(crate) struct Metrics {
    shards: Rc<RefCell<BTreeMap<u8, MemoryRecords>>>,
    pub(crate) now: Rc<Cell<Timestamp>>,
    pub(crate) unreachable: Rc<Cell<bool>>,
    /// The objects are of the version before the history.
    pub(crate) is_former: Rc<Cell<bool>>,
}

impl MetricsShards for Metrics {
    async fn ask(&self, shard: u8, request: &MetricsRequest) -> Result<MetricsAnswer, Fault> {
        if self.unreachable.get() {
            return Err(Fault::new(Component::Metrics, "told to fail"));
        }
        if self.is_former.get() && matches!(request, MetricsRequest::History { .. }) {
            return Ok(MetricsAnswer::Unavailable { cause: "unknown variant".to_owned() });
        }
        let records = self.shards.borrow_mut().entry(shard).or_default().clone();
        Ok(Shard::new(records).serve(request.clone(), self.now.get()))
    }

    fn write_point(&self, _dataset: &str, _point: &str) -> Result<(), Fault> {
        Err(Fault::new(Component::Metrics, "told to fail"))
    }
}

type Work = Pin<Box<dyn Future<Output = ()>>>;

/// Background work waits until the test lets it run.
#[derive(Clone, Default)]
pub(crate) struct Later {
    work: Rc<RefCell<Vec<Work>>>,
    delays: Rc<RefCell<Vec<Duration>>>,
}

impl Later {
    /// What waits does not come to run: the isolate is gone.
    pub(crate) fn work_dropped(&self) {
        self.work.borrow_mut().clear();
    }

    /// How long each of what was begun since the last question was put off; zero is none.
    pub(crate) fn delays(&self) -> Vec<Duration> {
        self.delays.take()
    }
}

impl Background for Later {
    fn spawn(&self, work: impl Future<Output = ()> + 'static) {
        self.spawn_later(Duration::ZERO, work);
    }

    fn spawn_later(&self, delay: Duration, work: impl Future<Output = ()> + 'static) {
        self.delays.borrow_mut().push(delay);
        self.work.borrow_mut().push(Box::pin(work));
    }
}

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) faults: Faults,
    pub(crate) platform: Platform,
    pub(crate) crypto: Crypto,
    pub(crate) log: Log,
    pub(crate) kv: Kv,
    pub(crate) identity: Through<MemoryIdentity>,
    pub(crate) clients: MemoryClients,
    pub(crate) accounts: Through<MemoryAccounts>,
    pub(crate) key_ring: KeyRing,
    pub(crate) feed: Through<MemoryFeed>,
    pub(crate) audit_log: Through<MemoryAuditLog>,
    pub(crate) metrics: Metrics,
    pub(crate) later: Later,
    pub(crate) issuer_keys: IssuerObjects,
    pub(crate) client_documents: DocumentObjects,
    pub(crate) limits: Limits,
    pub(crate) throttles: Through<MemoryThrottles>,
    pub(crate) services: Elsewhere,
    isolate: Rc<Isolate>,
}

impl Ports for World {
    type Platform = Platform;
    type Crypto = Crypto;
    type Log = Log;
    type Kv = Kv;
    type Identity = Through<MemoryIdentity>;
    type Clients = MemoryClients;
    type Accounts = Through<MemoryAccounts>;
    type KeyRing = KeyRing;
    type IssuerKeys = IssuerObjects;
    type ClientDocuments = DocumentObjects;
    type Feed = Through<MemoryFeed>;
    type RateLimiter = Limits;
    type Throttles = Through<MemoryThrottles>;
    type Bindings = Elsewhere;
    type AuditLog = Through<MemoryAuditLog>;
    type Metrics = Metrics;
    type Background = Later;

    fn platform(&self) -> &Platform {
        &self.platform
    }
    fn crypto(&self) -> &Crypto {
        &self.crypto
    }
    fn log(&self) -> &Log {
        &self.log
    }
    fn kv(&self) -> &Kv {
        &self.kv
    }
    fn identity(&self) -> &Through<MemoryIdentity> {
        &self.identity
    }
    fn clients(&self) -> &MemoryClients {
        &self.clients
    }
    fn accounts(&self) -> &Through<MemoryAccounts> {
        &self.accounts
    }
    fn key_ring(&self) -> &KeyRing {
        &self.key_ring
    }
    fn issuer_keys(&self) -> &IssuerObjects {
        &self.issuer_keys
    }
    fn client_documents(&self) -> &DocumentObjects {
        &self.client_documents
    }
    fn feed(&self) -> &Through<MemoryFeed> {
        &self.feed
    }
    fn rate_limiter(&self) -> &Limits {
        &self.limits
    }
    fn throttles(&self) -> &Through<MemoryThrottles> {
        &self.throttles
    }
    fn bindings(&self) -> &Elsewhere {
        &self.services
    }
    fn audit_log(&self) -> &Through<MemoryAuditLog> {
        &self.audit_log
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }
    fn background(&self) -> &Later {
        &self.later
    }
}

/// When every story begins.
pub(crate) const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// Alice's password, as the local profile plants it.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

fn config(more: &Value) -> Config {
    let mut vars: BTreeMap<String, Value> = serde_json::from_value(json!({
        "POSTERN_PROFILE": "local",
        "POSTERN_ISSUER": "http://localhost:8787",
        "POSTERN_MASTER_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        "POSTERN_REGISTRATION": "open",
        // The cheapest that is allowed: these tests are about what fails, not about hashing.
        "POSTERN_PASSWORD": {"memory_kib": 32, "iterations": 1},
        "POSTERN_ROUTES": [
            {"path": "/open", "access": "public", "service": "ORIGIN"},
            {"path": "/orders", "scopes_all": ["read:orders"], "service": "ORIGIN"},
            {"path": "/strict", "revocation": "strong", "service": "ORIGIN"},
        ],
    }))
    .unwrap();
    let more: BTreeMap<String, Value> = serde_json::from_value(more.clone()).unwrap();
    vars.extend(more);
    Config::from_vars(&vars).unwrap()
}

/// An empty feed object with its clock at `now`.
fn feed_at(now: Timestamp, policy: FeedPolicy) -> MemoryFeed {
    let feed = MemoryFeed::new(policy);
    feed.now.set(now);
    feed
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(&json!({}))
    }

    /// With other settings.
    pub(crate) fn with(settings: &Value) -> Self {
        let faults = Faults::default();
        let platform = Platform::default();
        platform.now.set(START);
        let isolate = Rc::new(Isolate::new(config(settings)).unwrap());
        let issuer_keys = IssuerObjects::at(&platform);
        let ring = MemoryKeyRing::new(
            NativeSigner::new(platform.clone()),
            platform.clone(),
            platform.clone(),
            isolate.masters.clone(),
            isolate.ring_policy.clone(),
        );
        Self {
            crypto: Crypto { signer: Rc::new(NativeSigner::new(platform.clone())), broken: Rc::default() },
            log: Log::default(),
            kv: Kv { faults: faults.clone(), ..Kv::default() },
            identity: Through::new(MemoryIdentity::default(), &faults),
            clients: MemoryClients::default(),
            accounts: Through::new(MemoryAccounts::at(START), &faults),
            key_ring: KeyRing {
                faults: faults.clone(),
                ring: Rc::new(ring),
                unreachable: Rc::default(),
                asked: Rc::default(),
            },
            feed: Through::new(feed_at(START, isolate.feed_policy), &faults),
            audit_log: Through::new(MemoryAuditLog::new(isolate.masters.clone(), START), &faults),
            metrics: Metrics { now: Rc::new(Cell::new(START)), ..Metrics::default() },
            later: Later::default(),
            client_documents: DocumentObjects::at(&platform, &issuer_keys.internet),
            issuer_keys,
            limits: Limits::default(),
            throttles: Through::new(MemoryThrottles::at(START), &faults),
            services: Elsewhere::default(),
            faults,
            platform,
            isolate,
        }
    }

    /// The same world seen from a fresh isolate: its memory is empty.
    pub(crate) fn elsewhere(&self) -> Self {
        let config = self.isolate.config.clone();
        Self { isolate: Rc::new(Isolate::new(config).unwrap()), ..self.clone() }
    }

    /// The same world seen from another version of the deployment, which has these settings.
    pub(crate) fn in_version(&self, settings: &Value) -> Self {
        Self { isolate: Rc::new(Isolate::new(config(settings)).unwrap()), ..self.clone() }
    }

    pub(crate) fn pass(&self, seconds: u64) {
        let later = self.platform.now.get().plus(core::time::Duration::from_secs(seconds));
        self.platform.now.set(later);
        self.accounts.set_now(later);
        self.feed.now.set(later);
        self.throttles.set_now(later);
        self.metrics.now.set(later);
    }

    /// The clock of this isolate alone steps: seconds ahead, or put back.
    pub(crate) fn step(&self, seconds: i64) {
        let now = self.platform.now.get().millis();
        self.platform.now.set(Timestamp::from_millis(now.saturating_add_signed(seconds * 1000)));
    }

    /// The feed's alarm rings.
    pub(crate) fn ring_feed(&self) -> Alarmed {
        block_on(self.feed.alarm(&self.kv, &self.isolate.feed_key))
    }

    /// Where the feed is in KV.
    pub(crate) fn feed_key(&self) -> &str {
        &self.isolate.feed_key
    }

    pub(crate) fn master(&self) -> &Master {
        self.isolate.masters.current()
    }

    pub(crate) fn runtime(&self) -> crate::runtime::Runtime<Self> {
        crate::runtime::Runtime::new(Rc::clone(&self.isolate), self.clone())
    }

    pub(crate) fn service(&self) -> Service<Self> {
        Service::new(Rc::clone(&self.isolate), self.clone())
    }

    /// A call of our own API with a JSON body.
    pub(crate) fn call(&self, path: &str, body: &Value) -> Reply {
        let request = PlainRequest::new("POST", &format!("http://localhost:8787{path}"))
            .with("content-type", "application/json");
        block_on(self.service().own(&request, body.to_string().as_bytes()))
    }

    /// A call of our own API with an access token.
    pub(crate) fn call_as(&self, method: &str, path: &str, access_token: &str) -> Reply {
        let request = PlainRequest::new(method, &format!("http://localhost:8787{path}"))
            .with("authorization", &format!("Bearer {access_token}"));
        block_on(self.service().own(&request, b""))
    }

    /// A call of our own API with an access token and a JSON body.
    pub(crate) fn post_as(&self, access_token: &str, path: &str, body: &Value) -> Reply {
        let request = PlainRequest::new("POST", &format!("http://localhost:8787{path}"))
            .with("content-type", "application/json")
            .with("authorization", &format!("Bearer {access_token}"));
        block_on(self.service().own(&request, body.to_string().as_bytes()))
    }

    /// What the gate does with `GET path`: a status, or `None` when it forwards.
    pub(crate) fn gate(&self, path: &str, access_token: Option<&str>) -> Option<u16> {
        let mut request = PlainRequest::new("GET", &format!("http://localhost:8787{path}"));
        if let Some(token) = access_token {
            request = request.with("authorization", &format!("Bearer {token}"));
        }
        match self.decided(&request) {
            Outcome::Reply(reply) => Some(reply.status),
            Outcome::Forward(_) => None,
        }
    }

    /// The gate's decision, made as the Worker has it made: at once where that can be, after a verdict about a signature,
    /// or by waiting.
    pub(crate) fn decided(&self, request: &PlainRequest) -> Outcome {
        let service = self.service();
        let waited = || block_on(service.gate(request));
        let decided = |immediate| match immediate {
            Immediate::Reply(reply) => Outcome::Reply(reply),
            Immediate::Identity(answer) => Outcome::Reply(answer.reply()),
            Immediate::Forward(forward) => Outcome::Forward(forward),
            Immediate::Own => panic!("one of our own"),
            Immediate::Wait => waited(),
            Immediate::Verify(_) => panic!("a second verification"),
        };
        match service.try_sync(request) {
            Immediate::Verify(pending) => {
                let verification = pending.verification();
                let content = verification.token().signing_input();
                let key = verification.key().expect("the key is in the set");
                let crypto = service.ports().crypto();
                // Without a verdict the Worker decides as if there had been no first half.
                match block_on(crypto.verify(key, content, verification.signature())) {
                    Ok(is_good) => decided(service.judged(request, *pending, is_good)),
                    Err(_) => waited(),
                }
            }
            immediate => decided(immediate),
        }
    }

    /// Signs Alice in; both tokens.
    pub(crate) fn sign_in(&self) -> (String, String) {
        let reply = self.try_sign_in();
        assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
        tokens(&reply)
    }

    pub(crate) fn try_sign_in(&self) -> Reply {
        self.call(
            "/auth/login",
            &json!({"login": "alice@example.com", "password": PASSWORD, "delivery": "body"}),
        )
    }

    pub(crate) fn refresh(&self, refresh_token: &str) -> Reply {
        self.call("/auth/refresh", &json!({"refresh_token": refresh_token}))
    }

    /// Runs what was left for after the answers.
    pub(crate) fn settle(&self) {
        loop {
            let work = self.later.work.take();
            if work.is_empty() {
                return;
            }
            work.into_iter().for_each(block_on);
        }
    }
}

/// Access and refresh token of an answer.
pub(crate) fn tokens(reply: &Reply) -> (String, String) {
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    (text("access_token"), text("refresh_token"))
}

/// The stable code of a problem.
pub(crate) fn code(reply: &Reply) -> String {
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    body["code"].as_str().unwrap().to_owned()
}
