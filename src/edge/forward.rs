//! Carries a request that the gate let pass to its upstream and the answer back, bodies
//! streaming untouched.

use wasm_bindgen::JsValue;
use web_sys::{Headers, Request, Response, ResponseInit};
use worker::Env;

use super::{env, glue, js};
use crate::{
    gateway::Upstream,
    service::{Forward, UpstreamFault},
};

/// Sends the request on and brings the upstream's answer.
pub(super) async fn forward(
    request: &Request,
    forward: &Forward,
    env: &Env,
) -> Result<Response, UpstreamFault> {
    let response = send(request, forward, env).await.map_err(|failure| match failure {
        Failure::Timeout => UpstreamFault::Timeout,
        Failure::Other(cause) => UpstreamFault::Unreachable(cause),
    })?;
    match response.status() {
        // A WebSocket: the platform carries the socket in the response itself.
        101 => Ok(response),
        200..=599 if forward.answer_headers.is_empty() => Ok(response),
        200..=599 => with_headers(&response, &forward.answer_headers)
            .map_err(|error| UpstreamFault::Unreachable(js::cause(&error))),
        // A `Response` can't be made of other statuses, and no client expects them.
        status => Err(UpstreamFault::Status(status)),
    }
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

enum Failure {
    Timeout,
    Other(String),
}

impl From<JsValue> for Failure {
    fn from(error: JsValue) -> Self {
        let cause = js::cause(&error);
        // Only our own deadline aborts this fetch.
        if cause.starts_with("AbortError") { Self::Timeout } else { Self::Other(cause) }
    }
}

async fn send(request: &Request, forward: &Forward, env: &Env) -> Result<Response, Failure> {
    let deadline = js::Deadline::start(forward.timeout)?;
    let outgoing = outgoing(request, forward, &deadline)?;
    let promise = match &forward.upstream {
        Upstream::Url { .. } => js::global_fetch(&outgoing),
        Upstream::Service { binding } => env::service(env, binding)
            .ok_or_else(|| Failure::Other(format!("no service is bound as {binding}")))?
            .fetch(&outgoing),
    };
    let response = js::response(promise).await?;
    // The head is here: the body may take as long as it likes (streams, server-sent events).
    deadline.lift();
    Ok(response)
}

fn outgoing(request: &Request, forward: &Forward, deadline: &js::Deadline) -> Result<Request, JsValue> {
    let headers = &forward.headers;
    glue::outgoing(
        request,
        &forward.url,
        &headers.remove.join("\n"),
        &glue::lines(&headers.set),
        &deadline.signal(),
    )
}
