//! Workers KV.

use std::rc::Rc;

use wasm_bindgen::JsValue;
use worker::Env;

use crate::{
    env, js,
    usage::{self, Unit},
};
use postern_app::ports::{Component, Fault, KvStore};

/// The KV namespace that is bound as `POSTERN_KV`.
#[derive(Clone)]
pub(super) struct Kv(pub(super) Rc<Env>);

impl KvStore for Kv {
    async fn read(&self, key: &str) -> Result<Option<String>, Fault> {
        // 30 s is the minimum that the platform accepts. The readers of these values rely on copies not being older.
        let options = js::object(&[("type", "text".into()), ("cacheTtl", 30.into())]);
        let fault = |error: &JsValue| Fault::new(Component::Kv, js::cause(error));
        let read = env::kv(&self.0)?.get(key, &options).map_err(|error| fault(&error))?;
        usage::count(Unit::KvReads, 1);
        Ok(js::in_time(read).await.map_err(|error| fault(&error))?.as_string())
    }

    async fn write(&self, key: &str, value: &str) -> Result<(), Fault> {
        let fault = |error: &JsValue| Fault::new(Component::Kv, js::cause(error));
        let put = env::kv(&self.0)?.put(key, value).map_err(|error| fault(&error))?;
        usage::count(Unit::KvWrites, 1);
        js::in_time(put).await.map_err(|error| fault(&error))?;
        Ok(())
    }
}
