//! HTTP between the platform's types and the domain's.

use core::{cell::OnceCell, time::Duration};

use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Headers, ReadableStream, ReadableStreamDefaultReader, Request, Response, ResponseInit};

use super::{glue, js, store::Platform};
use postern_app::{
    encoding::hex,
    http::{Reply, RequestView},
    ports::Randomness as _,
    service::BodyFault,
};

/// The header by which the edge network names a request.
const REQUEST_ID: &str = "cf-ray";

/// The platform's request, read where it lies.
pub(super) struct Incoming<'a> {
    request: &'a Request,
    id: RequestId,
}

impl<'a> Incoming<'a> {
    pub(super) const fn of(request: &'a Request) -> Self {
        Self { request, id: RequestId::new() }
    }
}

/// An id for a request that no edge network named: where Postern is tried, and in tests.
pub(super) struct RequestId(OnceCell<String>);

impl RequestId {
    pub(super) const fn new() -> Self {
        Self(OnceCell::new())
    }

    /// What stands for the header `name` when it is not there: the same for as long as the request
    /// is looked at.
    pub(super) fn in_place_of(&self, name: &str) -> Option<String> {
        if name != REQUEST_ID {
            return None;
        }
        let id = self.0.get_or_init(|| {
            let mut bytes = [0; 8];
            // Without randomness it is one that many have, and no worse than none.
            let _ = Platform.fill(&mut bytes);
            hex(&bytes)
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
        self.request.headers().get(name).ok().flatten().or_else(|| self.id.in_place_of(name))
    }

    fn header_names(&self) -> Vec<String> {
        header_names(&self.request.headers())
    }
}

/// The names present, in lower case, as the platform gives them.
pub(super) fn header_names(headers: &Headers) -> Vec<String> {
    let mut names = Vec::new();
    for key in headers.keys().into_iter().flatten() {
        names.extend(key.as_string());
    }
    names
}

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

/// How long a body of ours may take: it is small, and whoever sends it slowly holds the request.
const BODY_TIME: Duration = Duration::from_secs(30);

/// Reads a body of at most `max_bytes`. That it is larger is known from its `Content-Length` or
/// found out while reading.
pub(super) async fn body(request: &Request, max_bytes: usize) -> Result<Vec<u8>, BodyFault> {
    let length = request.headers().get("content-length").ok().flatten();
    if length.is_some_and(|length| length.parse::<usize>().is_ok_and(|length| length > max_bytes)) {
        return Err(BodyFault::TooLarge);
    }
    let until = js_sys::Date::now() + BODY_TIME.as_secs_f64() * 1000.0;
    match read(request.body(), max_bytes + 1, Some(until)).await {
        Ok(body) if body.len() <= max_bytes => Ok(body),
        Ok(_) => Err(BodyFault::TooLarge),
        Err(_) if js_sys::Date::now() >= until => Err(BodyFault::TooSlow),
        // The client went away, or broke its own encoding.
        Err(_) => Err(BodyFault::BrokeOff),
    }
}

/// Reads a stream to its end or to its first `limit` bytes. `until` is a moment of the platform's
/// clock, for streams that nothing else ends.
pub(super) async fn read(
    stream: Option<ReadableStream>,
    limit: usize,
    until: Option<f64>,
) -> Result<Vec<u8>, JsValue> {
    let mut body = Vec::new();
    let Some(stream) = stream else { return Ok(body) };
    let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    while body.len() < limit {
        let chunk = match until {
            None => js::settled(reader.read()).await,
            Some(until) => {
                let left = (until - js_sys::Date::now()) / 1000.0;
                js::within(Duration::try_from_secs_f64(left).unwrap_or_default(), reader.read()).await
            }
        };
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(cause) => {
                let _ = reader.cancel();
                return Err(cause);
            }
        };
        if Reflect::get(&chunk, &"done".into())?.is_truthy() {
            return Ok(body);
        }
        let bytes: Uint8Array = Reflect::get(&chunk, &"value".into())?.dyn_into()?;
        let room = u32::try_from(limit - body.len()).unwrap_or(u32::MAX);
        body.extend_from_slice(&bytes.subarray(0, bytes.length().min(room)).to_vec());
    }
    // The rest is not wanted: free the connection.
    let _ = reader.cancel();
    Ok(body)
}
