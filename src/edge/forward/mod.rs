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
use crate::{
    gateway::Upstream,
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

/// The promise of the answer, whatever the upstream does. Most routes have it carried by
/// JavaScript alone; those with a rule about what happens meanwhile by [`forward`].
pub(super) fn carry(service: Service<EdgePorts>, head: Head, plan: Box<Forward>) -> JsValue {
    if plan.retry || plan.total_timeout.is_some() || plan.watch.is_some() {
        return entry::promise(async move {
            let response = match forward(&service, &head, &plan, service.ports().env()).await {
                Ok(response) => response,
                Err(fault) => http::response(&service.upstream_fault(&head, &plan.answer_headers, &fault))?,
            };
            Ok(response.into())
        });
    }
    let ports = service.ports();
    let upstream = match &plan.upstream {
        Upstream::Url { .. } | Upstream::Answer => JsValue::UNDEFINED,
        Upstream::Service { binding } => match env::service(ports.env(), binding) {
            Some(service) => service.into(),
            None => return unbound(&service, &head, &plan, binding),
        },
    };
    let out = Outgoing::of(&plan.headers, &head);
    let added = glue::lines(&plan.answer_headers);
    let without = if added.is_empty() { String::new() } else { plan.answer_without.join("\n") };
    let timeout = js::millis(plan.timeout);
    FAILED.with(|failed| {
        glue::carry(
            head.request(),
            ports.env().unchecked_ref(),
            ports.ctx(),
            failed,
            &upstream,
            &plan.url,
            &out.names,
            out.only,
            &out.set,
            uncached(&plan),
            &without,
            &plan.answer_without_cookies.join("\n"),
            &added,
            timeout,
        )
        .into()
    })
}

fn unbound(service: &Service<EdgePorts>, head: &Head, plan: &Forward, binding: &str) -> JsValue {
    let fault = UpstreamFault::Unreachable(format!("no service is bound as {binding}"));
    http::response(&service.upstream_fault(head, &plan.answer_headers, &fault))
        .map_or_else(|error| error, JsValue::from)
}

/// The answer when JavaScript carried the request and there was none: `cause` is a status that
/// none is, or an exception; `added` are the headers for the answer. Only its own deadline aborts that fetch.
#[expect(clippy::needless_pass_by_value, reason = "called by JavaScript, which gives values")]
fn failed(
    request: Request,
    env: JsValue,
    ctx: ExecutionContext,
    cause: JsValue,
    added: String,
) -> Result<Response, JsValue> {
    let fault = match cause.as_f64() {
        // A status has three digits.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 999")]
        Some(status) => UpstreamFault::Status(status as u16),
        None => fault(&cause),
    };
    // The isolate was there when the request was sent on.
    let Some(isolate) = isolate::known() else { return Err(cause) };
    let env: Env = env.unchecked_into();
    let service = Service::new(isolate, EdgePorts::new(env.into(), ctx));
    http::response(&service.upstream_fault(&Incoming(&request), &glue::pairs(&added), &fault))
}

/// Sends the request on and brings the upstream's answer.
async fn forward(
    service: &Service<EdgePorts>,
    head: &Head,
    forward: &Forward,
    env: &Env,
) -> Result<Response, UpstreamFault> {
    let request = head.request();
    let begun = js_sys::Date::now();
    let deadline = js::Deadline::start(
        forward.total_timeout.map_or(forward.timeout, |total| total.min(forward.timeout)),
    )
    .map_err(|error| fault(&error))?;
    let again = forward.retry && has_no_body(request);
    let first = send(head, forward, again, env, &deadline).await.map_err(|error| fault(&error));
    let response = match first {
        Err(UpstreamFault::Unreachable(cause)) if again => {
            service.upstream_retried(head, &UpstreamFault::Unreachable(cause));
            // The same deadline: two tries take no longer than one may.
            send(head, forward, true, env, &deadline).await.map_err(|error| fault(&error))?
        }
        other => other?,
    };
    // The head is here: the body may take as long as it likes (streams, server-sent events).
    deadline.lift();
    let own_cookies = forward.answer_without_cookies.join("\n");
    match response.status() {
        // A WebSocket: the platform carries the socket in the response itself.
        101 => {
            let response = glue::answered(&response, "", &own_cookies, "").map_err(|error| fault(&error))?;
            match (websocket::of(&response), &forward.watch) {
                (None, _) => Err(UpstreamFault::Status(101)),
                (Some(_), None) => Ok(response),
                (Some(socket), Some(watch)) => {
                    websocket::watched(service, &response, socket, watch).map_err(|error| fault(&error))
                }
            }
        }
        200..=599 => {
            if let Some(total) = forward.total_timeout {
                cut_off(service, deadline, total, begun);
            }
            let added = glue::lines(&forward.answer_headers);
            glue::answered(&response, &forward.answer_without.join("\n"), &own_cookies, &added)
                .map_err(|error| fault(&error))
        }
        // A `Response` can't be made of other statuses, and no client expects them. An interim
        // one (103) ends here too: the platform takes it for the answer.
        status => Err(UpstreamFault::Status(status)),
    }
}

/// Whether the platform's cache is to be passed by: there is none in front of a service binding, whose
/// Worker would see the wish.
fn uncached(forward: &Forward) -> bool {
    forward.uncached && matches!(forward.upstream, Upstream::Url { .. })
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

fn fault(error: &JsValue) -> UpstreamFault {
    let cause = js::cause(error);
    // Only our own deadline aborts this fetch.
    if cause.starts_with("AbortError") { UpstreamFault::Timeout } else { UpstreamFault::Unreachable(cause) }
}

async fn send(
    head: &Head,
    forward: &Forward,
    without_body: bool,
    env: &Env,
    deadline: &js::Deadline,
) -> Result<Response, JsValue> {
    let outgoing = outgoing(head, forward, without_body, deadline)?;
    let promise = match &forward.upstream {
        Upstream::Url { .. } => js::global_fetch(&outgoing),
        Upstream::Service { binding } => env::service(env, binding)
            .ok_or_else(|| JsValue::from(format!("no service is bound as {binding}")))?
            .fetch(&outgoing),
        // The service answers those.
        Upstream::Answer => return Err(JsValue::from("a route that answers by itself has no upstream")),
    };
    js::response(promise).await
}

fn outgoing(
    head: &Head,
    forward: &Forward,
    without_body: bool,
    deadline: &js::Deadline,
) -> Result<Request, JsValue> {
    let Outgoing { names, only, set } = Outgoing::of(&forward.headers, head);
    let signal = deadline.signal();
    glue::outgoing(head.request(), &forward.url, &names, only, &set, &signal, uncached(forward), without_body)
}
