//! Work after the answer.

use core::time::Duration;

use super::{Caller, Ports, Service};
use crate::ports::{Background as _, Fault, Randomness as _, Timer as _};

/// The answer is with the client by then: what is begun earlier shares the isolate's one thread
/// with it, and an unknown login, for which there is nothing to do, was answered sooner.
const AFTER_THE_ANSWER: Duration = Duration::from_millis(200);

/// The work begins up to 255 of these later, about a second: it slows down whatever the isolate
/// does just then, and whoever asks again to feel that does not know when to ask.
const STEP: Duration = Duration::from_millis(4);

/// The pauses before what failed is tried again: within the 30 s that the platform gives after an answer.
const PAUSES: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(15)];

impl<P: Ports> Service<P> {
    /// Tries again what has failed and nobody else will ask for, until it is done. Each fault is told to the log.
    pub(super) fn try_again<W>(&self, work: impl Fn(Self) -> W + 'static)
    where
        W: Future<Output = Result<(), Fault>>,
    {
        let service = self.clone();
        self.ports.background().spawn(async move {
            for pause in PAUSES {
                service.ports.platform().sleep(pause).await;
                match work(service.clone()).await {
                    Ok(()) => return,
                    Err(fault) => service.record_fault(&fault, &Caller::default()),
                }
            }
        });
    }

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
