//! Forwards a request to its upstream and the response to the client. Bodies stream past WASM.
//!
//! No Rust future waits for an upstream: `glue.js` does, so that a request that is given up leaves nothing in WASM.

use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use web_sys::{Request, Response};
use worker::Env;

mod headers;
mod websocket;

use self::headers::Outgoing;
use crate::{
    env, glue, isolate,
    js::{self, ExecutionContext},
    ports::WorkerPorts,
    request::{Head, Incoming},
    response,
};
use postern_app::{
    gateway::UpstreamTarget,
    service::{BodyFault, Forward, Service, UpstreamFault},
};

/// `glue.js` reports that no response came.
const FAILED: u8 = 0;
/// `glue.js` reports that the first try failed and a second one follows.
const SENT_ONCE_MORE: u8 = 1;
/// `glue.js` reports that the client's body broke off.
const BODY_BROKE_OFF: u8 = 2;
/// `glue.js` reports that the client's body did not arrive within the time limit.
const BODY_TOO_SLOW: u8 = 3;

type Told =
    dyn Fn(Request, JsValue, ExecutionContext, u8, JsValue, String) -> Result<Option<Response>, JsValue>;

thread_local! {
    /// [`told`] as a JavaScript function, made once for each isolate.
    static TOLD: JsValue = {
        let told: Box<Told> = Box::new(told);
        Closure::wrap(told).into_js_value()
    };
}

/// Forwards the request. The result is a promise of a response, whatever the upstream does.
pub(super) fn carry(service: &Service<WorkerPorts>, head: &Head, plan: &Forward) -> JsValue {
    let ports = service.ports();
    let upstream = match upstream(&plan.target, ports.env()) {
        Ok(upstream) => upstream,
        Err(fault) => {
            return response::response(service.upstream_fault(head, &plan.answer_headers, &fault), head)
                .map_or_else(|error| error, JsValue::from);
        }
    };
    let out = Outgoing::of(&plan.headers, head);
    let look = plan.watch.as_ref().map_or(JsValue::UNDEFINED, |watch| websocket::look(service, watch));
    TOLD.with(|told| {
        glue::carry(
            head.request(),
            ports.env().unchecked_ref(),
            ports.ctx(),
            told,
            &upstream,
            &plan.target.url,
            &out.names,
            out.only,
            &out.set,
            &out.fresh,
            uncached(plan),
            &plan.answer_without.join("\n"),
            &plan.answer_without_cookies.join("\n"),
            &glue::lines(&plan.answer_headers),
            plan.timeout.map_or(0, js::millis),
            plan.total_timeout.map_or(0, js::millis),
            plan.retry,
            &look,
        )
        .into()
    })
}

/// The service binding of the target, or undefined for the URL's host.
fn upstream(target: &UpstreamTarget, env: &Env) -> Result<JsValue, UpstreamFault> {
    let Some(name) = &target.service else { return Ok(JsValue::UNDEFINED) };
    env::service(env, name).map(JsValue::from).ok_or_else(|| UpstreamFault::NotBound(name.clone()))
}

/// Whether to bypass the platform's cache. A service binding has no cache in front of it, and its Worker would see the
/// request for it.
const fn uncached(plan: &Forward) -> bool {
    plan.uncached && plan.target.service.is_none()
}

/// Handles a report of `glue.js`, and answers the client unless a second try follows. `cause` is the exception, `added` are
/// the headers for the answer.
#[expect(clippy::needless_pass_by_value, reason = "called by JavaScript, which gives values")]
fn told(
    request: Request,
    env: JsValue,
    ctx: ExecutionContext,
    what: u8,
    cause: JsValue,
    added: String,
) -> Result<Option<Response>, JsValue> {
    // The isolate's state exists, because the request was forwarded.
    let Some(isolate) = isolate::known() else { return Err(cause) };
    let env: Env = env.unchecked_into();
    let service = Service::new(isolate, WorkerPorts::new(env.into(), ctx));
    let (view, added) = (Incoming::of(&request), glue::pairs(&added));
    let reply = match what {
        SENT_ONCE_MORE => {
            service.upstream_retried(&view, &fault(&cause));
            return Ok(None);
        }
        BODY_BROKE_OFF => service.body_fault(&view, &added, BodyFault::BrokeOff),
        BODY_TOO_SLOW => service.body_fault(&view, &added, BodyFault::TooSlow),
        FAILED.. => service.upstream_fault(&view, &added, &fault(&cause)),
    };
    response::response(reply, &view).map(Some)
}

/// The fault of an upstream by what was thrown: a status that is not valid, or an exception.
fn fault(thrown: &JsValue) -> UpstreamFault {
    // A status has three digits.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 999")]
    if let Some(status) = thrown.as_f64() {
        return UpstreamFault::Status(status as u16);
    }
    let cause = js::cause(thrown);
    // Only the route's own time limit aborts this fetch.
    if cause.starts_with("AbortError") { UpstreamFault::Timeout } else { UpstreamFault::Unreachable(cause) }
}
