//! Reads bodies of requests and responses within limits of bytes and of time.

use core::time::Duration;

use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{ReadableStream, ReadableStreamDefaultReader, Request};

use crate::js;
use postern_app::service::BodyFault;

/// The time limit for a request body of Postern's own endpoints. These bodies are small, and a slow sender occupies the
/// isolate.
const BODY_TIME: Duration = Duration::from_secs(30);

/// Reads a request body of at most `max_bytes`. A larger body is refused by its `Content-Length`, or while it is read.
pub(super) async fn of_request(request: &Request, max_bytes: usize) -> Result<Vec<u8>, BodyFault> {
    let length = request.headers().get("content-length").ok().flatten();
    if length.is_some_and(|length| length.parse::<usize>().is_ok_and(|length| length > max_bytes)) {
        return Err(BodyFault::TooLarge);
    }
    let until = js_sys::Date::now() + BODY_TIME.as_secs_f64() * 1000.0;
    match read(request.body(), max_bytes + 1, Some(until)).await {
        Ok(body) if body.len() <= max_bytes => Ok(body),
        Ok(_) => Err(BodyFault::TooLarge),
        Err(_) if js_sys::Date::now() >= until => Err(BodyFault::TooSlow),
        // The client went away, or its transfer coding is not valid.
        Err(_) => Err(BodyFault::BrokeOff),
    }
}

/// Reads a stream to its end, or its first `limit` bytes. `until` is a deadline in milliseconds since 1970, for streams
/// without another time limit.
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
    // Cancelling frees the connection.
    let _ = reader.cancel();
    Ok(body)
}
