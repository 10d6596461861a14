//! The ladder of failures: a delay first, then locks that grow.
//!
//! An attempt counts as a failure before it is made and is forgiven when it succeeds, so that a
//! hundred guesses at once are a hundred failures and not one.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use postern_jose::time::Timestamp;

/// The longest delay before an attempt: a waiting request holds memory and no processor, and
/// a person waits no longer without doubting the page.
const MAX_DELAY: Duration = Duration::from_secs(4);

/// The rules of a ladder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockoutPolicy {
    /// After this many failures each further attempt is delayed: 1 s, 2 s, then 4 s.
    pub delay_after: u32,
    /// This many failures lock for the first time, and each one after that again.
    pub lock_after: u32,
    /// The locks in seconds, one after the other; the last one stays. Never empty.
    pub locks: Vec<u32>,
    /// One failure is forgotten in so many seconds, 1 or more.
    pub forget: u32,
    /// Whether a locked attempt is refused as such. Otherwise it is let through to be answered
    /// as if its password were wrong.
    pub refuses: bool,
}

/// Where someone stands on a ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LockoutState {
    /// When all failures are forgotten.
    #[serde(default)]
    pub clean_at: Timestamp,
    /// Until when nothing is tried.
    #[serde(default)]
    pub locked_until: Timestamp,
}

impl LockoutState {
    /// Whether there is nothing to remember.
    pub(crate) fn is_clean(self, now: Timestamp) -> bool {
        self.clean_at <= now && self.locked_until <= now
    }

    /// Takes one failure of this weight in seconds ([`LockoutPolicy::forget`]) back: the attempt
    /// succeeded. `lock` is the one it brought, if it did; another's stays.
    #[must_use]
    pub(crate) fn forgiven(self, forget: u32, lock: Option<Timestamp>) -> Self {
        let own = lock == Some(self.locked_until);
        Self {
            clean_at: self.clean_at.minus(Duration::from_secs(forget.into())),
            locked_until: if own { Timestamp::default() } else { self.locked_until },
        }
    }

    /// Whether it was never stepped on: what records leave out.
    pub(super) fn is_untouched(&self) -> bool {
        *self == Self::default()
    }
}

/// What the ladder says to an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Make it, after this delay.
    Try {
        /// Zero for the first attempts.
        delay: Duration,
        /// The lock that a failure of this very attempt brings, if it does. It holds already.
        lock: Option<Timestamp>,
    },
    /// Do not make it. Nothing has changed: who is locked out does not make it worse.
    Locked {
        /// Until then.
        until: Timestamp,
    },
}

impl LockoutPolicy {
    fn forget(&self) -> Duration {
        Duration::from_secs(self.forget.max(1).into())
    }

    /// From so many failures on nothing grows, so that it does not take days to forget either.
    fn top(&self) -> u32 {
        self.lock_after.saturating_add(u32::try_from(self.locks.len()).unwrap_or(u32::MAX))
    }

    /// The rung as this ladder can have made it by now. What lies further in the future is of a clock
    /// that was ahead: it must not lock anybody out for as long.
    fn within_reach(&self, rung: LockoutState, now: Timestamp) -> LockoutState {
        let longest =
            self.locks.iter().copied().max().map_or(Duration::ZERO, |lock| Duration::from_secs(lock.into()));
        let over = now.has_reached(rung.locked_until, longest);
        LockoutState {
            clean_at: rung.clean_at.min(now.plus(self.forget().saturating_mul(self.top()))),
            locked_until: if over { rung.locked_until.min(now) } else { rung.locked_until },
        }
    }

    /// How many failures are remembered.
    pub fn failures(&self, rung: LockoutState, now: Timestamp) -> u32 {
        let debt = self.within_reach(rung, now).clean_at.since(now).as_millis();
        u32::try_from(debt.div_ceil(self.forget().as_millis())).unwrap_or(u32::MAX)
    }

    /// Judges an attempt and counts it as a failure.
    pub(crate) fn attempt(&self, rung: LockoutState, now: Timestamp) -> (LockoutState, Step) {
        let rung = self.within_reach(rung, now);
        if now < rung.locked_until {
            return (rung, Step::Locked { until: rung.locked_until });
        }
        let before = self.failures(rung, now);
        let clean_at =
            if before < self.top() { rung.clean_at.max(now).plus(self.forget()) } else { rung.clean_at };
        let failures = before.saturating_add(1);
        let lock = failures.checked_sub(self.lock_after).and_then(|climbed| {
            let index = usize::try_from(climbed).unwrap_or(usize::MAX);
            let seconds = self.locks.get(index).or_else(|| self.locks.last())?;
            Some(now.plus(Duration::from_secs((*seconds).into())))
        });
        let delay = match before.checked_sub(self.delay_after) {
            None => Duration::ZERO,
            Some(more) => Duration::from_secs(1 << more.min(8)).min(MAX_DELAY),
        };
        (
            LockoutState { clean_at, locked_until: lock.unwrap_or(rung.locked_until) },
            Step::Try { delay, lock },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const NONE: Duration = Duration::ZERO;

    fn at(seconds: u64) -> Timestamp {
        START.plus(Duration::from_secs(seconds))
    }

    fn ladder() -> LockoutPolicy {
        LockoutPolicy {
            delay_after: 3,
            lock_after: 5,
            locks: vec![60, 600, 3600],
            forget: 3600,
            refuses: false,
        }
    }

    #[test]
    fn failures_are_delayed_and_then_locked_for_1_10_and_60_minutes() {
        let (mut rung, mut now) = (LockoutState::default(), 0);
        for delay in [0, 0, 0, 1] {
            let (next, step) = ladder().attempt(rung, at(now));
            assert_eq!(step, Step::Try { delay: Duration::from_secs(delay), lock: None });
            rung = next;
        }
        for (delay, lock) in [(2, 60), (4, 600), (4, 3600), (4, 3600), (4, 3600)] {
            let (next, step) = ladder().attempt(rung, at(now));
            let until = at(now + lock);
            assert_eq!(step, Step::Try { delay: Duration::from_secs(delay), lock: Some(until) });
            let (same, step) = ladder().attempt(next, at(now + lock - 1));
            assert_eq!((same, step), (next, Step::Locked { until }));
            rung = next;
            now += lock;
        }
    }

    #[test]
    fn an_attack_of_a_year_is_forgotten_in_hours() {
        let (mut rung, mut tried) = (LockoutState::default(), 0);
        let year = 365 * 24 * 60;
        for minute in 0..year {
            let (next, step) = ladder().attempt(rung, at(minute * 60));
            rung = next;
            tried += u32::from(matches!(step, Step::Try { .. }));
        }
        assert!((8000..9000).contains(&tried), "one an hour: {tried}");
        assert!(rung.is_clean(at(year * 60 + 9 * 3600)));
    }

    // And the lock that the failure brought.
    #[test]
    fn a_success_takes_back_its_own_failure_alone() {
        let mut rung = LockoutState::default();
        for _ in 0..4 {
            rung = ladder().attempt(rung, at(0)).0;
        }
        let (locked, step) = ladder().attempt(rung, at(0));
        let Step::Try { lock, .. } = step else { panic!("it is tried") };
        assert_eq!(locked.forgiven(3600, lock), rung);
        assert_eq!(locked.forgiven(3600, Some(at(7))).locked_until, locked.locked_until, "another's lock");
        assert_eq!(locked.forgiven(3600, None).locked_until, locked.locked_until);
    }

    #[test]
    fn a_clock_put_back_locks_nobody_out_for_as_long() {
        let mut rung = LockoutState::default();
        for _ in 0..9 {
            rung = ladder().attempt(rung, at(10 * 86_400)).0;
        }
        assert!(rung.locked_until > at(10 * 86_400), "locked while the clock was ahead");
        let (_, step) = ladder().attempt(rung, at(0));
        assert!(matches!(step, Step::Try { lock: Some(_), .. }), "and tried now, as after as many failures");
        assert_eq!(ladder().failures(rung, at(0)), 8, "no more than the ladder has");
    }

    #[test]
    fn guesses_made_at_once_are_all_counted() {
        let mut rung = LockoutState::default();
        let tried = (0..100)
            .filter(|_| {
                let (next, step) = ladder().attempt(rung, at(0));
                rung = next;
                matches!(step, Step::Try { .. })
            })
            .count();
        assert_eq!(tried, 5);
    }

    #[test]
    fn forgotten_failures_no_longer_count() {
        let mut rung = LockoutState::default();
        for _ in 0..4 {
            rung = ladder().attempt(rung, at(0)).0;
        }
        assert_eq!(ladder().failures(rung, at(0)), 4);
        assert_eq!(ladder().failures(rung, at(3600)), 3);
        let (_, step) = ladder().attempt(rung, at(4 * 3600));
        assert_eq!(step, Step::Try { delay: NONE, lock: None });
    }
}
