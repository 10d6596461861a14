//! The Worker's entry: synchronous. What can be decided from memory is answered, or handed
//! on, at once; a future is made only when there is something to wait for.

use wasm_bindgen::{JsCast as _, JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::future_to_promise;
use web_sys::{Request, Response};
use worker::Env;

use super::{
    forward,
    glue::Head,
    http::{self, Incoming},
    isolate,
    js::ExecutionContext,
    platform::EdgePorts,
};
use crate::service::{self, AtOnce, Forward, Outcome, Service};

/// Answers one request: a `Response`, or a promise of one.
#[wasm_bindgen]
#[expect(unreachable_pub, reason = "exported to JavaScript")]
pub fn fetch(request: Request, env: JsValue, ctx: ExecutionContext) -> Result<JsValue, JsValue> {
    let isolate = match isolate::of(&env) {
        Ok(isolate) => isolate,
        Err(mistakes) => return Ok(http::response(&service::misconfigured(&mistakes.0))?.into()),
    };
    let env: Env = env.unchecked_into();
    let service = Service::new(isolate, EdgePorts::new(env.clone(), ctx));
    let head = Head::of(&request);
    let decision = service.at_once(&head);
    match decision {
        AtOnce::Reply(reply) => Ok(http::response(&reply)?.into()),
        AtOnce::Forward(plan) => Ok(promise(async move { carry(&service, &request, &plan, &env).await })),
        AtOnce::Own => Ok(promise(async move { own(&service, &request).await })),
        AtOnce::Wait => Ok(promise(async move {
            match service.gate(&head).await {
                Outcome::Reply(reply) => http::response(&reply),
                Outcome::Forward(plan) => carry(&service, &request, &plan, &env).await,
            }
        })),
    }
}

/// Whatever the upstream does, the answer is a response.
async fn carry(
    service: &Service<EdgePorts>,
    request: &Request,
    plan: &Forward,
    env: &Env,
) -> Result<Response, JsValue> {
    match forward::forward(service, request, plan, env).await {
        Ok(response) => Ok(response),
        Err(fault) => http::response(&service.upstream_fault(&Incoming(request), plan, &fault)),
    }
}

/// Our own endpoints: their bodies are small and read whole.
async fn own(service: &Service<EdgePorts>, request: &Request) -> Result<Response, JsValue> {
    let view = Incoming(request);
    let limit = service.body_limit(&view).await;
    let reply = match http::body(request, limit).await {
        Ok(Some(body)) => service.own(&view, &body).await,
        Ok(None) => service.body_too_large(&view),
        // The client went away, or broke its own encoding.
        Err(_) => service.body_unreadable(&view),
    };
    http::response(&reply)
}

fn promise(work: impl Future<Output = Result<Response, JsValue>> + 'static) -> JsValue {
    future_to_promise(async move { work.await.map(JsValue::from) }).into()
}
