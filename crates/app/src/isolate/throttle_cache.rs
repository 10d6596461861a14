//! The refusals that an isolate caches, so that it does not call a Throttle object again.

use core::{cell::RefCell, time::Duration};
use std::collections::HashMap;

use crate::{
    time::Timestamp,
    web::throttled::{Throttled, whole_seconds},
};

/// How many refusals an isolate caches, at a hundred bytes each.
const REMEMBERED: usize = 4096;

/// How long a refusal is cached, regardless of its own duration. An operator who removes a lockout waits at most this
/// long for all isolates. During a flood, each isolate calls the Throttle object once in this time.
const ASK_AGAIN: Duration = Duration::from_secs(10);

#[derive(Debug)]
struct CachedRefusal {
    until: Timestamp,
    ask_at: Timestamp,
    throttled: Throttled,
}

/// Refusals until a known time, during which no Throttle object is called.
#[derive(Debug, Default)]
pub(crate) struct ThrottleCache(RefCell<HashMap<String, CachedRefusal>>);

impl ThrottleCache {
    pub(crate) fn find(&self, key: &str, now: Timestamp) -> Option<Throttled> {
        let refusals = self.0.borrow();
        let refusal = refusals
            .get(key)
            .filter(|refusal| now < refusal.until && !now.has_reached(refusal.ask_at, ASK_AGAIN))?;
        let retry_after = whole_seconds(refusal.until.since(now));
        Some(Throttled { retry_after, ..refusal.throttled.clone() })
    }

    /// Caches a refusal. The result is whether it is new: concurrent calls may have got the same one.
    pub(crate) fn remember(
        &self,
        key: String,
        until: Timestamp,
        throttled: &Throttled,
        now: Timestamp,
    ) -> bool {
        let mut refusals = self.0.borrow_mut();
        if refusals.len() >= REMEMBERED && !refusals.contains_key(&key) {
            make_room(&mut refusals, now);
        }
        let refusal = CachedRefusal { until, ask_at: now.plus(ASK_AGAIN), throttled: throttled.clone() };
        refusals.insert(key, refusal).is_none_or(|before| before.until != until)
    }

    /// Removes all refusals of a Throttle object.
    pub(crate) fn forget(&self, object: &str) {
        let of_object = |key: &str| key.strip_prefix(object).is_some_and(|rest| rest.starts_with(' '));
        self.0.borrow_mut().retain(|key, _| !of_object(key));
    }
}

/// Removes expired refusals, or else the older half. A flood from many addresses that fills the cache must not cause a
/// call of a Throttle object for each further request.
fn make_room(refusals: &mut HashMap<String, CachedRefusal>, now: Timestamp) {
    refusals.retain(|_, refusal| now < refusal.until);
    if refusals.len() < REMEMBERED {
        return;
    }
    let mut times: Vec<Timestamp> = refusals.values().map(|refusal| refusal.ask_at).collect();
    let middle = times.len() / 2;
    let (_, median, _) = times.select_nth_unstable(middle);
    let median = *median;
    let mut spare = REMEMBERED / 2;
    // Many may have come in one millisecond: of those at the middle only as many as needed go.
    refusals.retain(|_, refusal| {
        let goes = refusal.ask_at < median || (refusal.ask_at == median && spare > 0);
        spare = spare.saturating_sub(usize::from(goes));
        !goes
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + seconds)
    }

    fn throttled() -> Throttled {
        Throttled { policy: "login-ip".to_owned(), quota: 1, window: 60, retry_after: 3600 }
    }

    // It is then no news.
    #[test]
    fn a_lock_of_an_hour_is_asked_about_again_in_seconds() {
        let refusals = ThrottleCache::default();
        let remember = |until, now| refusals.remember("ip n 7 login".to_owned(), until, &throttled(), now);
        assert!(remember(at(3600), at(0)));
        assert_eq!(refusals.find("ip n 7 login", at(9)).map(|found| found.retry_after), Some(3591));
        assert_eq!(refusals.find("ip n 7 login", at(10)), None);
        assert!(!remember(at(3600), at(10)));
        assert!(refusals.find("ip n 7 login", at(19)).is_some());
        assert!(remember(at(7200), at(3600)), "another lock");
    }

    #[test]
    fn a_full_memory_forgets_the_oldest_and_remembers_the_next() {
        let refusals = ThrottleCache::default();
        let number = u64::try_from(REMEMBERED).unwrap();
        for one in 0..number {
            let at = at(one / 1000);
            assert!(refusals.remember(format!("ip {one} 7 login"), at.plus(ASK_AGAIN * 9), &throttled(), at));
        }
        let now = at(5);
        refusals.remember("ip last 7 login".to_owned(), at(60), &throttled(), now);
        assert!(refusals.find("ip last 7 login", now).is_some());
        assert!(refusals.find(&format!("ip {} 7 login", number - 1), now).is_some(), "the newest");
        assert!(refusals.find("ip 0 7 login", now).is_none(), "the oldest");
        assert!(refusals.0.borrow().len() > REMEMBERED / 3);
        // All of one moment, too.
        for one in 0..2 * number {
            refusals.remember(format!("ip n{one} 7 login"), at(60), &throttled(), now);
            assert!(refusals.0.borrow().len() <= REMEMBERED);
        }
        assert!(refusals.find(&format!("ip n{} 7 login", 2 * number - 1), now).is_some());
    }

    #[test]
    fn an_object_that_was_cleared_is_asked_at_once_and_no_other() {
        let refusals = ThrottleCache::default();
        for key in ["ip n 7 login", "ip n * login", "ip nn 7 login"] {
            refusals.remember(key.to_owned(), at(60), &throttled(), at(0));
        }
        refusals.forget("ip n");
        let left =
            ["ip n 7 login", "ip n * login", "ip nn 7 login"].map(|key| refusals.find(key, at(1)).is_some());
        assert_eq!(left, [false, false, true]);
    }
}
