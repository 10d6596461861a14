//! Lines of the Worker's log.

use wasm_bindgen::prelude::wasm_bindgen;

use crate::runtime::Runtime;
use postern_app::{
    events::{Event, EventContext, EventKind},
    ports::Clock as _,
};

#[wasm_bindgen]
extern "C" {
    /// `console.log` with one line of text.
    #[wasm_bindgen(js_namespace = console, js_name = log)]
    pub(super) fn log(line: &str);
}

/// An event of now that belongs to no request.
pub(super) fn event(happening: EventKind) -> Event {
    Event { at: Runtime.now(), happening, setting: EventContext::default() }
}
