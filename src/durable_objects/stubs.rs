//! Stubs of the Durable Objects: each call sends one message and receives one typed answer.
//!
//! Only the transport can fail here. Decisions, including refusals, are answers with status 200.

use std::rc::Rc;

use js_sys::{JSON, Promise, Reflect};
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Request, RequestInit, Response};
use worker::Env;

use crate::{
    env::{self, binding},
    isolate, js,
    runtime::Runtime,
    usage::{self, Unit},
};
use postern_app::{
    account::{AccountAnswer, AccountRequest, Accounts},
    audit::{AuditAnswer, AuditLog, AuditRequest},
    client_documents::{ClientDocumentAnswer, ClientDocumentObjects, ClientDocumentRequest},
    ids::AccountId,
    issuer_keys::{IssuerKeysAnswer, IssuerKeysObjects, IssuerKeysRequest},
    json,
    keys::{KeyRingAnswer, KeyRingObject, KeyRingRequest},
    message::{self, Broken, Message},
    metrics::{MetricsAnswer, MetricsRequest, MetricsShards},
    ports::{Clock as _, Component, Fault},
    revocation::{FeedAnswer, FeedObject, FeedRequest},
    time::Timestamp,
};
use postern_core::throttle::{ThrottleAnswer, ThrottleRequest, Throttles};

/// The URL of every message. Durable Objects do not read it.
const MESSAGE_URL: &str = "https://object.invalid/";

/// The name of Durable Objects that a deployment has only one of: the key ring, the audit log and the revocation feed.
const ONLY: &str = "own";

async fn ask<Q: Message, A: DeserializeOwned>(
    env: &Env,
    place: (&str, Component),
    name: &str,
    message: &Q,
) -> Result<A, Fault> {
    let part = place.1;
    let body = json::write(message).map_err(|error| Fault::new(part, error))?;
    let answer = exchange(env, place, name, &body, message.is_repeatable()).await?;
    message::read(&answer).map_err(|error| Fault::new(part, error))
}

/// Exchanges text for text, so that this function is compiled once for all kinds of messages.
async fn exchange(
    env: &Env,
    (binding, part): (&str, Component),
    name: &str,
    body: &str,
    is_repeatable: bool,
) -> Result<String, Fault> {
    let fault = |error: &JsValue| Fault::new(part, js::cause(error));
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_body(&JsValue::from_str(body));
    let began_at = Runtime.now();
    let mut tries = 0;
    loop {
        tries += 1;
        let request = Request::new_with_str_and_init(MESSAGE_URL, &init).map_err(|error| fault(&error))?;
        // A stub that failed once keeps failing, so each try gets a new one.
        let stub = env::namespace(env, binding, part)?.get_by_name(name).map_err(|error| fault(&error))?;
        let asked_at = Runtime.now();
        let answered = answered(stub.fetch(&request), began_at).await;
        usage::count(Unit::ObjectRequests, 1);
        if let Some(isolate) = isolate::known() {
            usage::settle(&isolate);
            isolate.counters.observe(part, Runtime.now().since(asked_at));
        }
        match answered {
            Ok((200, text)) => return Ok(text),
            Ok((status, _)) => {
                return Err(Fault::new(part, format_args!("the Durable Object returned status {status}")));
            }
            Err(error) if broken(&error).asks_again(is_repeatable, tries) => {}
            Err(error) => return Err(fault(&error)),
        }
    }
}

/// Waits for a response, and reads its status and text. The time limit is that of the whole call: a second try, and the
/// text, have what the first try and the head left of it. What an answer leaves to do has 30 s, and counts on that.
async fn answered(promise: Promise, began_at: Timestamp) -> Result<(u16, String), JsValue> {
    let left = || js::PART_TIMEOUT.saturating_sub(Runtime.now().since(began_at));
    let response: Response = js::within(left(), promise).await?.dyn_into()?;
    if let Some(counts) = response.headers().get(usage::HEADER)? {
        usage::take_over(&counts);
    }
    let text = js::within(left(), response.text()?).await?;
    Ok((response.status(), text.as_string().unwrap_or_default()))
}

/// The platform's properties of an exception that a stub threw.
fn broken(error: &JsValue) -> Broken {
    let says = |name: &str| Reflect::get(error, &name.into()).is_ok_and(|flag| flag.is_truthy());
    Broken { retryable: says("retryable"), overloaded: says("overloaded") }
}

/// Stubs of `Account`, named by the account's id.
#[derive(Clone)]
pub(crate) struct AccountStubs(pub(crate) Rc<Env>);

impl Accounts for AccountStubs {
    async fn ask(&self, account: AccountId, request: &AccountRequest) -> Result<AccountAnswer, Fault> {
        ask(&self.0, (binding::ACCOUNT, Component::Account), &account.to_string(), request).await
    }
}

/// The stub of `KeyRing`.
#[derive(Clone)]
pub(crate) struct KeyRingStub(pub(crate) Rc<Env>);

impl KeyRingObject for KeyRingStub {
    async fn ask(&self, request: &KeyRingRequest) -> Result<KeyRingAnswer, Fault> {
        ask(&self.0, (binding::KEY_RING, Component::KeyRing), ONLY, request).await
    }
}

/// The stub of `RevocationFeed`.
#[derive(Clone)]
pub(crate) struct FeedStub(pub(crate) Rc<Env>);

impl FeedObject for FeedStub {
    async fn ask(&self, request: &FeedRequest) -> Result<FeedAnswer, Fault> {
        ask(&self.0, (binding::REVOCATION_FEED, Component::RevocationFeed), ONLY, request).await
    }
}

/// Stubs of `IssuerKeys`, named by the issuer and the place of its keys.
#[derive(Clone)]
pub(crate) struct IssuerKeysStubs(pub(crate) Rc<Env>);

impl IssuerKeysObjects for IssuerKeysStubs {
    async fn ask(&self, place: &str, request: &IssuerKeysRequest) -> Result<IssuerKeysAnswer, Fault> {
        ask(&self.0, (binding::ISSUER_KEYS, Component::IssuerKeys), place, request).await
    }
}

/// Stubs of `ClientDocuments`, named by their number.
#[derive(Clone)]
pub(crate) struct ClientDocumentStubs(pub(crate) Rc<Env>);

impl ClientDocumentObjects for ClientDocumentStubs {
    async fn ask(&self, object: u8, request: &ClientDocumentRequest) -> Result<ClientDocumentAnswer, Fault> {
        let place = (binding::CLIENT_DOCUMENTS, Component::ClientDocuments);
        ask(&self.0, place, &object.to_string(), request).await
    }
}

/// Stubs of `Throttle`, named by the account or the network that they limit.
#[derive(Clone)]
pub(crate) struct ThrottleStubs(pub(crate) Rc<Env>);

impl Throttles for ThrottleStubs {
    async fn ask(&self, name: &str, request: &ThrottleRequest) -> Result<ThrottleAnswer, Fault> {
        ask(&self.0, (binding::THROTTLE, Component::Throttle), name, request).await
    }
}

/// The stub of `AuditLog`.
#[derive(Clone)]
pub(crate) struct AuditLogStub(pub(crate) Rc<Env>);

impl AuditLog for AuditLogStub {
    async fn ask(&self, request: &AuditRequest) -> Result<AuditAnswer, Fault> {
        ask(&self.0, (binding::AUDIT_LOG, Component::AuditLog), ONLY, request).await
    }
}

/// Stubs of `Metrics`, named by the number of the shard.
#[derive(Clone)]
pub(crate) struct MetricsStubs(pub(crate) Rc<Env>);

impl MetricsShards for MetricsStubs {
    async fn ask(&self, shard: u8, request: &MetricsRequest) -> Result<MetricsAnswer, Fault> {
        ask(&self.0, (binding::METRICS, Component::Metrics), &shard.to_string(), request).await
    }

    fn write_point(&self, dataset: &str, point: &str) -> Result<(), Fault> {
        let fault = |error: &JsValue| Fault::new(Component::Metrics, js::cause(error));
        let set = env::dataset(&self.0, dataset).ok_or_else(|| {
            Fault::new(
                Component::Metrics,
                format_args!("there is no Analytics Engine binding named {dataset}"),
            )
        })?;
        let point = JSON::parse(point).map_err(|error| fault(&error))?;
        set.write_data_point(&point).map_err(|error| fault(&error))
    }
}
