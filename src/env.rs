//! The Worker's environment: variables and secrets as plain values, bindings by name.

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
    ports::{Fault, Part},
};

/// Names of the bindings in `wrangler.toml`; `tests/` checks that they agree.
pub(super) mod binding {
    /// KV: JWKS and other public, monotone values.
    pub(crate) const KV: &str = "POSTERN_KV";
    /// D1: users.
    pub(crate) const DATABASE: &str = "DB";
    /// Durable Object: refresh families of a subject.
    pub(crate) const ACCOUNT: &str = "ACCOUNT";
    /// Durable Object: our own signing keys.
    pub(crate) const KEY_RING: &str = "KEY_RING";
    /// Durable Object: what was revoked.
    pub(crate) const REVOCATION_FEED: &str = "REVOCATION_FEED";
    /// Durable Object: an external issuer's key set.
    pub(crate) const ISSUER_KEYS: &str = "ISSUER_KEYS";
    /// Durable Object: sums of what isolates counted.
    pub(crate) const METRICS: &str = "METRICS";
    /// Durable Object: limits of one network or one account.
    pub(crate) const THROTTLE: &str = "THROTTLE";
    /// Durable Object: administrative acts.
    pub(crate) const AUDIT_LOG: &str = "AUDIT_LOG";
}

/// Variables and secrets: strings, and what `[vars]` holds as tables and arrays. Bindings
/// (objects with a prototype of their own) are left out.
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
    // What is no strict JSON is left to the configuration, which says so.
    Some(json::parse_text(&text).unwrap_or(Value::String(text)))
}

/// The KV namespace.
pub(super) fn kv(env: &Env) -> Result<KvNamespace, Fault> {
    bound(env, binding::KV, Part::Kv)
}

/// The database of users.
pub(super) fn database(env: &Env) -> Result<D1Database, Fault> {
    bound(env, binding::DATABASE, Part::Database)
}

/// A namespace of objects.
pub(super) fn namespace(env: &Env, name: &str, part: Part) -> Result<ObjectNamespace, Fault> {
    bound(env, name, part)
}

fn bound<T: JsCast>(env: &Env, name: &str, part: Part) -> Result<T, Fault> {
    match Reflect::get(env, &JsValue::from_str(name)) {
        Ok(value) if value.is_object() => Ok(value.unchecked_into()),
        _ => Err(Fault::new(part, format_args!("nothing is bound as {name}"))),
    }
}

/// A binding of the user's own naming, if it exists and has this method.
fn with_method(env: &Env, name: &str, method: &str) -> Option<JsValue> {
    let value = Reflect::get(env, &JsValue::from_str(name)).ok()?;
    Reflect::get(&value, &JsValue::from_str(method)).ok()?.is_function().then_some(value)
}

/// A service binding, if it exists and can fetch.
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
