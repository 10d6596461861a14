//! All ports of the application in one type, as the Worker implements them.

use core::time::Duration;
use std::rc::Rc;

use worker::Env;

use crate::{
    crypto::WebCrypto,
    d1::Database,
    durable_objects::stubs::{
        AccountStubs, AuditLogStub, ClientDocumentStubs, FeedStub, IssuerKeysStubs, KeyRingStub,
        MetricsStubs, ThrottleStubs,
    },
    js::{self, ExecutionContext},
    kv::Kv,
    log::Log,
    rate_limiter::Limiters,
    runtime::Runtime,
    user_bindings::UserBindings,
};
use postern_app::{ports::Background, service::Ports};

/// The ports of one event: the environment and the execution context.
#[derive(Clone)]
pub(super) struct WorkerPorts {
    /// Shared, because a clone of the environment itself is a call to JavaScript.
    env: Rc<Env>,
    runtime: Runtime,
    crypto: WebCrypto,
    log: Log,
    kv: Kv,
    database: Database,
    accounts: AccountStubs,
    key_ring: KeyRingStub,
    issuer_keys: IssuerKeysStubs,
    client_documents: ClientDocumentStubs,
    bindings: UserBindings,
    feed: FeedStub,
    limiters: Limiters,
    throttles: ThrottleStubs,
    audit_log: AuditLogStub,
    metrics: MetricsStubs,
    background: WaitUntil,
}

impl WorkerPorts {
    pub(super) fn new(env: Rc<Env>, ctx: ExecutionContext) -> Self {
        Self {
            env: Rc::clone(&env),
            runtime: Runtime,
            crypto: WebCrypto,
            log: Log,
            kv: Kv(Rc::clone(&env)),
            database: Database(Rc::clone(&env)),
            accounts: AccountStubs(Rc::clone(&env)),
            key_ring: KeyRingStub(Rc::clone(&env)),
            issuer_keys: IssuerKeysStubs(Rc::clone(&env)),
            client_documents: ClientDocumentStubs(Rc::clone(&env)),
            bindings: UserBindings(Rc::clone(&env)),
            feed: FeedStub(Rc::clone(&env)),
            audit_log: AuditLogStub(Rc::clone(&env)),
            limiters: Limiters(Rc::clone(&env)),
            throttles: ThrottleStubs(Rc::clone(&env)),
            metrics: MetricsStubs(env),
            background: WaitUntil(ctx),
        }
    }

    pub(super) fn env(&self) -> &Env {
        &self.env
    }

    pub(super) const fn ctx(&self) -> &ExecutionContext {
        &self.background.0
    }
}

impl Ports for WorkerPorts {
    type Platform = Runtime;
    type Crypto = WebCrypto;
    type Log = Log;
    type Kv = Kv;
    type Identity = Database;
    type Clients = Database;
    type Accounts = AccountStubs;
    type KeyRing = KeyRingStub;
    type IssuerKeys = IssuerKeysStubs;
    type ClientDocuments = ClientDocumentStubs;
    type Feed = FeedStub;
    type RateLimiter = Limiters;
    type Throttles = ThrottleStubs;
    type Bindings = UserBindings;
    type AuditLog = AuditLogStub;
    type Metrics = MetricsStubs;
    type Background = WaitUntil;

    fn platform(&self) -> &Runtime {
        &self.runtime
    }

    fn crypto(&self) -> &WebCrypto {
        &self.crypto
    }

    fn log(&self) -> &Log {
        &self.log
    }

    fn kv(&self) -> &Kv {
        &self.kv
    }

    fn identity(&self) -> &Database {
        &self.database
    }

    fn clients(&self) -> &Database {
        &self.database
    }

    fn accounts(&self) -> &AccountStubs {
        &self.accounts
    }

    fn key_ring(&self) -> &KeyRingStub {
        &self.key_ring
    }

    fn issuer_keys(&self) -> &IssuerKeysStubs {
        &self.issuer_keys
    }

    fn client_documents(&self) -> &ClientDocumentStubs {
        &self.client_documents
    }

    fn feed(&self) -> &FeedStub {
        &self.feed
    }

    fn rate_limiter(&self) -> &Limiters {
        &self.limiters
    }

    fn throttles(&self) -> &ThrottleStubs {
        &self.throttles
    }

    fn bindings(&self) -> &UserBindings {
        &self.bindings
    }

    fn audit_log(&self) -> &AuditLogStub {
        &self.audit_log
    }

    fn metrics(&self) -> &MetricsStubs {
        &self.metrics
    }

    fn background(&self) -> &WaitUntil {
        &self.background
    }
}

/// Background work by `waitUntil` of the event.
#[derive(Clone)]
pub(super) struct WaitUntil(ExecutionContext);

impl Background for WaitUntil {
    fn spawn(&self, work: impl Future<Output = ()> + 'static) {
        self.0.wait_until(&js::finished(Box::pin(work)));
    }

    fn spawn_later(&self, delay: Duration, work: impl Future<Output = ()> + 'static) {
        self.spawn(async move {
            // If the platform cannot wait, the work runs at once: it matters more than the delay.
            let _ = js::settled(js::wait(u32::try_from(delay.as_millis()).unwrap_or(u32::MAX))).await;
            work.await;
        });
    }
}
