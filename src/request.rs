//! The incoming request, as the domain reads it ([`RequestView`]).
//!
//! [`Incoming`] asks the runtime for each header. [`Head`] is the form for the gate: it takes few crossings to JavaScript.

use core::cell::OnceCell;

use web_sys::{Headers, Request};

use crate::{glue, runtime::Runtime};
use postern_app::{encoding::hex, http::RequestView, ports::Randomness as _};

/// The header in which Cloudflare sends the id of a request.
pub(super) const REQUEST_ID: &str = "cf-ray";

/// A request whose headers are read from JavaScript one by one.
pub(super) struct Incoming<'a> {
    request: &'a Request,
    id: RequestId,
}

impl<'a> Incoming<'a> {
    pub(super) const fn of(request: &'a Request) -> Self {
        Self { request, id: RequestId::new() }
    }
}

/// An id for a request without [`REQUEST_ID`], as on a developer's machine and in tests.
struct RequestId(OnceCell<String>);

impl RequestId {
    const fn new() -> Self {
        Self(OnceCell::new())
    }

    /// The generated id if `name` is [`REQUEST_ID`]. Every view of the request gives the same one.
    fn in_place_of(&self, name: &str, request: &Request) -> Option<String> {
        if name != REQUEST_ID {
            return None;
        }
        let id = self.0.get_or_init(|| {
            let mut bytes = [0; 8];
            // Without randomness, all requests get the same id, which is no worse than having none.
            let _ = Runtime.fill(&mut bytes);
            glue::id_of(request, &hex(&bytes))
        });
        Some(id.clone())
    }
}

impl RequestView for Incoming<'_> {
    fn method(&self) -> String {
        self.request.method()
    }

    fn url(&self) -> String {
        self.request.url()
    }

    fn header(&self, name: &str) -> Option<String> {
        self.request.headers().get(name).ok().flatten().or_else(|| self.id.in_place_of(name, self.request))
    }

    fn header_names(&self) -> Vec<String> {
        header_names(&self.request.headers())
    }
}

/// The names of the headers, which the platform gives in lower case.
fn header_names(headers: &Headers) -> Vec<String> {
    let mut names = Vec::new();
    for key in headers.keys().into_iter().flatten() {
        names.extend(key.as_string());
    }
    names
}

/// A request that takes one call to JavaScript for method, URL and `Authorization`, and a second call for all headers when
/// another header is read. The platform gives names in lower case.
pub(super) struct Head {
    request: Request,
    text: HeadText,
    headers: OnceCell<Lines>,
    id: RequestId,
}

/// Method, URL and, if there is one, `Authorization`, each on a line.
pub(super) struct HeadText {
    text: String,
    /// The index in `text` at which the method ends.
    method_end: usize,
    /// The index in `text` at which the URL ends.
    url_end: usize,
}

/// Names and values of headers in turn, each on a line.
struct Lines {
    text: String,
    /// The index in `text` at which each line ends.
    ends: Vec<usize>,
}

impl Head {
    pub(super) fn of(request: Request) -> Self {
        let text = glue::head_of(&request);
        let end = |from: usize| {
            let rest = text.get(from..).unwrap_or_default();
            rest.bytes().position(|byte| byte == b'\n').map_or(text.len(), |found| from + found)
        };
        let method_end = end(0);
        let url_end = end(method_end + 1);
        Self::again(request, HeadText { text, method_end, url_end })
    }

    /// The request of which this text was read before.
    pub(super) const fn again(request: Request, text: HeadText) -> Self {
        Self { request, text, headers: OnceCell::new(), id: RequestId::new() }
    }

    /// What was read of the request, apart from it.
    pub(super) fn into_text(self) -> HeadText {
        self.text
    }

    /// The platform's request.
    pub(super) const fn request(&self) -> &Request {
        &self.request
    }

    /// Whether all names and values of headers are ASCII.
    pub(super) fn has_ascii_headers(&self) -> bool {
        self.lines().text.is_ascii()
    }

    fn lines(&self) -> &Lines {
        self.headers.get_or_init(|| {
            let text = glue::headers_of(&self.request);
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
        let HeadText { text, method_end, .. } = &self.text;
        text.get(..*method_end).unwrap_or_default().to_owned()
    }

    fn url(&self) -> String {
        let HeadText { text, method_end, url_end } = &self.text;
        text.get(method_end + 1..*url_end).unwrap_or_default().to_owned()
    }

    fn header(&self, name: &str) -> Option<String> {
        if name == "authorization" {
            return self.text.text.get(self.text.url_end + 1..).map(str::to_owned);
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
        found.or_else(|| self.id.in_place_of(name, &self.request))
    }

    fn header_names(&self) -> Vec<String> {
        let lines = self.lines();
        let mut names: Vec<String> = Vec::with_capacity(lines.ends.len() / 2);
        for (name, _) in lines.pairs() {
            // Only names whose values cannot be joined (`set-cookie`) come several times, in a row.
            if names.last().is_none_or(|last| last != name) {
                names.push(name.to_owned());
            }
        }
        names
    }
}
