//! The Worker: bindings, `WebCrypto`, KV, D1, Durable Objects, HTTP. It carries out what `postern-app` decided and takes no
//! security decision itself. There is nothing in it for any other target than WASM.
#![cfg(target_family = "wasm")]

mod bindings;
mod crypto;
mod database;
mod entry;
mod env;
mod forward;
mod glue;
mod http;
mod isolate;
mod js;
mod limiter;
mod log;
mod named;
mod objects;
mod outbox;
mod platform;
mod records;
mod store;
mod stubs;

/// Runs once when an isolate starts. The hook names a panic's place in the log; `worker` then
/// starts the instance anew.
#[worker::event(start)]
fn start() {
    console_error_panic_hook::set_once();
}
