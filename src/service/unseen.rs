//! Work that is done for some logins only, where nobody may learn for which.

use core::time::Duration;

use super::{Ports, Service};
use crate::ports::{Background as _, Randomness as _};

/// The answer is with the client by then: what is begun earlier shares the isolate's one thread
/// with it, and an unknown login, for which there is nothing to do, was answered sooner.
const AFTER_THE_ANSWER: Duration = Duration::from_millis(200);

/// The work begins up to 255 of these later, about a second: it slows down whatever the isolate
/// does just then, and whoever asks again to feel that does not know when to ask.
const STEP: Duration = Duration::from_millis(4);

impl<P: Ports> Service<P> {
    /// Begins something that is done for some logins only, after the answer and at a moment that
    /// cannot be foretold: 0.2 to 1.2 s from now.
    pub(super) fn unseen(&self, work: impl Future<Output = ()> + 'static) {
        let mut steps = [0];
        // Without randomness it begins early; the answer is out by then all the same.
        let _ = self.ports.platform().fill(&mut steps);
        let delay = AFTER_THE_ANSWER.saturating_add(STEP.saturating_mul(steps[0].into()));
        self.ports.background().spawn_later(delay, work);
    }
}
