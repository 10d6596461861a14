//! The platform.
use wasm_bindgen::prelude::*;

#[worker::event(start)]
fn start() {
    console_error_panic_hook::set_once();
}

/// The Worker's entry.
#[wasm_bindgen]
pub fn fetch(_request: web_sys::Request, _env: JsValue, _ctx: JsValue) -> Result<web_sys::Response, JsValue> {
    web_sys::Response::new_with_opt_str(Some("postern"))
}
