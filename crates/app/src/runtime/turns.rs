//! Lets one request of an isolate do work whose result many requests wait for.

use core::time::Duration;

use crate::{
    isolate::turn::Turn,
    ports::{Clock, Timer},
    time::Timestamp,
};

/// The pause before a waiting request looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How often a waiting request looks: for 25 s, in which two calls can time out one after the other.
const LOOKS: u32 = 500;

/// Does `work` when it is this request's turn, unless `is_there` is true by then. If the work takes too long or has
/// just failed, the caller continues without it.
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
