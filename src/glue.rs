//! `glue.js`: what would be many crossings, in one each.

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

    /// A response; `lines` are the headers' names and values in turn, each on a line. `again`
    /// keeps the headers for the next response with the same ones.
    #[wasm_bindgen(catch)]
    pub(super) fn reply(status: u16, lines: &str, body: &str, again: bool) -> Result<Response, JsValue>;

    /// Carries a request to its upstream: the promise of the answer, or of what `told` makes of what
    /// went wrong. `service` is the binding to ask, or undefined for the URL's own host; for `names`,
    /// `only` and `set` see [`crate::forward`]; `timeout` and `total` (0: none) in milliseconds; `look`
    /// watches the WebSocket that comes of it, or is undefined.
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

    /// The promise of the first item of the list that a promise brings.
    pub(super) fn first(promise: &Promise) -> Promise;

    /// The promise of a verdict, by the number of the algorithm.
    #[wasm_bindgen(catch)]
    pub(super) fn verify(
        algorithm: u8,
        key: &JsValue,
        signature: &[u8],
        content: &[u8],
    ) -> Result<Promise, JsValue>;
}

/// Names and values as [`reply`] and [`send`] take them. Neither can hold a line break:
/// every value was checked (`Reply::with_header`), is encoded, or came out of a header.
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

/// What [`lines`] was made of.
pub(super) fn pairs(lines: &str) -> Vec<(String, String)> {
    let mut lines = lines.lines();
    let mut pairs = Vec::new();
    while let (Some(name), Some(value)) = (lines.next(), lines.next()) {
        pairs.push((name.to_owned(), value.to_owned()));
    }
    pairs
}
