//! The machine by the JavaScript runtime that loaded this module.

use std::{io, path::Path};

use postern_app::{
    jose::{PublicKey, SignatureVerifier},
    ports::Fault,
};
use serde_json::{Value, json};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use super::{Answer, MAX_ANSWER_BYTES, Request, TIMEOUT_SECONDS, USER_AGENT, Unanswered};

// The runtime's errors are thrown as their messages.
#[wasm_bindgen(raw_module = "./host.js")]
extern "C" {
    #[wasm_bindgen(js_name = readFile, catch)]
    fn host_read_file(path: &str, limit: f64) -> Result<String, JsValue>;
    #[wasm_bindgen(js_name = readInput, catch)]
    fn host_read_input(limit: f64) -> Result<String, JsValue>;
    #[wasm_bindgen(js_name = readPiece, catch)]
    fn host_read_piece() -> Result<Vec<u8>, JsValue>;
    #[wasm_bindgen(js_name = isFile)]
    fn host_is_file(path: &str) -> bool;
    #[wasm_bindgen(js_name = inputIsTerminal)]
    fn host_input_is_terminal() -> bool;
    #[wasm_bindgen(js_name = variable)]
    fn host_variable(name: &str) -> Option<String>;
    #[wasm_bindgen(js_name = writeOutput, catch)]
    fn host_write_output(bytes: &[u8]) -> Result<bool, JsValue>;
    #[wasm_bindgen(js_name = writeError)]
    fn host_write_error(text: &str);
    #[wasm_bindgen(js_name = nowMillis)]
    fn host_now_millis() -> f64;
    /// The key is a JWK with its algorithm, as JSON.
    #[wasm_bindgen(js_name = isSignature)]
    fn host_is_signature(key: &str, content: &[u8], signature: &[u8]) -> bool;
    /// Takes and gives JSON.
    #[wasm_bindgen(js_name = exchange)]
    fn host_exchange(request: &str) -> String;
}

fn failed(error: &JsValue) -> io::Error {
    io::Error::other(error.as_string().unwrap_or_else(|| "the runtime gave no reason".to_owned()))
}

#[expect(clippy::cast_precision_loss, reason = "limits are far below 2^53")]
const fn number(limit: u64) -> f64 {
    limit as f64
}

/// At most `limit` bytes of a file, as text.
pub(crate) fn read_file(path: &Path, limit: u64) -> io::Result<String> {
    host_read_file(&path.to_string_lossy(), number(limit)).map_err(|error| failed(&error))
}

/// At most `limit` bytes of standard input, as text.
pub(crate) fn read_input(limit: u64) -> io::Result<String> {
    host_read_input(number(limit)).map_err(|error| failed(&error))
}

/// A stream that is read while it grows: the standard input alone, as this program starts no other one.
pub(crate) struct LogSource;

impl LogSource {
    /// The standard input.
    pub(crate) const fn input() -> Self {
        Self
    }

    /// A program, which cannot be had here.
    pub(crate) fn program(name: &str, _: &[&str]) -> io::Result<Self> {
        Err(io::Error::other(format!("`npx postern` does not start {name}")))
    }

    /// What came since. Nothing at the end.
    #[expect(clippy::unused_self, reason = "the native source may be a program")]
    pub(crate) fn read(&mut self) -> io::Result<Vec<u8>> {
        host_read_piece().map_err(|error| failed(&error))
    }

    /// At the end of the stream.
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "the native source may be a program")]
    pub(crate) const fn end(self) -> Result<(), String> {
        Ok(())
    }
}

/// Whether a file is there.
pub(crate) fn is_file(path: &Path) -> bool {
    host_is_file(&path.to_string_lossy())
}

/// Whether a person types the standard input.
pub(crate) fn input_is_terminal() -> bool {
    host_input_is_terminal()
}

/// A variable of the environment, if it is text.
pub(crate) fn variable(name: &str) -> Option<String> {
    host_variable(name)
}

/// Writes to standard output.
pub(crate) fn write_output(bytes: &[u8]) -> io::Result<()> {
    match host_write_output(bytes) {
        Ok(true) => Ok(()),
        Ok(false) => Err(io::ErrorKind::BrokenPipe.into()),
        Err(error) => Err(failed(&error)),
    }
}

/// Writes to standard error. A failure is dropped: there is no other place to report it.
pub(crate) fn write_error(text: &str) {
    host_write_error(text);
}

/// Milliseconds since 1970 by the machine's clock.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a clock's whole milliseconds")]
pub(crate) fn now_millis() -> u64 {
    host_now_millis() as u64
}

/// Verifies signatures, by the runtime's cryptography.
pub(crate) struct Verifier;

impl SignatureVerifier for Verifier {
    /// A key or a signature that the runtime cannot read verifies nothing, so there are no faults.
    type Error = Fault;

    async fn verify(&self, key: &PublicKey, content: &[u8], signature: &[u8]) -> Result<bool, Fault> {
        let jwk = serde_json::to_string(key).unwrap_or_default();
        Ok(host_is_signature(&jwk, content, signature))
    }
}

/// The runtime's HTTP client.
pub(crate) struct Transport;

impl Transport {
    pub(crate) const fn new() -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "the native transport keeps connections")]
    pub(crate) fn send(&self, request: &Request<'_>) -> Result<Answer, Unanswered> {
        let mut headers: Vec<(&str, &str)> =
            request.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        headers.push(("user-agent", USER_AGENT));
        let asked = json!({
            "method": request.method,
            "url": request.url,
            "headers": headers,
            "body": request.body,
            "timeout_ms": TIMEOUT_SECONDS * 1000,
            "limit": MAX_ANSWER_BYTES,
        });
        let told: Value = serde_json::from_str(&host_exchange(&asked.to_string())).unwrap_or_default();
        read(&told).ok_or_else(|| {
            let text = |member: &str| told.get(member).and_then(Value::as_str).map(str::to_owned);
            match text("invalid") {
                Some(why) => Unanswered::Invalid(why),
                None => Unanswered::Unreachable(
                    text("unreachable").unwrap_or_else(|| "the runtime gave no answer".to_owned()),
                ),
            }
        })
    }
}

/// `{ "status", "headers", "body" }`, the body in base64url.
fn read(told: &Value) -> Option<Answer> {
    let status = u16::try_from(told.get("status")?.as_u64()?).ok()?;
    let headers = serde_json::from_value(told.get("headers")?.clone()).ok()?;
    let body = postern_app::encoding::from_base64url(told.get("body")?.as_str()?)?;
    Some(Answer { status, headers, body })
}
