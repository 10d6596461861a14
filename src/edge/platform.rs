//! All ports of the service, as the Worker provides them.

use wasm_bindgen::JsValue;
use wasm_bindgen_futures::future_to_promise;
use worker::Env;

use super::{
    crypto::WebCrypto,
    database::Database,
    js::ExecutionContext,
    log::Log,
    store::{Kv, Platform},
    stubs::{AccountStubs, AuditLogStub, FeedStub, IssuerKeysStubs, KeyRingStub},
};
use crate::{ports::Background, service::Ports};

/// The ports over one event's environment.
#[derive(Clone)]
pub(super) struct EdgePorts {
    platform: Platform,
    crypto: WebCrypto,
    log: Log,
    kv: Kv,
    database: Database,
    accounts: AccountStubs,
    key_ring: KeyRingStub,
    issuer_keys: IssuerKeysStubs,
    feed: FeedStub,
    audit_log: AuditLogStub,
    background: WaitUntil,
}

impl EdgePorts {
    pub(super) fn new(env: Env, ctx: ExecutionContext) -> Self {
        Self {
            platform: Platform,
            crypto: WebCrypto,
            log: Log,
            kv: Kv(env.clone()),
            database: Database(env.clone()),
            accounts: AccountStubs(env.clone()),
            key_ring: KeyRingStub(env.clone()),
            issuer_keys: IssuerKeysStubs(env.clone()),
            feed: FeedStub(env.clone()),
            audit_log: AuditLogStub(env),
            background: WaitUntil(ctx),
        }
    }
}

impl Ports for EdgePorts {
    type Platform = Platform;
    type Crypto = WebCrypto;
    type Log = Log;
    type Kv = Kv;
    type Identity = Database;
    type Accounts = AccountStubs;
    type KeyRing = KeyRingStub;
    type IssuerKeys = IssuerKeysStubs;
    type Feed = FeedStub;
    type AuditLog = AuditLogStub;
    type Background = WaitUntil;

    fn platform(&self) -> &Platform {
        &self.platform
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

    fn accounts(&self) -> &AccountStubs {
        &self.accounts
    }

    fn key_ring(&self) -> &KeyRingStub {
        &self.key_ring
    }

    fn issuer_keys(&self) -> &IssuerKeysStubs {
        &self.issuer_keys
    }

    fn feed(&self) -> &FeedStub {
        &self.feed
    }

    fn audit_log(&self) -> &AuditLogStub {
        &self.audit_log
    }

    fn background(&self) -> &WaitUntil {
        &self.background
    }
}

/// `waitUntil` of the event.
#[derive(Clone)]
pub(super) struct WaitUntil(ExecutionContext);

impl Background for WaitUntil {
    fn spawn(&self, work: impl Future<Output = ()> + 'static) {
        self.0.wait_until(&future_to_promise(async move {
            work.await;
            Ok(JsValue::UNDEFINED)
        }));
    }
}
