//! Work that runs after the answer: retries of what failed, and work whose time must not show.

use core::time::Duration;

use crate::{
    ports::{Background as _, Fault, Randomness as _, Timer as _},
    runtime::{Runtime, events::Events, ports::Ports},
    web::caller::Caller,
};

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

/// Runs work after the answer.
pub(crate) struct BackgroundWork<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> BackgroundWork<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Tries twice again, after the answer, what has failed. `work` is a call to a part or two. Each
    /// fault is told to the log. It may come to nothing, with the isolate for instance: what must be
    /// done in the end is kept by an object, whose alarm rings until it is.
    pub(crate) fn retry_later<W>(&self, work: impl Fn(Runtime<P>) -> W + 'static)
    where
        W: Future<Output = Result<(), Fault>>,
    {
        let runtime = self.0.clone();
        let failed_at = self.0.now();
        self.0.ports.background().spawn(async move {
            for pause in PAUSES {
                runtime.ports.platform().sleep(pause).await;
                if runtime.now().since(failed_at) > LAST_BEGIN {
                    return;
                }
                match work(runtime.clone()).await {
                    Ok(()) => return,
                    Err(fault) => Events::of(&runtime).record_fault(&fault, &Caller::default()),
                }
            }
        });
    }

    /// Begins something that is done for some logins only, after the answer and at a moment that
    /// cannot be foretold: 0.2 to 1.2 s from now.
    pub(crate) fn spawn_jittered(&self, work: impl Future<Output = ()> + 'static) {
        let mut steps = [0];
        // Without randomness it begins early; the answer is out by then all the same.
        let _ = self.0.ports.platform().fill(&mut steps);
        let delay = AFTER_THE_ANSWER.saturating_add(STEP.saturating_mul(steps[0].into()));
        self.0.ports.background().spawn_later(delay, work);
    }
}
