//! JavaScript types and functions that neither `web-sys` nor `worker` has in the needed form.

use core::{pin::Pin, time::Duration};

use js_sys::{Function, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use web_sys::{Request, Response};

#[wasm_bindgen]
extern "C" {
    /// The global `fetch`.
    #[wasm_bindgen(js_name = fetch)]
    pub(super) fn global_fetch(request: &Request) -> Promise;

    /// `crypto.subtle`.
    pub(super) type Subtle;

    #[wasm_bindgen(thread_local_v2, js_namespace = crypto, js_name = subtle)]
    pub(super) static SUBTLE: Subtle;

    #[wasm_bindgen(method, js_name = importKey, catch)]
    pub(super) fn import_key(
        this: &Subtle,
        format: &str,
        key: &JsValue,
        algorithm: &JsValue,
        extractable: bool,
        usages: &JsValue,
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, js_name = exportKey, catch)]
    pub(super) fn export_key(this: &Subtle, format: &str, key: &JsValue) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, js_name = generateKey, catch)]
    pub(super) fn generate_key(
        this: &Subtle,
        algorithm: &JsValue,
        extractable: bool,
        usages: &JsValue,
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn sign(
        this: &Subtle,
        algorithm: &JsValue,
        key: &JsValue,
        content: &Uint8Array,
    ) -> Result<Promise, JsValue>;

    /// A service binding, or the stub of a Durable Object.
    pub(super) type Fetcher;

    #[wasm_bindgen(method)]
    pub(super) fn fetch(this: &Fetcher, request: &Request) -> Promise;

    /// A promise that resolves after this many milliseconds.
    #[wasm_bindgen(js_namespace = scheduler)]
    pub(super) fn wait(millis: u32) -> Promise;

    #[wasm_bindgen(js_name = setTimeout)]
    pub(super) fn set_timeout(callback: &Function, millis: u32) -> JsValue;

    #[wasm_bindgen(js_name = clearTimeout)]
    pub(super) fn clear_timeout(timer: &JsValue);

    /// A rate limiting binding.
    pub(super) type Limiter;

    #[wasm_bindgen(method, catch)]
    pub(super) fn limit(this: &Limiter, options: &JsValue) -> Result<Promise, JsValue>;

    /// The execution context of one event.
    #[derive(Clone)]
    pub(super) type ExecutionContext;

    #[wasm_bindgen(method, js_name = waitUntil)]
    pub(super) fn wait_until(this: &ExecutionContext, work: &Promise);
}

/// Waits for a promise.
pub(super) fn settled(promise: Promise) -> JsFuture {
    promise.into()
}

/// A promise of the future's result. The future is boxed, so that the conversion is compiled once.
pub(super) fn promise(work: Pin<Box<dyn Future<Output = Result<JsValue, JsValue>>>>) -> Promise {
    future_to_promise(work)
}

/// A promise that resolves when the future ends.
pub(super) fn finished(work: Pin<Box<dyn Future<Output = ()>>>) -> Promise {
    promise(Box::pin(async move {
        work.await;
        Ok(JsValue::UNDEFINED)
    }))
}

/// How long a call of a Durable Object, KV or D1 may take before it counts as failed. They answer in milliseconds, and in a
/// second or two after a start in another data centre. Clients that wait longest give up after 30 s.
pub(super) const PART_TIMEOUT: Duration = Duration::from_secs(10);

/// Waits for a call of the platform for at most [`PART_TIMEOUT`].
pub(super) async fn in_time(promise: Promise) -> Result<JsValue, JsValue> {
    within(PART_TIMEOUT, promise).await
}

/// Waits for a promise for at most `limit`, and then fails with an exception.
pub(super) async fn within(limit: Duration, promise: Promise) -> Result<JsValue, JsValue> {
    let mut timer = JsValue::UNDEFINED;
    let late = Promise::new(&mut |_, reject| {
        let reason = js_sys::Error::new("no answer within the time limit");
        timer = set_timeout(reject.bind1(&JsValue::NULL, &reason).unchecked_ref(), millis(limit));
    });
    let settled = settled(Promise::race(&js_sys::Array::of2(&promise, &late))).await;
    clear_timeout(&timer);
    settled
}

/// Waits for a promise of a `Response`.
pub(super) async fn response(promise: Promise) -> Result<Response, JsValue> {
    settled(promise).await?.dyn_into()
}

/// Waits for the promise of a body's text.
pub(super) async fn text(promise: Result<Promise, JsValue>) -> Result<String, JsValue> {
    Ok(settled(promise?).await?.as_string().unwrap_or_default())
}

/// An object literal.
pub(super) fn object(members: &[(&str, JsValue)]) -> Object {
    let object = Object::new();
    for (name, value) in members {
        // A fresh plain object accepts every property.
        let _ = Reflect::set(&object, &JsValue::from_str(name), value);
    }
    object
}

/// The name and message of a JavaScript exception, for the log.
pub(super) fn cause(error: &JsValue) -> String {
    match error.dyn_ref::<js_sys::Error>() {
        Some(error) => format!("{}: {}", String::from(error.name()), String::from(error.message())),
        None => format!("{error:?}"),
    }
}

/// A duration in milliseconds, as timers take it.
pub(super) fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// Waits for this long.
pub(super) async fn sleep(duration: Duration) {
    let promise = Promise::new(&mut |resolve, _| {
        set_timeout(&resolve, millis(duration));
    });
    let _ = settled(promise).await;
}

/// Whether the Worker runs with this compatibility flag.
pub(super) fn has_compatibility_flag(name: &str) -> bool {
    let member = |value: &JsValue, name: &str| Reflect::get(value, &JsValue::from_str(name)).ok();
    member(&js_sys::global(), "Cloudflare")
        .and_then(|cloudflare| member(&cloudflare, "compatibilityFlags"))
        .and_then(|flags| member(&flags, name))
        .is_some_and(|flag| flag.is_truthy())
}
