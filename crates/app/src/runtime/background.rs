//! Work that runs after the answer: retries, and work whose duration must not be observable.

use core::time::Duration;

use crate::{
    ports::{Background as _, Fault, Randomness as _, Timer as _},
    runtime::{Runtime, events::Events, ports::Ports},
    web::caller::Caller,
};

/// The shortest delay, after which the client has the answer. Earlier work would share the isolate's only thread with
/// the answer, so that the answer for an unknown login, which needs no work, would come sooner.
const AFTER_THE_ANSWER: Duration = Duration::from_millis(200);

/// The unit of the random delay, which has up to 255 units, about a second. The work slows the isolate down, and an
/// attacker who measures that must not know when it runs.
const STEP: Duration = Duration::from_millis(4);

/// The pauses before retries. The platform ends all work 30 s after the answer, and a call of a hanging component takes
/// 10 s: 1 s, a call, 6 s and a call take 27 s.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(6)];

/// The time after the first failure from which no retry begins, because it could not end in time.
const LAST_BEGIN: Duration = Duration::from_secs(18);

/// Runs work after the answer.
pub(crate) struct BackgroundWork<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> BackgroundWork<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Retries failed work twice after the answer. `work` makes one or two calls. The log records each fault. The
    /// retries can be lost, for example with the isolate; work that must be done is stored by a Durable Object, whose
    /// alarm rings until it succeeds.
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

    /// Runs `work` after the response with random jitter, 0.2 to 1.2 s from now, so that timing does not reveal whether
    /// the login exists.
    pub(crate) fn spawn_jittered(&self, work: impl Future<Output = ()> + 'static) {
        let mut steps = [0];
        // Without randomness it begins early; the answer is out by then all the same.
        let _ = self.0.ports.platform().fill(&mut steps);
        let delay = AFTER_THE_ANSWER.saturating_add(STEP.saturating_mul(steps[0].into()));
        self.0.ports.background().spawn_later(delay, work);
    }
}
