//! The Worker's side of the objects: one message, one typed answer.
//!
//! Only transport can fail here. Decisions, refusals included, are answers with status 200.

use serde::{Serialize, de::DeserializeOwned};
use worker::{Env, Method, Request, RequestInit};

use super::env::{self, binding};
use crate::{
    account::{AccountAnswer, AccountRequest, Accounts},
    ids::AccountId,
    jwks::{IssuerKeysAnswer, IssuerKeysObjects, IssuerKeysRequest},
    keys::{KeyRingAnswer, KeyRingObject, KeyRingRequest},
    observe::{AuditAnswer, AuditLog, AuditRequest},
    ports::{Fault, Part},
    revocation::{FeedAnswer, FeedObject, FeedRequest},
};

/// Objects take one kind of message; the URL says nothing.
const MESSAGE_URL: &str = "https://object.invalid/";

/// The name of what there is one of in a deployment: the key ring, the audit log, the feed.
const ONLY: &str = "own";

async fn ask<Q: Serialize, A: DeserializeOwned>(
    env: &Env,
    (binding, part): (&str, Part),
    name: &str,
    message: &Q,
) -> Result<A, Fault> {
    let fault = |error: worker::Error| Fault::new(part, error);
    let body = serde_json::to_string(message).map_err(|error| Fault::new(part, error))?;
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_body(Some(body.into()));
    let request = Request::new_with_init(MESSAGE_URL, &init).map_err(fault)?;
    let stub = env::namespace(env, binding, part)?.get_by_name(name).map_err(fault)?;
    let mut response = stub.fetch_with_request(request).await.map_err(fault)?;
    if response.status_code() != 200 {
        return Err(Fault::new(part, format_args!("the object answered {}", response.status_code())));
    }
    response.json().await.map_err(fault)
}

/// Account objects, named by the account's id.
#[derive(Clone)]
pub(super) struct AccountStubs(pub(super) Env);

impl Accounts for AccountStubs {
    async fn ask(&self, account: AccountId, request: &AccountRequest) -> Result<AccountAnswer, Fault> {
        ask(&self.0, (binding::ACCOUNT, Part::Account), &account.to_string(), request).await
    }
}

/// The `KeyRing` object.
#[derive(Clone)]
pub(super) struct KeyRingStub(pub(super) Env);

impl KeyRingObject for KeyRingStub {
    async fn ask(&self, request: &KeyRingRequest) -> Result<KeyRingAnswer, Fault> {
        ask(&self.0, (binding::KEY_RING, Part::KeyRing), ONLY, request).await
    }
}

/// The `RevocationFeed` object.
#[derive(Clone)]
pub(super) struct FeedStub(pub(super) Env);

impl FeedObject for FeedStub {
    async fn ask(&self, request: &FeedRequest) -> Result<FeedAnswer, Fault> {
        ask(&self.0, (binding::REVOCATION_FEED, Part::RevocationFeed), ONLY, request).await
    }
}

/// `IssuerKeys` objects, named by the issuer's `iss`.
#[derive(Clone)]
pub(super) struct IssuerKeysStubs(pub(super) Env);

impl IssuerKeysObjects for IssuerKeysStubs {
    async fn ask(&self, issuer: &str, request: &IssuerKeysRequest) -> Result<IssuerKeysAnswer, Fault> {
        ask(&self.0, (binding::ISSUER_KEYS, Part::IssuerKeys), issuer, request).await
    }
}

/// The `AuditLog` object.
#[derive(Clone)]
pub(super) struct AuditLogStub(pub(super) Env);

impl AuditLog for AuditLogStub {
    async fn ask(&self, request: &AuditRequest) -> Result<AuditAnswer, Fault> {
        ask(&self.0, (binding::AUDIT_LOG, Part::AuditLog), ONLY, request).await
    }
}
