//! KV, the clock, randomness and the fetch of public documents.

use core::time::Duration;

use js_sys::Reflect;
use wasm_bindgen::JsValue;
use web_sys::{AbortSignal, Request, RequestInit, RequestRedirect};

use super::{env, http, js};
use postern_app::{
    identity::Normalizer,
    ports::{Clock, Document, DocumentSource, Fault, KvStore, Part, Randomness, Timer},
    time::Timestamp,
};

/// The platform's clock, randomness, text and outgoing fetch: they have no state.
#[derive(Debug, Clone, Copy)]
pub(super) struct Platform;

impl Clock for Platform {
    fn now(&self) -> Timestamp {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "Date.now() is a whole number of milliseconds after 1970, far below 2^53"
        )]
        Timestamp::from_millis(js_sys::Date::now() as u64)
    }
}

impl Timer for Platform {
    async fn sleep(&self, duration: Duration) {
        js::sleep(duration).await;
    }
}

impl Randomness for Platform {
    #[expect(clippy::disallowed_methods, reason = "an implementation of the port")]
    fn fill(&self, buffer: &mut [u8]) -> Result<(), Fault> {
        getrandom::fill(buffer).map_err(|error| Fault::new(Part::Crypto, error))
    }
}

/// Workers KV.
#[derive(Clone)]
pub(super) struct Kv(pub(super) std::rc::Rc<worker::Env>);

impl KvStore for Kv {
    async fn read(&self, key: &str) -> Result<Option<String>, Fault> {
        // 30 s is the least the platform takes, and what freshness our readers rely on.
        let options = js::object(&[("type", "text".into()), ("cacheTtl", 30.into())]);
        let fault = |error: &JsValue| Fault::new(Part::Kv, js::cause(error));
        let read = env::kv(&self.0)?.get(key, &options).map_err(|error| fault(&error))?;
        Ok(js::in_time(read).await.map_err(|error| fault(&error))?.as_string())
    }

    async fn write(&self, key: &str, value: &str) -> Result<(), Fault> {
        let fault = |error: &JsValue| Fault::new(Part::Kv, js::cause(error));
        let put = env::kv(&self.0)?.put(key, value).map_err(|error| fault(&error))?;
        js::in_time(put).await.map_err(|error| fault(&error))?;
        Ok(())
    }
}

impl Normalizer for Platform {
    fn nfc(&self, text: &str) -> String {
        normalized(text, "NFC")
    }

    fn nfkc(&self, text: &str) -> String {
        normalized(text, "NFKC")
    }
}

fn normalized(text: &str, form: &str) -> String {
    // ASCII is in every normal form.
    if text.is_ascii() {
        return text.to_owned();
    }
    js_sys::JsString::from(text).normalize(form).into()
}

impl DocumentSource for Platform {
    async fn fetch(&self, url: &str, max_bytes: usize, timeout_ms: u32) -> Result<Document, Fault> {
        fetch_document(url, max_bytes, timeout_ms)
            .await
            .map_err(|error| Fault::new(Part::Issuer, js::cause(&error)))
    }
}

async fn fetch_document(url: &str, max_bytes: usize, timeout_ms: u32) -> Result<Document, JsValue> {
    let init = RequestInit::new();
    init.set_method("GET");
    init.set_redirect(RequestRedirect::Manual);
    init.set_signal(Some(&AbortSignal::timeout_with_u32(timeout_ms)));
    // A key that its issuer withdrew must not come back from a cache on the way.
    Reflect::set(&init, &"cache".into(), &"no-store".into())?;
    let request = Request::new_with_str_and_init(url, &init)?;
    request.headers().set("accept", "application/jwk-set+json, application/json")?;
    let response = js::response(js::global_fetch(&request)).await?;
    let body = http::read(response.body(), max_bytes.saturating_add(1), None).await?;
    let content_type = response.headers().get("content-type")?;
    Ok(Document { status: response.status(), content_type, body })
}
