//! Postern's own answers as `Response`s of the runtime.

use js_sys::Uint8Array;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Headers, Response, ResponseInit};

use crate::{glue, request::REQUEST_ID};
use postern_app::http::{Reply, RequestView};

/// Our own answer to a request as the platform's.
pub(super) fn response(reply: Reply, request: &impl RequestView) -> Result<Response, JsValue> {
    made(&named(reply, request), false)
}

/// The same for an answer of the gate, whose headers are likely to be told again. None of them
/// is a secret of this answer alone, which must not be kept.
pub(super) fn response_again(reply: Reply, request: &impl RequestView) -> Result<Response, JsValue> {
    made(&named(reply, request), true)
}

/// A problem says by which id the log has its request.
fn named(reply: Reply, request: &impl RequestView) -> Reply {
    if reply.status < 400 {
        return reply;
    }
    reply.naming_request(request.header(REQUEST_ID).as_deref())
}

fn made(reply: &Reply, again: bool) -> Result<Response, JsValue> {
    let lines = glue::lines(&reply.headers);
    // Nearly all bodies are JSON. None at all, even an empty one, may stand beside 204 and 304.
    if let Ok(text) = core::str::from_utf8(&reply.body) {
        return glue::reply(reply.status, &lines, text, again);
    }
    let headers = Headers::new()?;
    for (name, value) in &reply.headers {
        // Appended: an answer may set more than one cookie.
        headers.append(name, value)?;
    }
    let init = ResponseInit::new();
    init.set_status(reply.status);
    init.set_headers(&headers);
    let body: JsValue = Uint8Array::from(reply.body.as_slice()).into();
    Response::new_with_opt_buffer_source_and_init(Some(body.unchecked_ref()), &init)
}
