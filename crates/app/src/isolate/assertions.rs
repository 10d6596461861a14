//! The assertions that an isolate has signed.

use core::{cell::RefCell, time::Duration};
use std::{collections::HashMap, rc::Rc};

use crate::{gateway::Identity, time::Timestamp};

/// How long an assertion is valid: long enough for a queue in front of the origin, too short to
/// be worth stealing from its log.
pub(crate) const LIFETIME: Duration = Duration::from_mins(1);

/// Callers whose assertions an isolate remembers: as many as a generation of its cache of
/// verified tokens. Past it the memory starts anew, which costs one signature for each caller.
const MAX_REMEMBERED: usize = 1_000;

#[derive(Debug)]
pub(crate) struct Signed {
    pub(crate) audience: String,
    pub(crate) assertion: Rc<str>,
    pub(crate) renew_at: Timestamp,
}

/// One caller's. The identity is kept too: while it lives its address names no other.
#[derive(Debug)]
struct OfCaller {
    identity: Rc<Identity>,
    signed: Vec<Signed>,
}

/// What was signed, by the verified token (its identity in memory is made once for each token)
/// and audience.
#[derive(Debug, Default)]
pub(crate) struct Assertions(RefCell<HashMap<usize, OfCaller>>);

fn address(identity: &Rc<Identity>) -> usize {
    Rc::as_ptr(identity).addr()
}

impl Assertions {
    /// One that has at least half its life.
    pub(crate) fn find(&self, identity: &Rc<Identity>, audience: &str, now: Timestamp) -> Option<Rc<str>> {
        let known = self.0.borrow();
        let of_caller = known.get(&address(identity))?;
        if !Rc::ptr_eq(&of_caller.identity, identity) {
            return None;
        }
        let found = of_caller.signed.iter().find(|signed| signed.audience == audience)?;
        (!now.has_reached(found.renew_at, LIFETIME)).then(|| Rc::clone(&found.assertion))
    }

    pub(crate) fn remember(&self, identity: &Rc<Identity>, signed: Signed) {
        let mut known = self.0.borrow_mut();
        if known.len() >= MAX_REMEMBERED {
            known.clear();
        }
        let of_caller = known
            .entry(address(identity))
            .or_insert_with(|| OfCaller { identity: Rc::clone(identity), signed: Vec::new() });
        of_caller.signed.retain(|other| other.audience != signed.audience);
        of_caller.signed.push(signed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::identity;

    fn signed(audience: &str, renew_at: u64) -> Signed {
        Signed {
            audience: audience.to_owned(),
            assertion: audience.into(),
            renew_at: Timestamp::from_seconds(renew_at),
        }
    }

    #[test]
    fn an_assertion_is_found_for_its_own_caller_and_audience_only() {
        let (assertions, now) = (Assertions::default(), Timestamp::from_seconds(10));
        let (alice, bob) = (identity("alice"), identity("bob"));
        assertions.remember(&alice, signed("a", 30));
        assert_eq!(assertions.find(&alice, "a", now).as_deref(), Some("a"));
        assert_eq!(assertions.find(&alice, "b", now), None);
        assert_eq!(assertions.find(&bob, "a", now), None);
        assert_eq!(assertions.find(&identity("alice"), "a", now), None, "another token of the same subject");
        assert_eq!(assertions.find(&alice, "a", Timestamp::from_seconds(30)), None, "half its life is over");
    }

    #[test]
    fn the_memory_of_assertions_is_bounded() {
        let assertions = Assertions::default();
        for _ in 0..3 * MAX_REMEMBERED {
            assertions.remember(&identity("alice"), signed("a", 30));
        }
        assert!(assertions.0.borrow().len() <= MAX_REMEMBERED);
    }
}
