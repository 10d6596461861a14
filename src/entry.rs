//! The Worker's entry: synchronous. What can be decided from memory is answered, or handed
//! on, at once; a future is made only when there is something to wait for.

use std::rc::Rc;

use wasm_bindgen::{JsCast as _, JsValue, prelude::wasm_bindgen};
use web_sys::{Request, Response};

use super::{
    forward,
    glue::Head,
    http::{self, Incoming},
    isolate,
    js::{self, ExecutionContext},
    platform::EdgePorts,
};
use postern_app::service::{self, AtOnce, Outcome, Service};

/// Answers one request: a `Response`, or a promise of one.
#[wasm_bindgen]
#[expect(unreachable_pub, reason = "exported to JavaScript")]
pub fn fetch(request: Request, env: JsValue, ctx: ExecutionContext) -> Result<JsValue, JsValue> {
    let isolate = match isolate::of(&env) {
        Ok(isolate) => isolate,
        Err(mistakes) => {
            let reply = service::misconfigured(&mistakes.0);
            return Ok(http::response(reply, &Incoming::of(&request))?.into());
        }
    };
    let service = Service::new(isolate, EdgePorts::new(Rc::new(env.unchecked_into()), ctx));
    let head = Head::of(request);
    match service.at_once(&head) {
        AtOnce::Reply(reply) => Ok(http::response_again(reply, &head)?.into()),
        AtOnce::Forward(plan) => Ok(forward::carry(service, head, plan)),
        AtOnce::Own => Ok(promise(async move { own(&service, head.request()).await.map(JsValue::from) })),
        AtOnce::Wait => Ok(promise(async move {
            match service.gate(&head).await {
                Outcome::Reply(reply) => http::response_again(reply, &head).map(JsValue::from),
                // A promise that ends in a promise waits for that one.
                Outcome::Forward(plan) => Ok(forward::carry(service, head, plan)),
            }
        })),
    }
}

/// Our own endpoints: their bodies are small and read whole.
async fn own(service: &Service<EdgePorts>, request: &Request) -> Result<Response, JsValue> {
    let view = Incoming::of(request);
    let limit = service.body_limit(&view).await;
    let reply = match http::body(request, limit).await {
        Ok(Some(body)) => service.own(&view, &body).await,
        Ok(None) => service.body_too_large(&view),
        // The client went away, or broke its own encoding.
        Err(_) => service.body_unreadable(&view),
    };
    http::response(reply, &view)
}

pub(super) fn promise(work: impl Future<Output = Result<JsValue, JsValue>> + 'static) -> JsValue {
    js::promise(Box::pin(work)).into()
}
