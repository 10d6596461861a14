//! `glue.js`: what would be many crossings, in one each.

use core::cell::OnceCell;

use js_sys::Promise;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use web_sys::{Request, Response};

use super::{http::RequestId, js::ExecutionContext};
use postern_app::{gateway::HeaderPlan, http::RequestView};

#[wasm_bindgen(module = "/src/glue.js")]
extern "C" {
    fn head(request: &Request) -> String;

    fn headers(request: &Request) -> String;

    /// A response; `lines` are the headers' names and values in turn, each on a line. `again`
    /// keeps the headers for the next response with the same ones.
    #[wasm_bindgen(catch)]
    pub(super) fn reply(status: u16, lines: &str, body: &str, again: bool) -> Result<Response, JsValue>;

    /// Carries a request to its upstream: the promise of the answer, or of what `told` makes of what
    /// went wrong. `service` is the binding to ask, or undefined for the URL's own host; for `names`,
    /// `only` and `set` see [`Outgoing`]; `timeout` and `total` (0: none) in milliseconds; `look`
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

/// A plan for headers in the shorter of two forms with one meaning.
pub(super) struct Outgoing {
    /// Names, each on a line: those that go, or with `only` the only ones that stay.
    pub(super) names: String,
    /// Which of both.
    pub(super) only: bool,
    /// What is set, as [`lines`].
    pub(super) set: String,
}

impl Outgoing {
    /// Naming what stays is for requests whose headers are ASCII and hold no cookie that passes:
    /// other bytes and several cookies survive a copy of the headers alone.
    pub(super) fn of(plan: &HeaderPlan, head: &Head) -> Self {
        let names = head.header_names();
        let stays =
            |name: &&String| !plan.remove.contains(name) && plan.set.iter().all(|(set, _)| set != *name);
        let staying: Vec<&str> = names.iter().filter(stays).map(String::as_str).collect();
        let only =
            staying.len() <= plan.set.len() && !staying.contains(&"cookie") && head.lines().text.is_ascii();
        let names = if only { staying.join("\n") } else { plan.remove.join("\n") };
        Self { names, only, set: lines(&plan.set) }
    }
}

/// A request: method, URL and `Authorization` read in one crossing, all headers in a second
/// one when others are asked for. The platform gives names in lower case.
pub(super) struct Head {
    request: Request,
    text: String,
    /// Where method and URL end.
    method_end: usize,
    url_end: usize,
    headers: OnceCell<Lines>,
    id: RequestId,
}

/// Names and values in turn.
struct Lines {
    text: String,
    /// Where each line ends.
    ends: Vec<usize>,
}

impl Head {
    pub(super) fn of(request: Request) -> Self {
        let text = head(&request);
        let end = |from: usize| {
            let rest = text.get(from..).unwrap_or_default();
            rest.bytes().position(|byte| byte == b'\n').map_or(text.len(), |found| from + found)
        };
        let method_end = end(0);
        let url_end = end(method_end + 1);
        Self { request, text, method_end, url_end, headers: OnceCell::new(), id: RequestId::new() }
    }

    /// The platform's own.
    pub(super) const fn request(&self) -> &Request {
        &self.request
    }

    fn lines(&self) -> &Lines {
        self.headers.get_or_init(|| {
            let text = headers(&self.request);
            let mut ends = Vec::with_capacity(32);
            ends.extend(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(place, _)| place));
            Lines { text, ends }
        })
    }
}

impl Lines {
    fn line(&self, number: usize) -> &str {
        let begin = match number {
            0 => 0,
            after => self.ends.get(after - 1).map_or(self.text.len(), |end| end + 1),
        };
        self.ends.get(number).and_then(|end| self.text.get(begin..*end)).unwrap_or_default()
    }

    fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        (0..self.ends.len()).step_by(2).map(|number| (self.line(number), self.line(number + 1)))
    }
}

impl RequestView for Head {
    fn method(&self) -> String {
        self.text.get(..self.method_end).unwrap_or_default().to_owned()
    }

    fn url(&self) -> String {
        self.text.get(self.method_end + 1..self.url_end).unwrap_or_default().to_owned()
    }

    fn header(&self, name: &str) -> Option<String> {
        if name == "authorization" {
            return self.text.get(self.url_end + 1..).map(str::to_owned);
        }
        let mut found: Option<String> = None;
        for (_, value) in self.lines().pairs().filter(|(own, _)| own.eq_ignore_ascii_case(name)) {
            match &mut found {
                None => found = Some(value.to_owned()),
                Some(all) => {
                    all.push_str(", ");
                    all.push_str(value);
                }
            }
        }
        found.or_else(|| self.id.in_place_of(name))
    }

    fn header_names(&self) -> Vec<String> {
        let lines = self.lines();
        let mut names: Vec<String> = Vec::with_capacity(lines.ends.len() / 2);
        for (name, _) in lines.pairs() {
            // Only names that may not be joined (`set-cookie`) come twice, one after the other.
            if names.last().is_none_or(|last| last != name) {
                names.push(name.to_owned());
            }
        }
        names
    }
}
