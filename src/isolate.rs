//! What an isolate keeps between requests, made once from the environment, which is the same
//! for all of them.

use std::{cell::RefCell, rc::Rc};

use wasm_bindgen::JsValue;

use super::{env, log};
use postern_app::{
    config::{Config, ConfigError},
    service::Isolate,
};

/// The configuration has mistakes: nothing is served.
#[derive(Clone)]
pub(super) struct Misconfigured(pub(super) Rc<[ConfigError]>);

thread_local! {
    static ISOLATE: RefCell<Option<Result<Rc<Isolate>, Misconfigured>>> = const { RefCell::new(None) };
}

/// The isolate's state, if there is one already.
pub(super) fn known() -> Option<Rc<Isolate>> {
    ISOLATE.with_borrow(|isolate| isolate.as_ref()?.as_ref().ok().cloned())
}

/// The isolate's state. The first call reads the configuration, and logs every mistake in it.
pub(super) fn of(environment: &JsValue) -> Result<Rc<Isolate>, Misconfigured> {
    if let Some(known) = ISOLATE.with_borrow(Clone::clone) {
        return known;
    }
    let made = Config::from_vars(&env::variables(environment)).and_then(Isolate::new);
    let made = made.map(Rc::new).map_err(|mistakes| Misconfigured(mistakes.into()));
    ISOLATE.with_borrow_mut(|isolate| *isolate = Some(made.clone()));
    // Only now: whoever tells of it asks for the isolate himself.
    if let Err(mistakes) = &made {
        log::misconfigured(&mistakes.0);
    }
    made
}
