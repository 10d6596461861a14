//! Service bindings and queues, which the user names.

use std::rc::Rc;

use js_sys::JSON;
use wasm_bindgen::JsValue;
use web_sys::{AbortSignal, Headers, Request, RequestInit, RequestRedirect};
use worker::Env;

use crate::{body, console, env, js};
use postern_app::ports::{Bindings, CacheHeaders, Component, Document, Fault};

/// The origin of calls to service bindings. Only the path has a meaning.
const ORIGIN: &str = "https://service.invalid";

/// All service bindings and queues of the environment.
#[derive(Clone)]
pub(super) struct UserBindings(pub(super) Rc<Env>);

impl Bindings for UserBindings {
    async fn call(
        &self,
        part: Component,
        service: &str,
        path: &str,
        body: &str,
        max_bytes: usize,
        timeout_ms: u32,
    ) -> Result<Document, Fault> {
        let fetcher = env::service(&self.0, service)
            .ok_or_else(|| Fault::new(part, format_args!("there is no service binding named {service}")))?;
        let asked = async {
            let headers = Headers::new()?;
            headers.set("content-type", "application/json")?;
            let init = RequestInit::new();
            init.set_method("POST");
            init.set_redirect(RequestRedirect::Manual);
            init.set_headers(&headers);
            init.set_body(&JsValue::from_str(body));
            init.set_signal(Some(&AbortSignal::timeout_with_u32(timeout_ms)));
            let request = Request::new_with_str_and_init(&[ORIGIN, path].concat(), &init)?;
            let response = js::response(fetcher.fetch(&request)).await?;
            let content_type = response.headers().get("content-type")?;
            let body = body::read(response.body(), max_bytes.saturating_add(1), None).await?;
            Ok(Document { status: response.status(), content_type, body, cache: CacheHeaders::default() })
        };
        asked.await.map_err(|error: JsValue| Fault::new(part, js::cause(&error)))
    }

    async fn send(&self, part: Component, queue: &str, body: &str) -> Result<(), Fault> {
        let producer = env::queue(&self.0, queue)
            .ok_or_else(|| Fault::new(part, format_args!("there is no queue binding named {queue}")))?;
        let sent = async { js::in_time(producer.send(&JSON::parse(body)?)?).await };
        sent.await.map(drop).map_err(|error: JsValue| Fault::new(part, js::cause(&error)))
    }

    fn print(&self, message: &str) {
        console::log(&["notification: ", message].concat());
    }
}
