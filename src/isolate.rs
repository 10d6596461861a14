//! The state that an isolate keeps between requests. It is made once, from the environment, which is the same for all
//! requests.

use std::{cell::RefCell, rc::Rc};

use wasm_bindgen::JsValue;

use crate::{console, env};
use postern_app::{
    config::{Config, ConfigError},
    events::EventKind,
    service::Isolate,
};

/// The mistakes of a configuration with which Postern serves nothing.
#[derive(Clone)]
pub(super) struct Misconfigured(pub(super) Rc<[ConfigError]>);

thread_local! {
    static ISOLATE: RefCell<Option<Result<Rc<Isolate>, Misconfigured>>> = const { RefCell::new(None) };
}

/// The isolate's state, if it was made already and the configuration is valid.
pub(super) fn known() -> Option<Rc<Isolate>> {
    ISOLATE.with_borrow(|isolate| isolate.as_ref()?.as_ref().ok().cloned())
}

/// The isolate's state. The first call reads the configuration and logs every mistake in it.
pub(super) fn of(environment: &JsValue) -> Result<Rc<Isolate>, Misconfigured> {
    if let Some(known) = ISOLATE.with_borrow(Clone::clone) {
        return known;
    }
    let made = Config::from_vars(&env::variables(environment)).and_then(Isolate::new);
    let made = made.map(Rc::new).map_err(|mistakes| Misconfigured(mistakes.into()));
    ISOLATE.with_borrow_mut(|isolate| *isolate = Some(made.clone()));
    if let Err(mistakes) = &made {
        log_mistakes(&mistakes.0);
    }
    made
}

/// Adds an event that belongs to no request to the metrics.
pub(super) fn count(happening: &EventKind) {
    if let Some(isolate) = known() {
        isolate.counters.count_event(happening);
    }
}

/// Logs an event, and each mistake on a line of its own. Mistakes repeat no value of the configuration. No queue gets the
/// event: its name is part of the configuration.
fn log_mistakes(mistakes: &[ConfigError]) {
    let count = u64::try_from(mistakes.len()).unwrap_or(u64::MAX);
    console::log(&console::event(EventKind::ConfigRefused { mistakes: count }).to_line());
    for mistake in mistakes {
        console::log(&format!("configuration: {mistake}"));
    }
}
