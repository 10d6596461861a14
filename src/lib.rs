//! The Worker: Cloudflare's runtime behind the ports of `postern-app`.
//!
//! The Worker reads requests, calls the application, and carries out what the application decided. It takes no security
//! decision itself. It compiles for WASM only; all rules are in the crates below `crates/`, which are tested natively.
//!
//! | to find | read |
//! |---|---|
//! | the `fetch` handler | [`entry`], and `entry.js`, which is the module's default export |
//! | the state of an isolate, the configuration | [`isolate`] |
//! | all ports of the application in one type | [`ports`] |
//! | the incoming request, bodies, responses | [`request`], [`body`], [`response`] |
//! | forwarding to upstreams and sockets | [`forward`], `glue.js`, `socket.js` |
//! | the Durable Object classes, their stubs, their SQLite | [`durable_objects`] |
//! | the bindings of `wrangler.toml`, vars and secrets | [`env`](mod@env), [`bindings`] |
//! | the bindings that the user names: services, queues, rate limits | [`user_bindings`], [`rate_limiter`] |
//! | KV, D1 | [`kv`], [`d1`] |
//! | verifying, signing, generating keys | [`crypto`] |
//! | requests that wait for a verdict about a signature | [`flights`] |
//! | clock, timers, randomness, Unicode normal forms | [`runtime`] |
//! | fetching key sets of other issuers | [`fetch`] |
//! | log lines, events, the event queue | [`log`], [`console`], [`event_queue`] |
//! | JavaScript shapes and functions | [`js`], [`glue`] |
//!
//! The bindings of KV, D1, queues and objects are declared here and not taken from the `worker` crate: its wrappers carry
//! their own parsers of rows, streams and options, which are a tenth of the module's size.
#![cfg(target_family = "wasm")]

mod bindings;
mod body;
mod console;
mod crypto;
mod d1;
mod durable_objects;
mod entry;
mod env;
mod event_queue;
mod fetch;
mod flights;
mod forward;
mod glue;
mod isolate;
mod js;
mod kv;
mod log;
mod ports;
mod rate_limiter;
mod request;
mod response;
mod runtime;
mod usage;
mod user_bindings;

/// Runs once when an isolate starts. The hook logs the place of a panic; `worker` then starts a new instance.
#[worker::event(start)]
fn start() {
    console_error_panic_hook::set_once();
}
