//! The Worker's environment: vars and secrets as JSON values, bindings by name.

use std::collections::BTreeMap;

use js_sys::{JSON, Object, Reflect};
use serde_json::Value;
use wasm_bindgen::{JsCast, JsValue};
use worker::Env;

use crate::{
    bindings::{D1Database, Dataset, KvNamespace, ObjectNamespace, Queue},
    js::{Fetcher, Limiter},
};
use postern_app::{
    jose::json,
    ports::{Component, Fault},
};

/// The names of the bindings in `wrangler.toml`. A test compares them.
pub(super) mod binding {
    /// KV: key sets, the revocation feed and the route table.
    pub(crate) const KV: &str = "POSTERN_KV";
    /// D1: users and clients.
    pub(crate) const DATABASE: &str = "DB";
    /// Durable Object: refresh families of a subject.
    pub(crate) const ACCOUNT: &str = "ACCOUNT";
    /// Durable Object: the deployment's signing keys.
    pub(crate) const KEY_RING: &str = "KEY_RING";
    /// Durable Object: the revocation feed.
    pub(crate) const REVOCATION_FEED: &str = "REVOCATION_FEED";
    /// Durable Object: the key set of another issuer.
    pub(crate) const ISSUER_KEYS: &str = "ISSUER_KEYS";
    /// Durable Object: the documents of clients of some hosts.
    pub(crate) const CLIENT_DOCUMENTS: &str = "CLIENT_DOCUMENTS";
    /// Durable Object: the sums of the counters of all isolates.
    pub(crate) const METRICS: &str = "METRICS";
    /// Durable Object: the rate limits of one network or one account.
    pub(crate) const THROTTLE: &str = "THROTTLE";
    /// Durable Object: the audit log.
    pub(crate) const AUDIT_LOG: &str = "AUDIT_LOG";
}

/// Vars and secrets: strings, and the tables and arrays of `[vars]`. Bindings, which are objects with a prototype of their
/// own, are left out.
pub(super) fn variables(env: &JsValue) -> BTreeMap<String, Value> {
    let Some(object) = env.dyn_ref::<Object>() else { return BTreeMap::new() };
    let mut variables = BTreeMap::new();
    for key in Object::keys(object).iter() {
        let (Some(name), Ok(value)) = (key.as_string(), Reflect::get(env, &key)) else { continue };
        if let Some(value) = plain_value(&value) {
            variables.insert(name, value);
        }
    }
    variables
}

fn plain_value(value: &JsValue) -> Option<Value> {
    if let Some(text) = value.as_string() {
        return Some(Value::String(text));
    }
    let plain = js_sys::Array::is_array(value)
        || value.as_f64().is_some()
        || value.as_bool().is_some()
        || value.dyn_ref::<Object>().is_some_and(|object| object.constructor().name() == "Object");
    if !plain {
        return None;
    }
    let text = JSON::stringify(value).ok()?.as_string()?;
    // The configuration reports text that is not strict JSON.
    Some(json::parse_text(&text).unwrap_or(Value::String(text)))
}

/// The KV namespace.
pub(super) fn kv(env: &Env) -> Result<KvNamespace, Fault> {
    bound(env, binding::KV, Component::Kv)
}

/// The database of users and clients.
pub(super) fn database(env: &Env) -> Result<D1Database, Fault> {
    bound(env, binding::DATABASE, Component::Database)
}

/// A Durable Object namespace.
pub(super) fn namespace(env: &Env, name: &str, part: Component) -> Result<ObjectNamespace, Fault> {
    bound(env, name, part)
}

fn bound<T: JsCast>(env: &Env, name: &str, part: Component) -> Result<T, Fault> {
    match Reflect::get(env, &JsValue::from_str(name)) {
        Ok(value) if value.is_object() => Ok(value.unchecked_into()),
        _ => Err(Fault::new(part, format_args!("there is no binding named {name}"))),
    }
}

/// A binding that the user names, if it exists and has this method.
fn with_method(env: &Env, name: &str, method: &str) -> Option<JsValue> {
    let value = Reflect::get(env, &JsValue::from_str(name)).ok()?;
    Reflect::get(&value, &JsValue::from_str(method)).ok()?.is_function().then_some(value)
}

/// A service binding, if it exists.
pub(super) fn service(env: &Env, name: &str) -> Option<Fetcher> {
    Some(with_method(env, name, "fetch")?.unchecked_into())
}

/// An Analytics Engine data set, if it exists.
pub(super) fn dataset(env: &Env, name: &str) -> Option<Dataset> {
    Some(with_method(env, name, "writeDataPoint")?.unchecked_into())
}

/// A queue, if it exists.
pub(super) fn queue(env: &Env, name: &str) -> Option<Queue> {
    Some(with_method(env, name, "sendBatch")?.unchecked_into())
}

/// A rate limit, if it exists.
pub(super) fn limiter(env: &Env, name: &str) -> Option<Limiter> {
    Some(with_method(env, name, "limit")?.unchecked_into())
}
