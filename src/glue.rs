//! The functions of `glue.js`. Each takes one call to JavaScript where the bindings would take many.

use std::cell::RefCell;

use js_sys::Promise;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use web_sys::{Request, Response};

use crate::js::ExecutionContext;

#[wasm_bindgen(module = "/src/glue.js")]
extern "C" {
    /// Method, URL and `Authorization` of a request, each on a line, written to `place`. The result is the length, or -1
    /// if it does not fit.
    fn head(request: &Request, place: &mut [u8]) -> i32;

    /// As [`head`], as a text of its own.
    #[wasm_bindgen(js_name = headText)]
    fn head_text(request: &Request) -> String;

    /// The names and values of all headers in turn, each on a line, written to `place`. The result is the length, or -1 if
    /// it does not fit.
    fn headers(request: &Request, place: &mut [u8]) -> i32;

    /// As [`headers`], as a text of its own.
    #[wasm_bindgen(js_name = headersText)]
    fn headers_text(request: &Request) -> String;

    /// The id that a request without one of the platform's has: `made`, if it has none yet.
    #[wasm_bindgen(js_name = idOf)]
    pub(super) fn id_of(request: &Request, made: &str) -> String;

    /// The response that is kept under a number, or undefined.
    pub(super) fn kept(number: u32) -> JsValue;

    /// Forgets all responses.
    pub(super) fn forget();

    /// Keeps a response without a body under a number.
    pub(super) fn keep(number: u32, response: &Response);

    /// A response. `lines` are the names and values of its headers in turn, each on a line. With `again`, the headers
    /// are kept for the next response with the same headers, and `fresh` has those of this one alone.
    #[wasm_bindgen(catch)]
    pub(super) fn reply(
        status: u16,
        lines: &str,
        body: &str,
        again: bool,
        fresh: &str,
    ) -> Result<Response, JsValue>;

    /// Sends a request to its upstream. The promise brings the upstream's response, or the answer that `told` makes of a
    /// failure. `service` is the service binding, or undefined for the URL's host. [`crate::forward`] describes `names`,
    /// `only`, `set` and `fresh`. `timeout` and `total` are in milliseconds; 0 means none. `look` watches the WebSocket, or is
    /// undefined.
    pub(super) fn carry(
        request: &Request,
        env: &JsValue,
        ctx: &ExecutionContext,
        told: &JsValue,
        service: &JsValue,
        url: &str,
        names: &str,
        only: bool,
        set: &str,
        fresh: &str,
        uncached: bool,
        unwanted: &str,
        cookies: &str,
        added: &str,
        timeout: u32,
        total: u32,
        again: bool,
        look: &JsValue,
    ) -> Promise;

    /// A promise of the first item of the list that `promise` brings.
    pub(super) fn first(promise: &Promise) -> Promise;

    /// Verifies a signature by the number of its algorithm, and calls `judged` with the number of the flight and the
    /// verdict: a boolean, or undefined if there is none. The promise brings the answer of `judged`.
    #[wasm_bindgen(catch)]
    pub(super) fn judge(
        request: &Request,
        env: &JsValue,
        ctx: &ExecutionContext,
        judged: &JsValue,
        flight: u32,
        algorithm: u8,
        key: &JsValue,
        signature: &[u8],
        content: &[u8],
    ) -> Result<Promise, JsValue>;

    /// Verifies a signature by the number of its algorithm. The promise brings a boolean.
    #[wasm_bindgen(catch)]
    pub(super) fn verify(
        algorithm: u8,
        key: &JsValue,
        signature: &[u8],
        content: &[u8],
    ) -> Result<Promise, JsValue>;
}

/// The longest text that JavaScript writes to a place that is there already, in bytes: longer than what nearly all requests
/// are judged by.
const PLACE_BYTES: usize = 8 * 1024;

thread_local! {
    /// Where JavaScript writes texts. What wasm-bindgen generates for a text that JavaScript returns copies it character by
    /// character.
    static PLACE: RefCell<Vec<u8>> = RefCell::new(vec![0; PLACE_BYTES]);
}

/// The text that `write` writes, or the one of `whole` if that does not fit.
fn written(write: impl FnOnce(&mut [u8]) -> i32, whole: impl FnOnce() -> String) -> String {
    PLACE
        .with_borrow_mut(|place| {
            let length = usize::try_from(write(place)).ok()?;
            Some(core::str::from_utf8(place.get(..length)?).ok()?.to_owned())
        })
        .unwrap_or_else(whole)
}

/// Method, URL and `Authorization` of a request, each on a line.
pub(super) fn head_of(request: &Request) -> String {
    written(|place| head(request, place), || head_text(request))
}

/// The names and values of all headers in turn, each on a line.
pub(super) fn headers_of(request: &Request) -> String {
    written(|place| headers(request, place), || headers_text(request))
}

/// Names and values of headers in turn, each on a line, as [`reply`] and [`carry`] take them. Names and values contain no
/// line breaks: `Reply::with_header` checked them, they are encoded, or they came from a header.
pub(super) fn lines(headers: &[(String, String)]) -> String {
    let mut text = String::with_capacity(512);
    for (name, value) in headers {
        if name.contains('\n') || value.contains('\n') {
            continue;
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(name);
        text.push('\n');
        text.push_str(value);
    }
    text
}

/// The names and values that [`lines`] joined.
pub(super) fn pairs(lines: &str) -> Vec<(String, String)> {
    let mut lines = lines.lines();
    let mut pairs = Vec::new();
    while let (Some(name), Some(value)) = (lines.next(), lines.next()) {
        pairs.push((name.to_owned(), value.to_owned()));
    }
    pairs
}
