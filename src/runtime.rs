//! The runtime's clock, timers, randomness and Unicode normal forms.

use core::time::Duration;

use crate::js;
use postern_app::{
    identity::Normalizer,
    ports::{Clock, Component, Fault, Randomness, Timer},
    time::Timestamp,
};

/// The Workers runtime, as far as it has no state and no binding.
#[derive(Debug, Clone, Copy)]
pub(super) struct Runtime;

impl Clock for Runtime {
    fn now(&self) -> Timestamp {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "Date.now() is a whole number of milliseconds after 1970, far below 2^53"
        )]
        Timestamp::from_millis(js_sys::Date::now() as u64)
    }
}

impl Timer for Runtime {
    async fn sleep(&self, duration: Duration) {
        js::sleep(duration).await;
    }
}

impl Randomness for Runtime {
    #[expect(clippy::disallowed_methods, reason = "an implementation of the port")]
    fn fill(&self, buffer: &mut [u8]) -> Result<(), Fault> {
        getrandom::fill(buffer).map_err(|error| Fault::new(Component::Crypto, error))
    }
}

impl Normalizer for Runtime {
    fn nfc(&self, text: &str) -> String {
        normalized(text, "NFC")
    }

    fn nfkc(&self, text: &str) -> String {
        normalized(text, "NFKC")
    }
}

fn normalized(text: &str, form: &str) -> String {
    // ASCII is in every normal form.
    if text.is_ascii() {
        return text.to_owned();
    }
    js_sys::JsString::from(text).normalize(form).into()
}
