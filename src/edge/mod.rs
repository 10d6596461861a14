//! The platform: bindings, WebCrypto, objects, HTTP. It carries out what the domain decided
//! and decides nothing about security itself.

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
