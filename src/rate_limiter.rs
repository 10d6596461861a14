//! Rate limiting bindings, which the user names.

use std::rc::Rc;

use js_sys::Reflect;
use wasm_bindgen::JsValue;
use worker::Env;

use crate::{
    env,
    js::{self, Limiter},
};
use postern_app::ports::{Component, Fault, RateLimiter};

/// All rate limiting bindings of the environment.
#[derive(Clone)]
pub(super) struct Limiters(pub(super) Rc<Env>);

impl RateLimiter for Limiters {
    async fn admits(&self, binding: &str, key: &str) -> Result<bool, Fault> {
        let limiter = env::limiter(&self.0, binding).ok_or_else(|| {
            Fault::new(
                Component::RateLimiter,
                format_args!("there is no rate limiting binding named {binding}"),
            )
        })?;
        let outcome = ask(&limiter, key)
            .await
            .map_err(|error| Fault::new(Component::RateLimiter, js::cause(&error)))?;
        Ok(outcome.is_truthy())
    }
}

async fn ask(limiter: &Limiter, key: &str) -> Result<JsValue, JsValue> {
    let options = js::object(&[("key", key.into())]);
    let outcome = js::in_time(limiter.limit(&options)?).await?;
    Reflect::get(&outcome, &"success".into())
}
