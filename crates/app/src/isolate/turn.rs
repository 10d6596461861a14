//! Turns: one request does work whose result many requests wait for.
//!
//! A request must not await a promise of another request, because the platform cancels it. So a request that finds the
//! work in progress looks again a moment later for the result in memory.

use core::{cell::Cell, time::Duration};

use crate::time::Timestamp;

/// How long a turn lasts at most: the request that has it may have been cancelled, and a hanging component must not
/// block all others. Also the pause after a failure.
const LOST_AFTER: Duration = Duration::from_secs(2);

/// The turn of a piece of work.
#[derive(Debug, Default)]
pub(crate) struct Turn(Cell<TurnState>);

#[derive(Debug, Clone, Copy, Default)]
enum TurnState {
    #[default]
    Free,
    Taken(Timestamp),
    Failed(Timestamp),
}

impl Turn {
    /// Takes the turn, unless another request has it.
    pub(crate) fn take(&self, now: Timestamp) -> bool {
        let free = !self.is_taken(now) && !self.has_failed(now);
        if free {
            self.0.set(TurnState::Taken(now));
        }
        free
    }

    /// Whether a request has the turn.
    pub(crate) fn is_taken(&self, now: Timestamp) -> bool {
        matches!(self.0.get(), TurnState::Taken(begun) if !now.is_due(begun, LOST_AFTER))
    }

    /// Whether the last attempt failed recently. The next attempt waits for a pause.
    pub(crate) fn has_failed(&self, now: Timestamp) -> bool {
        matches!(self.0.get(), TurnState::Failed(at) if !now.is_due(at, LOST_AFTER))
    }

    /// Ends the turn, after success or failure.
    pub(crate) fn end(&self, done: bool, now: Timestamp) {
        self.0.set(if done { TurnState::Free } else { TurnState::Failed(now) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_the_turn_until_it_is_given_back_or_lost() {
        let turn = Turn::default();
        let at = |millis: u64| Timestamp::from_millis(10_000 + millis);
        assert!(turn.take(at(0)));
        assert!(!turn.take(at(0)) && !turn.take(at(1999)));
        assert!(turn.take(at(2000)), "lost");
        turn.end(true, at(2001));
        assert!(turn.take(at(2001)));
        assert!(turn.take(at(1000)), "the clock was put back");
        turn.end(false, at(1000));
        assert!(turn.has_failed(at(1000)) && !turn.take(at(2999)), "nobody tries again at once");
        assert!(!turn.has_failed(at(3000)) && turn.take(at(3000)));
    }
}
