//! The outgoing `fetch` of public documents: key sets and metadata of other issuers, documents of clients.

use js_sys::Reflect;
use wasm_bindgen::JsValue;
use web_sys::{AbortSignal, Request, RequestInit, RequestRedirect};

use crate::{body, js, runtime::Runtime};
use postern_app::ports::{CacheHeaders, Component, Document, DocumentSource, Fault};

impl DocumentSource for Runtime {
    async fn fetch(
        &self,
        url: &str,
        accept: &'static str,
        max_bytes: usize,
        timeout_ms: u32,
    ) -> Result<Document, Fault> {
        fetch_document(url, accept, max_bytes, timeout_ms)
            .await
            .map_err(|error| Fault::new(Component::Issuer, js::cause(&error)))
    }
}

async fn fetch_document(
    url: &str,
    accept: &str,
    max_bytes: usize,
    timeout_ms: u32,
) -> Result<Document, JsValue> {
    let init = RequestInit::new();
    init.set_method("GET");
    init.set_redirect(RequestRedirect::Manual);
    init.set_signal(Some(&AbortSignal::timeout_with_u32(timeout_ms)));
    // A cache must not bring back what its owner has withdrawn, such as a key.
    Reflect::set(&init, &"cache".into(), &"no-store".into())?;
    let request = Request::new_with_str_and_init(url, &init)?;
    request.headers().set("accept", accept)?;
    let response = js::response(js::global_fetch(&request)).await?;
    let body = body::read(response.body(), max_bytes.saturating_add(1), None).await?;
    let headers = response.headers();
    let cache = CacheHeaders {
        cache_control: headers.get("cache-control")?,
        age: headers.get("age")?,
        date: headers.get("date")?,
        expires: headers.get("expires")?,
    };
    let content_type = headers.get("content-type")?;
    Ok(Document { status: response.status(), content_type, body, cache })
}
