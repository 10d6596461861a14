//! Lets one request of an isolate do work whose result many wait for.

use core::time::Duration;

use crate::{
    isolate::turn::Turn,
    ports::{Clock, Timer},
    time::Timestamp,
};

/// How long until one looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How often: 25 s, in which two parts are given up one after the other.
const LOOKS: u32 = 500;

/// Does `work` in turn, until `is_there` says that it need not be done, or not again. When it
/// takes too long, or has just failed, the caller goes on without.
pub(crate) async fn in_turn(
    platform: &(impl Clock + Timer),
    turn: &Turn,
    is_there: impl Fn(Timestamp) -> bool,
    work: impl AsyncFn(),
) {
    for _ in 0..LOOKS {
        let now = platform.now();
        if is_there(now) || turn.has_failed(now) {
            return;
        }
        if turn.take(now) {
            work().await;
            let now = platform.now();
            turn.end(is_there(now), now);
            return;
        }
        platform.sleep(LOOK_AGAIN).await;
    }
}
