//! The Worker's entry: synchronous. What can be decided from memory is answered, or handed
//! on, at once; a future is made only when there is something to wait for.

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
use postern_app::service::{self, AtOnce, Outcome, Service};

/// Answers one request: a `Response`, or a promise of one.
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
    match service.at_once(&head) {
        AtOnce::Reply(reply) => Ok(response::response_again(reply, &head)?.into()),
        AtOnce::Forward(plan) => Ok(forward::carry(&service, &head, &plan)),
        AtOnce::Own => {
            let ctx = service.ports().ctx().clone();
            let work = async move { own(&service, head.request()).await.map(JsValue::from) };
            Ok(to_its_end(&ctx, js::promise(Box::pin(work))).into())
        }
        AtOnce::Wait => {
            let ctx = service.ports().ctx().clone();
            let work = async move {
                let answer = match service.gate(&head).await {
                    Outcome::Reply(reply) => response::response_again(reply, &head)?.into(),
                    Outcome::Forward(plan) => forward::carry(&service, &head, &plan),
                };
                // In a list: only what is decided here is waited for to its end, and no upstream.
                Ok(Array::of1(&answer).into())
            };
            Ok(glue::first(&to_its_end(&ctx, js::promise(Box::pin(work)))).into())
        }
    }
}

/// Our own endpoints: their bodies are small and read whole.
async fn own(service: &Service<WorkerPorts>, request: &Request) -> Result<Response, JsValue> {
    let view = Incoming::of(request);
    let limit = service.body_limit(&view).await;
    let reply = match body::of_request(request, limit).await {
        Ok(body) => service.own(&view, &body).await,
        Err(cause) => service.body_refused(&view, cause),
    };
    response::response(reply, &view)
}

/// When a client goes away, the platform gives up what the request waited for, and a future would be
/// left behind in memory, with all that it holds, for the isolate's life.
fn to_its_end(ctx: &ExecutionContext, work: Promise) -> Promise {
    ctx.wait_until(&work);
    work
}
