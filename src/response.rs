//! Postern's own answers as `Response`s of the runtime.

use js_sys::Uint8Array;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Headers, Response, ResponseInit};

use crate::{glue, request::REQUEST_ID};
use postern_app::{
    http::{REQUEST_ID_HEADER, Reply, RequestView},
    service::IdentityAnswer,
};

/// Converts an answer to a `Response`.
pub(super) fn response(reply: Reply, request: &impl RequestView) -> Result<Response, JsValue> {
    made(&named(reply, request), None)
}

/// As [`response`], for answers of the gate, whose headers `glue.js` keeps for the next such answer. None of these headers
/// is a secret of a single answer.
pub(super) fn response_again(reply: Reply, request: &impl RequestView) -> Result<Response, JsValue> {
    let mut reply = named(reply, request);
    // It was added last.
    let id = reply.headers.pop_if(|(name, _)| name == REQUEST_ID_HEADER);
    made(&reply, Some(id.as_slice()))
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

/// Adds the id of the request in the log to a refusal or a fault. An answer of the gate that lets a caller pass is kept for the
/// next such request.
fn named(reply: Reply, request: &impl RequestView) -> Reply {
    if reply.status < 400 {
        return reply;
    }
    reply.naming_request(request.header(REQUEST_ID).as_deref())
}

/// `again` are the headers of this answer alone, if the others are kept for the next one.
fn made(reply: &Reply, again: Option<&[(String, String)]>) -> Result<Response, JsValue> {
    let lines = glue::lines(&reply.headers);
    // Nearly all bodies are JSON. `glue.js` turns an empty body into none, as 204 and 304 require.
    if let Ok(text) = core::str::from_utf8(&reply.body) {
        let fresh = again.map_or_else(String::new, glue::lines);
        return glue::reply(reply.status, &lines, text, again.is_some(), &fresh);
    }
    let headers = Headers::new()?;
    for (name, value) in reply.headers.iter().chain(again.unwrap_or_default()) {
        // Appended, because an answer can set several cookies.
        headers.append(name, value)?;
    }
    let init = ResponseInit::new();
    init.set_status(reply.status);
    init.set_headers(&headers);
    let body: JsValue = Uint8Array::from(reply.body.as_slice()).into();
    Response::new_with_opt_buffer_source_and_init(Some(body.unchecked_ref()), &init)
}
