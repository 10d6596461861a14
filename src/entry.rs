//! The `fetch` handler. It is synchronous: it answers or forwards a request at once if the isolate's memory has all that
//! the decision needs, and makes a future only to wait for something.

use std::rc::Rc;

use js_sys::{Array, Promise};
use wasm_bindgen::{JsCast as _, JsValue, prelude::wasm_bindgen};
use web_sys::{Request, Response};

use crate::{
    body, forward, glue, isolate,
    js::{self, ExecutionContext},
    ports::WorkerPorts,
    request::{Head, Incoming},
    response,
};
use postern_app::service::{self, Immediate, Outcome, Service};

/// Answers one request with a `Response` or with a promise of one.
#[wasm_bindgen]
#[expect(unreachable_pub, reason = "exported to JavaScript")]
pub fn fetch(request: Request, env: JsValue, ctx: ExecutionContext) -> Result<JsValue, JsValue> {
    let isolate = match isolate::of(&env) {
        Ok(isolate) => isolate,
        Err(mistakes) => {
            let reply = service::misconfigured(&mistakes.0);
            return Ok(response::response(reply, &Incoming::of(&request))?.into());
        }
    };
    let service = Service::new(isolate, WorkerPorts::new(Rc::new(env.unchecked_into()), ctx));
    let head = Head::of(request);
    match service.try_sync(&head) {
        Immediate::Reply(reply) => Ok(response::response_again(reply, &head)?.into()),
        Immediate::Forward(plan) => Ok(forward::carry(&service, &head, &plan)),
        Immediate::Own => {
            let ctx = service.ports().ctx().clone();
            let work = async move { own(&service, head.request()).await.map(JsValue::from) };
            Ok(to_its_end(&ctx, js::promise(Box::pin(work))).into())
        }
        Immediate::Wait => {
            let ctx = service.ports().ctx().clone();
            let work = async move {
                let answer = match service.gate(&head).await {
                    Outcome::Reply(reply) => response::response_again(reply, &head)?.into(),
                    Outcome::Forward(plan) => forward::carry(&service, &head, &plan),
                };
                // In a list, so that `waitUntil` waits for the decision and not for the upstream.
                Ok(Array::of1(&answer).into())
            };
            Ok(glue::first(&to_its_end(&ctx, js::promise(Box::pin(work)))).into())
        }
    }
}

/// Answers Postern's own endpoints. Their bodies are small and are read whole.
async fn own(service: &Service<WorkerPorts>, request: &Request) -> Result<Response, JsValue> {
    let view = Incoming::of(request);
    let limit = service.body_limit(&view).await;
    let reply = match body::of_request(request, limit).await {
        Ok(body) => service.own(&view, &body).await,
        Err(cause) => service.body_refused(&view, cause),
    };
    response::response(reply, &view)
}

/// Lets the work run to its end when the client goes away. Otherwise the platform drops the promise, and the future stays
/// in the isolate's memory with everything that it holds.
fn to_its_end(ctx: &ExecutionContext, work: Promise) -> Promise {
    ctx.wait_until(&work);
    work
}
