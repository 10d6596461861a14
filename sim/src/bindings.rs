//! The calls to objects and to what else is bound to the Worker.

use postern_app::{
    account::{AccountAnswer, AccountRequest, Accounts},
    audit::{AuditAnswer, AuditLog, AuditRequest},
    client_documents::{ClientDocumentAnswer, ClientDocumentObjects, ClientDocumentRequest},
    ids::AccountId,
    issuer_keys::{IssuerKeysAnswer, IssuerKeysObjects, IssuerKeysRequest},
    keys::{KeyRingAnswer, KeyRingObject, KeyRingRequest},
    metrics::{MetricsAnswer, MetricsRequest, MetricsShards},
    ports::{Bindings, CacheHeaders, Component, Document, Fault, RateLimiter},
    revocation::{FeedAnswer, FeedObject, FeedRequest},
};
use postern_core::throttle::{ThrottleAnswer, ThrottleRequest, Throttles};

use crate::ports::SimPorts;

impl Accounts for SimPorts {
    async fn ask(&self, account: AccountId, request: &AccountRequest) -> Result<AccountAnswer, Fault> {
        self.exchange(Component::Account, &account.to_string(), request).await
    }
}

impl KeyRingObject for SimPorts {
    async fn ask(&self, request: &KeyRingRequest) -> Result<KeyRingAnswer, Fault> {
        self.exchange(Component::KeyRing, "own", request).await
    }
}

impl FeedObject for SimPorts {
    async fn ask(&self, request: &FeedRequest) -> Result<FeedAnswer, Fault> {
        self.exchange(Component::RevocationFeed, "own", request).await
    }
}

impl IssuerKeysObjects for SimPorts {
    async fn ask(&self, place: &str, request: &IssuerKeysRequest) -> Result<IssuerKeysAnswer, Fault> {
        self.exchange(Component::IssuerKeys, place, request).await
    }
}

impl Throttles for SimPorts {
    async fn ask(&self, name: &str, request: &ThrottleRequest) -> Result<ThrottleAnswer, Fault> {
        self.exchange(Component::Throttle, name, request).await
    }
}

impl AuditLog for SimPorts {
    async fn ask(&self, request: &AuditRequest) -> Result<AuditAnswer, Fault> {
        self.exchange(Component::AuditLog, "own", request).await
    }
}

impl MetricsShards for SimPorts {
    async fn ask(&self, shard: u8, request: &MetricsRequest) -> Result<MetricsAnswer, Fault> {
        self.exchange(Component::Metrics, &shard.to_string(), request).await
    }

    fn write_point(&self, _: &str, _: &str) -> Result<(), Fault> {
        Err(Fault::new(Component::Metrics, "there is no data set"))
    }
}

impl ClientDocumentObjects for SimPorts {
    async fn ask(&self, _: u8, _: &ClientDocumentRequest) -> Result<ClientDocumentAnswer, Fault> {
        Err(Fault::new(Component::ClientDocuments, "no client has a document here"))
    }
}

impl RateLimiter for SimPorts {
    async fn admits(&self, _: &str, _: &str) -> Result<bool, Fault> {
        Ok(true)
    }
}

impl Bindings for SimPorts {
    async fn call(
        &self,
        _: Component,
        _: &str,
        _: &str,
        _: &str,
        _: usize,
        _: u32,
    ) -> Result<Document, Fault> {
        Ok(Document { status: 200, content_type: None, body: Vec::new(), cache: CacheHeaders::default() })
    }

    async fn send(&self, _: Component, _: &str, _: &str) -> Result<(), Fault> {
        Ok(())
    }

    fn print(&self, _: &str) {}
}
