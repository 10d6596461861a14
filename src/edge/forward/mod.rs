//! Carries a request that the gate let pass to its upstream and the answer back, bodies
//! streaming untouched.

use core::time::Duration;

use wasm_bindgen::JsValue;
use web_sys::{Headers, Request, Response, ResponseInit};
use worker::Env;

mod websocket;

use super::{env, glue, http::Incoming, js, platform::EdgePorts};
use crate::{
    gateway::Upstream,
    ports::Background as _,
    service::{Forward, Ports as _, Service, UpstreamFault},
};

/// Sends the request on and brings the upstream's answer.
pub(super) async fn forward(
    service: &Service<EdgePorts>,
    request: &Request,
    forward: &Forward,
    env: &Env,
) -> Result<Response, UpstreamFault> {
    let begun = js_sys::Date::now();
    let deadline = js::Deadline::start(
        forward.total_timeout.map_or(forward.timeout, |total| total.min(forward.timeout)),
    )
    .map_err(|error| fault(&error))?;
    let again = forward.retry && has_no_body(request);
    let first = send(request, forward, again, env, &deadline).await.map_err(|error| fault(&error));
    let response = match first {
        Err(UpstreamFault::Unreachable(cause)) if again => {
            service.upstream_retried(&Incoming(request), &UpstreamFault::Unreachable(cause));
            // The same deadline: two tries take no longer than one may.
            send(request, forward, true, env, &deadline).await.map_err(|error| fault(&error))?
        }
        other => other?,
    };
    // The head is here: the body may take as long as it likes (streams, server-sent events).
    deadline.lift();
    match response.status() {
        // A WebSocket: the platform carries the socket in the response itself.
        101 => match (websocket::of(&response), &forward.watch) {
            (None, _) => Err(UpstreamFault::Status(101)),
            (Some(_), None) => Ok(response),
            (Some(socket), Some(watch)) => {
                websocket::watched(service, &response, socket, watch).map_err(|error| fault(&error))
            }
        },
        200..=599 => {
            if let Some(total) = forward.total_timeout {
                cut_off(service, deadline, total, begun);
            }
            if forward.answer_headers.is_empty() {
                return Ok(response);
            }
            with_headers(&response, &forward.answer_headers).map_err(|error| fault(&error))
        }
        // A `Response` can't be made of other statuses, and no client expects them. An interim
        // one (103) ends here too: the platform takes it for the answer.
        status => Err(UpstreamFault::Status(status)),
    }
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

/// The same response with headers added; a fetched one's own can't be changed.
fn with_headers(response: &Response, added: &[(String, String)]) -> Result<Response, JsValue> {
    let headers = Headers::new_with_headers(&response.headers())?;
    for (name, value) in added {
        if name == "vary" {
            headers.append(name, value)?;
        } else {
            headers.set(name, value)?;
        }
    }
    let init = ResponseInit::new();
    init.set_status(response.status());
    init.set_status_text(&response.status_text());
    init.set_headers(&headers);
    Response::new_with_opt_readable_stream_and_init(response.body().as_ref(), &init)
}

fn fault(error: &JsValue) -> UpstreamFault {
    let cause = js::cause(error);
    // Only our own deadline aborts this fetch.
    if cause.starts_with("AbortError") { UpstreamFault::Timeout } else { UpstreamFault::Unreachable(cause) }
}

async fn send(
    request: &Request,
    forward: &Forward,
    without_body: bool,
    env: &Env,
    deadline: &js::Deadline,
) -> Result<Response, JsValue> {
    let outgoing = outgoing(request, forward, without_body, deadline)?;
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
    request: &Request,
    forward: &Forward,
    without_body: bool,
    deadline: &js::Deadline,
) -> Result<Request, JsValue> {
    let headers = &forward.headers;
    let (remove, set, signal) = (headers.remove.join("\n"), glue::lines(&headers.set), deadline.signal());
    glue::outgoing(request, &forward.url, &remove, &set, &signal, without_body)
}
