//! One request asks for what many wait for.
//!
//! A request must not await what another one began: the platform cancels it. So whoever finds
//! somebody at work looks again a moment later, for what that one left in memory.

use core::{cell::Cell, time::Duration};

use crate::time::Timestamp;

/// After this long somebody else begins too: whose turn it was may have been cancelled with its
/// request, and one part that hangs must not hold up all others. Also how long nobody tries again
/// what has failed.
const LOST_AFTER: Duration = Duration::from_secs(2);

/// Whose turn it is.
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
    /// Takes the turn, unless somebody has it.
    pub(crate) fn take(&self, now: Timestamp) -> bool {
        let free = !self.is_taken(now) && !self.has_failed(now);
        if free {
            self.0.set(TurnState::Taken(now));
        }
        free
    }

    /// Whether somebody has it.
    pub(crate) fn is_taken(&self, now: Timestamp) -> bool {
        matches!(self.0.get(), TurnState::Taken(begun) if !now.is_due(begun, LOST_AFTER))
    }

    /// Whether the last attempt failed just now: the next one is made after a pause.
    pub(crate) fn has_failed(&self, now: Timestamp) -> bool {
        matches!(self.0.get(), TurnState::Failed(at) if !now.is_due(at, LOST_AFTER))
    }

    /// The work is done, well or not.
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
