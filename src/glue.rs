//! The functions of `glue.js`. Each takes one call to JavaScript where the bindings would take many.

use js_sys::Promise;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use web_sys::{Request, Response};

use crate::js::ExecutionContext;

#[wasm_bindgen(module = "/src/glue.js")]
extern "C" {
    /// Method, URL and `Authorization` of a request, each on a line.
    pub(super) fn head(request: &Request) -> String;

    /// The names and values of all headers in turn, each on a line.
    pub(super) fn headers(request: &Request) -> String;

    /// A response. `lines` are the names and values of its headers in turn, each on a line. With `again`, the headers
    /// are kept for the next response with the same headers.
    #[wasm_bindgen(catch)]
    pub(super) fn reply(status: u16, lines: &str, body: &str, again: bool) -> Result<Response, JsValue>;

    /// Sends a request to its upstream. The promise brings the upstream's response, or the answer that `told` makes of a
    /// failure. `service` is the service binding, or undefined for the URL's host. [`crate::forward`] describes `names`,
    /// `only` and `set`. `timeout` and `total` are in milliseconds; 0 means none. `look` watches the WebSocket, or is
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
