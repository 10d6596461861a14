//! The `fetch` handler. It is synchronous: it answers or forwards a request at once if the isolate's memory has all that
//! the decision needs, and makes a future only to wait for something.

use std::rc::Rc;

use js_sys::{Array, Promise};
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure, prelude::wasm_bindgen};
use web_sys::{Request, Response};

use crate::{
    body, crypto,
    flights::{self, Flight},
    forward, glue, isolate,
    js::{self, ExecutionContext},
    ports::WorkerPorts,
    request::{Head, Incoming},
    response,
};
use postern_app::service::{self, Immediate, Outcome, PendingRequest, Service};

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
    let decided = service.try_sync(&head);
    carry_out(service, head, decided)
}

/// Carries out what was decided at once.
fn carry_out(service: Service<WorkerPorts>, head: Head, decided: Immediate) -> Result<JsValue, JsValue> {
    match decided {
        Immediate::Reply(reply) => answer(&service, &head, Outcome::Reply(reply)),
        Immediate::Identity(answer) => response::kept(&answer, &head),
        Immediate::Forward(plan) => answer(&service, &head, Outcome::Forward(plan)),
        Immediate::Own => {
            let ctx = service.ports().ctx().clone();
            let work = async move { own(&service, head.request()).await.map(JsValue::from) };
            Ok(to_its_end(&ctx, js::promise(Box::pin(work))).into())
        }
        Immediate::Verify(pending) => Ok(verify(service, head, *pending)),
        Immediate::Wait => Ok(wait(service, head)),
    }
}

/// Carries out what was decided in the end.
fn answer(service: &Service<WorkerPorts>, head: &Head, outcome: Outcome) -> Result<JsValue, JsValue> {
    match outcome {
        Outcome::Reply(reply) => Ok(response::response_again(reply, head)?.into()),
        Outcome::Forward(plan) => Ok(forward::carry(service, head, &plan)),
    }
}

/// A promise of the answer to a request that must wait for something.
fn wait(service: Service<WorkerPorts>, head: Head) -> JsValue {
    let ctx = service.ports().ctx().clone();
    let work = async move {
        let outcome = service.gate(&head).await;
        // In a list, so that `waitUntil` waits for the decision and not for the upstream.
        Ok(Array::of1(&answer(&service, &head, outcome)?).into())
    };
    glue::first(&to_its_end(&ctx, js::promise(Box::pin(work)))).into()
}

type Judged = dyn Fn(Request, JsValue, ExecutionContext, u32, Option<bool>) -> Result<JsValue, JsValue>;

thread_local! {
    /// [`judged`] as a JavaScript function, made once for each isolate.
    static JUDGED: JsValue = {
        let judged: Box<Judged> = Box::new(judged);
        Closure::wrap(judged).into_js_value()
    };
}

/// A promise of the answer to a request that waits only for the verdict about a signature: one of JavaScript's, and one
/// call back. A future would cost more than the rest of the gate's work.
fn verify(service: Service<WorkerPorts>, head: Head, pending: PendingRequest) -> JsValue {
    let verification = pending.verification();
    let Some((algorithm, key)) = verification.key().and_then(crypto::known) else {
        return wait(service, head);
    };
    let (ports, flight) = (service.ports(), flights::number());
    let (signature, content) = (verification.signature(), verification.token().signing_input());
    let verdict = JUDGED.with(|judged| {
        let (request, env) = (head.request(), ports.env().unchecked_ref());
        glue::judge(request, env, ports.ctx(), judged, flight, algorithm, &key, signature, content)
    });
    let Ok(verdict) = verdict else { return wait(service, head) };
    flights::depart(flight, Flight { head: head.into_text(), pending });
    verdict.into()
}

/// Answers a request by the verdict about the signature of its access token.
fn judged(
    request: Request,
    env: JsValue,
    ctx: ExecutionContext,
    flight: u32,
    is_good: Option<bool>,
) -> Result<JsValue, JsValue> {
    // The isolate's state exists, because the request departed with it.
    let Some(isolate) = isolate::known() else { return Err(JsValue::UNDEFINED) };
    let service = Service::new(isolate, WorkerPorts::new(Rc::new(env.unchecked_into()), ctx));
    let Some(Flight { head, pending }) = flights::land(flight) else {
        return Ok(wait(service, Head::of(request)));
    };
    let head = Head::again(request, head);
    let decided = is_good.map_or(Immediate::Wait, |is_good| service.judged(&head, pending, is_good));
    carry_out(service, head, decided)
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
