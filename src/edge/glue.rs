//! `glue.js`: what would be many crossings, in one each.

use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use web_sys::{AbortSignal, Request, Response};

use crate::http::RequestView;

#[wasm_bindgen(module = "/src/edge/glue.js")]
extern "C" {
    fn head(request: &Request) -> String;

    /// A response; `lines` are the headers' names and values in turn, each on a line.
    #[wasm_bindgen(catch)]
    pub(super) fn reply(status: u16, lines: &str, body: &str) -> Result<Response, JsValue>;

    /// The request for the upstream; `remove` are names, `set` names and values in turn, each on
    /// a line.
    #[wasm_bindgen(catch)]
    pub(super) fn outgoing(
        request: &Request,
        url: &str,
        remove: &str,
        set: &str,
        signal: &AbortSignal,
        without_body: bool,
    ) -> Result<Request, JsValue>;
}

/// Names and values as [`reply`] and [`outgoing`] take them. Neither can hold a line break:
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

/// Method, URL and headers of a request, read in one crossing. The platform gives names in
/// lower case.
pub(super) struct Head {
    text: String,
    /// Where each line ends.
    ends: Vec<usize>,
}

impl Head {
    pub(super) fn of(request: &Request) -> Self {
        let text = head(request);
        let mut ends = Vec::with_capacity(32);
        ends.extend(text.match_indices('\n').map(|(place, _)| place));
        ends.push(text.len());
        Self { text, ends }
    }

    fn line(&self, number: usize) -> &str {
        let begin = match number {
            0 => 0,
            after => self.ends.get(after - 1).map_or(self.text.len(), |end| end + 1),
        };
        self.ends.get(number).and_then(|end| self.text.get(begin..*end)).unwrap_or_default()
    }

    /// The headers in turn; the first two lines are the method and the URL.
    fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        (2..self.ends.len()).step_by(2).map(|number| (self.line(number), self.line(number + 1)))
    }
}

impl RequestView for Head {
    fn method(&self) -> String {
        self.line(0).to_owned()
    }

    fn url(&self) -> String {
        self.line(1).to_owned()
    }

    fn header(&self, name: &str) -> Option<String> {
        let mut found: Option<String> = None;
        for (_, value) in self.headers().filter(|(own, _)| own.eq_ignore_ascii_case(name)) {
            match &mut found {
                None => found = Some(value.to_owned()),
                Some(all) => {
                    all.push_str(", ");
                    all.push_str(value);
                }
            }
        }
        found
    }

    fn header_names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::with_capacity(self.ends.len() / 2);
        for (name, _) in self.headers() {
            // Only names that may not be joined (`set-cookie`) come twice, one after the other.
            if names.last().is_none_or(|last| last != name) {
                names.push(name.to_owned());
            }
        }
        names
    }
}
