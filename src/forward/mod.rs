//! Carries a request that the gate let pass to its upstream and the answer back, bodies
//! streaming untouched.

use core::time::Duration;

use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use web_sys::{Request, Response};
use worker::Env;

mod websocket;

use super::{
    entry, env,
    glue::{self, Head, Outgoing},
    http::{self, Incoming},
    isolate,
    js::{self, ExecutionContext},
    platform::EdgePorts,
};
use postern_app::{
    gateway::Target,
    ports::Background as _,
    service::{Forward, Ports as _, Service, UpstreamFault},
};

type Failed = dyn Fn(Request, JsValue, ExecutionContext, JsValue, String) -> Result<Response, JsValue>;

thread_local! {
    /// [`failed`] for JavaScript, made once.
    static FAILED: JsValue = {
        let failed: Box<Failed> = Box::new(failed);
        Closure::wrap(failed).into_js_value()
    };
}

/// The promise of the answer, whatever the upstream does. `glue.js` has the rules of the way
/// there and back, and goes it alone; for a route with a rule about what happens meanwhile
/// [`forward`] goes it, by the same rules.
pub(super) fn carry(service: Service<EdgePorts>, head: Head, plan: Box<Forward>) -> JsValue {
    let ports = service.ports();
    let upstream = match upstream(&plan.target, ports.env()) {
        Ok(upstream) => upstream,
        Err(fault) => {
            return http::response(service.upstream_fault(&head, &plan.answer_headers, &fault), &head)
                .map_or_else(|error| error, JsValue::from);
        }
    };
    if plan.retry || plan.total_timeout.is_some() || plan.watch.is_some() {
        return entry::promise(async move {
            let response = match forward(&service, &head, &plan, &upstream).await {
                Ok(response) => response,
                Err(fault) => {
                    http::response(service.upstream_fault(&head, &plan.answer_headers, &fault), &head)?
                }
            };
            Ok(response.into())
        });
    }
    let out = Outgoing::of(&plan.headers, &head);
    FAILED.with(|failed| {
        glue::carry(
            head.request(),
            ports.env().unchecked_ref(),
            ports.ctx(),
            failed,
            &upstream,
            &plan.target.url,
            &out.names,
            out.only,
            &out.set,
            uncached(&plan),
            &plan.answer_without.join("\n"),
            &plan.answer_without_cookies.join("\n"),
            &glue::lines(&plan.answer_headers),
            js::millis(plan.timeout),
        )
        .into()
    })
}

/// The binding to ask, or undefined for the URL's own host.
fn upstream(target: &Target, env: &Env) -> Result<JsValue, UpstreamFault> {
    let Some(name) = &target.service else { return Ok(JsValue::UNDEFINED) };
    env::service(env, name).map(JsValue::from).ok_or_else(|| UpstreamFault::NotBound(name.clone()))
}

/// The answer when JavaScript carried the request and `cause` was thrown; `added` are the headers
/// for the answer.
#[expect(clippy::needless_pass_by_value, reason = "called by JavaScript, which gives values")]
fn failed(
    request: Request,
    env: JsValue,
    ctx: ExecutionContext,
    cause: JsValue,
    added: String,
) -> Result<Response, JsValue> {
    let fault = fault(&cause);
    // The isolate was there when the request was sent on.
    let Some(isolate) = isolate::known() else { return Err(cause) };
    let env: Env = env.unchecked_into();
    let service = Service::new(isolate, EdgePorts::new(env.into(), ctx));
    let view = Incoming::of(&request);
    http::response(service.upstream_fault(&view, &glue::pairs(&added), &fault), &view)
}

/// Sends the request on and brings the upstream's answer.
async fn forward(
    service: &Service<EdgePorts>,
    head: &Head,
    plan: &Forward,
    upstream: &JsValue,
) -> Result<Response, UpstreamFault> {
    let begun = js_sys::Date::now();
    let limit = plan.total_timeout.map_or(plan.timeout, |total| total.min(plan.timeout));
    let deadline = js::Deadline::start(limit).map_err(|error| fault(&error))?;
    let out = Outgoing::of(&plan.headers, head);
    let again = plan.retry && has_no_body(head.request());
    let response = match send(head, plan, upstream, &out, again, &deadline).await {
        Err(UpstreamFault::Unreachable(cause)) if again => {
            service.upstream_retried(head, &UpstreamFault::Unreachable(cause));
            // The same deadline: two tries take no longer than one may.
            send(head, plan, upstream, &out, again, &deadline).await?
        }
        first => first?,
    };
    // The head is here: the body may take as long as it likes (streams, server-sent events).
    deadline.lift();
    let (unwanted, cookies) = (plan.answer_without.join("\n"), plan.answer_without_cookies.join("\n"));
    let answer = glue::answered(&response, &unwanted, &cookies, &glue::lines(&plan.answer_headers))
        .map_err(|cause| fault(&cause))?;
    match (websocket::of(&answer), &plan.watch) {
        (Some(socket), Some(watch)) => {
            websocket::watched(service, &answer, socket, watch).map_err(|error| fault(&error))
        }
        (Some(_), None) => Ok(answer),
        (None, _) => {
            if let Some(total) = plan.total_timeout {
                cut_off(service, deadline, total, begun);
            }
            Ok(answer)
        }
    }
}

/// Sends it once.
async fn send(
    head: &Head,
    plan: &Forward,
    upstream: &JsValue,
    out: &Outgoing,
    without_body: bool,
    deadline: &js::Deadline,
) -> Result<Response, UpstreamFault> {
    let Outgoing { names, only, set } = out;
    let (url, signal) = (&plan.target.url, deadline.signal());
    let request = head.request();
    let sent = glue::send(request, upstream, url, names, *only, set, &signal, uncached(plan), without_body);
    let answer = async { js::response(sent?).await };
    answer.await.map_err(|cause| fault(&cause))
}

/// Whether the platform's cache is to be passed by: there is none in front of a service binding, whose
/// Worker would see the wish.
const fn uncached(plan: &Forward) -> bool {
    plan.uncached && plan.target.service.is_none()
}

/// The platform has a stream for an empty body too (`Content-Length: 0`).
fn has_no_body(request: &Request) -> bool {
    request.body().is_none()
        || request.headers().get("content-length").is_ok_and(|length| length.as_deref() == Some("0"))
}

/// Ends the exchange, body included, when its time is over. Something must be waited for until
/// then: the platform forgets the timers of a request whose answer it carries by itself.
fn cut_off(service: &Service<EdgePorts>, deadline: js::Deadline, total: Duration, begun: f64) {
    let used = Duration::from_secs_f64((js_sys::Date::now() - begun).max(0.0) / 1000.0);
    service.ports().background().spawn(async move {
        js::sleep(total.saturating_sub(used)).await;
        deadline.abort();
    });
}

/// What was thrown on the way to the upstream and back: a status that none is, or an exception.
fn fault(thrown: &JsValue) -> UpstreamFault {
    // A status has three digits.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 999")]
    if let Some(status) = thrown.as_f64() {
        return UpstreamFault::Status(status as u16);
    }
    let cause = js::cause(thrown);
    // Only our own deadline aborts this fetch.
    if cause.starts_with("AbortError") { UpstreamFault::Timeout } else { UpstreamFault::Unreachable(cause) }
}
