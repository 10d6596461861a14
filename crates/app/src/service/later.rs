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

/// The pauses before what failed is tried again. The platform ends everything 30 s after the answer,
/// and one call to a part that hangs takes 10 s: 1 s, a call, 6 s and a call are 27 s.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(6)];

/// No try begins later than this after the first failure: it could not end in time.
const LAST_BEGIN: Duration = Duration::from_secs(18);

impl<P: Ports> Service<P> {
    /// Tries twice again, after the answer, what has failed. `work` is a call to a part or two. Each
    /// fault is told to the log. It may come to nothing, with the isolate for instance: what must be
    /// done in the end is kept by an object, whose alarm rings until it is.
    pub(super) fn try_again<W>(&self, work: impl Fn(Self) -> W + 'static)
    where
        W: Future<Output = Result<(), Fault>>,
    {
        let service = self.clone();
        let failed_at = self.now();
        self.ports.background().spawn(async move {
            for pause in PAUSES {
                service.ports.platform().sleep(pause).await;
                if service.now().since(failed_at) > LAST_BEGIN {
                    return;
                }
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
