//! Postern's own answers as `Response`s of the runtime.

use js_sys::Uint8Array;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Headers, Response, ResponseInit};

use crate::{glue, request::REQUEST_ID};
use postern_app::{
    http::{Reply, RequestView},
    service::IdentityAnswer,
};

/// Converts an answer to a `Response`.
pub(super) fn response(reply: Reply, request: &impl RequestView) -> Result<Response, JsValue> {
    made(&named(reply, request), false)
}

/// As [`response`], for answers of the gate, whose headers `glue.js` keeps for the next such answer. None of these headers
/// is a secret of a single answer.
pub(super) fn response_again(reply: Reply, request: &impl RequestView) -> Result<Response, JsValue> {
    made(&named(reply, request), true)
}

thread_local! {
    /// Empties `glue.js` of the responses of another instance of WASM before this one uses it: the platform puts a new
    /// instance in the place of one that has panicked, and its numbers begin anew.
    static OWN_RESPONSES: () = glue::forget();
}

/// The answer of a route without an upstream. `glue.js` keeps the whole `Response` under the answer's number: it has no body,
/// so nothing of it is used up.
pub(super) fn kept(answer: &IdentityAnswer, request: &impl RequestView) -> Result<JsValue, JsValue> {
    let Some(number) = answer.number() else { return Ok(response(answer.reply(), request)?.into()) };
    let kept = OWN_RESPONSES.with(|()| glue::kept(number));
    if !kept.is_undefined() {
        return Ok(kept);
    }
    let made = response(answer.reply(), request)?;
    glue::keep(number, &made);
    Ok(made.into())
}

/// Adds the id of the request in the log to a problem.
fn named(reply: Reply, request: &impl RequestView) -> Reply {
    if reply.status < 400 {
        return reply;
    }
    reply.naming_request(request.header(REQUEST_ID).as_deref())
}

fn made(reply: &Reply, again: bool) -> Result<Response, JsValue> {
    let lines = glue::lines(&reply.headers);
    // Nearly all bodies are JSON. `glue.js` turns an empty body into none, as 204 and 304 require.
    if let Ok(text) = core::str::from_utf8(&reply.body) {
        return glue::reply(reply.status, &lines, text, again);
    }
    let headers = Headers::new()?;
    for (name, value) in &reply.headers {
        // Appended, because an answer can set several cookies.
        headers.append(name, value)?;
    }
    let init = ResponseInit::new();
    init.set_status(reply.status);
    init.set_headers(&headers);
    let body: JsValue = Uint8Array::from(reply.body.as_slice()).into();
    Response::new_with_opt_buffer_source_and_init(Some(body.unchecked_ref()), &init)
}
