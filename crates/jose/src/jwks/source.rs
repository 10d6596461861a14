//! The Worker's side: from which place one request takes an issuer's keys.

use core::{cell::Cell, time::Duration};
use std::rc::Rc;

use super::{CachePolicy, FetchFailure, Snapshot, cache::MAX_BACKOFF};
use crate::{JwkSet, SignatureAlgorithm, time::Timestamp};

/// How many requests may ask for a newer set, in one cooldown and before one of them has an answer. The platform stops
/// requests whose client went away, and their question with them: were it the only one, sound tokens of a new key would
/// be refused until the cooldown is over. So would those that come while the first one waits.
const ASKS_BEFORE_AN_ANSWER: u8 = 8;

/// What was asked because no key of a set verified a token.
#[derive(Debug, Clone, Copy)]
struct AskedForUnknown {
    since: Timestamp,
    begun: u8,
    is_answered: bool,
}

/// An issuer's key set in an isolate's memory.
#[derive(Debug, Clone)]
pub struct CachedSet {
    keys: Rc<JwkSet>,
    fetched_at: Timestamp,
    version: u64,
    /// When a refresh in the background began.
    refresh_asked: Cell<Option<Timestamp>>,
    /// Whether it was asked for in this cooldown because no key in it verified a token.
    unknown_asked: Cell<Option<AskedForUnknown>>,
    /// When it was last asked for because of its age, and nothing newer could be had.
    asked_in_vain: Cell<Option<Timestamp>>,
}

impl CachedSet {
    /// Reads a snapshot from KV or from the object. It must be the issuer's own and hold keys.
    /// `algorithms` are those that the issuer may use.
    pub fn from_snapshot(
        snapshot: &Snapshot,
        issuer: &str,
        algorithms: &[SignatureAlgorithm],
    ) -> Result<Self, FetchFailure> {
        if snapshot.issuer != issuer {
            return Err(FetchFailure::OtherIssuer);
        }
        let keys = snapshot.keys(algorithms).map_err(|_| FetchFailure::Malformed)?;
        if keys.keys().is_empty() {
            return Err(FetchFailure::NoUsableKeys);
        }
        Ok(Self {
            keys: Rc::new(keys),
            fetched_at: snapshot.fetched_at,
            version: snapshot.version,
            refresh_asked: Cell::new(None),
            unknown_asked: Cell::new(None),
            asked_in_vain: Cell::new(None),
        })
    }

    /// The keys: a shared copy that outlives the set's replacement.
    pub fn keys(&self) -> Rc<JwkSet> {
        Rc::clone(&self.keys)
    }

    /// When they were fetched.
    pub const fn fetched_at(&self) -> Timestamp {
        self.fetched_at
    }

    /// The snapshot's version.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// This set in the place of `other`. When a newer one was last asked for because of a token
    /// stays known: were it forgotten with every newer copy, and our own key ring's is always
    /// newer, made-up tokens would reach the object one by one.
    #[must_use]
    pub fn in_place_of(self, other: Option<&Self>) -> Self {
        self.unknown_asked.set(other.and_then(|other| other.unknown_asked.get()));
        self
    }

    /// The same without the keys of these `kid`s; `None` when it has none of them.
    pub fn without(&self, is_gone: impl Fn(&str) -> bool) -> Option<Self> {
        Some(Self { keys: Rc::new(self.keys.without(is_gone)?), ..self.clone() })
    }

    /// Whether this set should take the place of `other` in memory: KV may be older than memory. A
    /// set of a time ahead of all clocks takes nobody's place, and gives its own to any.
    pub fn is_newer_than(&self, other: Option<&Self>, now: Timestamp) -> bool {
        let Some(other) = other else { return true };
        !self.fetched_at.is_far_ahead_of(now)
            && (other.fetched_at.is_far_ahead_of(now) || self.fetched_at > other.fetched_at)
    }

    /// Whether a token that no key of this set verifies may be the reason to ask for a newer one: until
    /// there was an answer, eight times at most, and then not before the cooldown is over.
    pub fn may_ask_for_unknown(&self, policy: &CachePolicy, now: Timestamp) -> bool {
        self.asked_in_cooldown(policy, now)
            .is_none_or(|asked| !asked.is_answered && asked.begun < ASKS_BEFORE_AN_ANSWER)
    }

    fn asked_in_cooldown(&self, policy: &CachePolicy, now: Timestamp) -> Option<AskedForUnknown> {
        self.unknown_asked.get().filter(|asked| !now.is_due(asked.since, policy.unknown_kid_cooldown))
    }

    fn begin_to_ask_for_unknown(&self, policy: &CachePolicy, now: Timestamp) {
        let first = AskedForUnknown { since: now, begun: 0, is_answered: false };
        let asked = self.asked_in_cooldown(policy, now).unwrap_or(first);
        self.unknown_asked.set(Some(AskedForUnknown { begun: asked.begun.saturating_add(1), ..asked }));
    }

    fn answered(&self) {
        let asked = self.unknown_asked.get();
        self.unknown_asked.set(asked.map(|asked| AskedForUnknown { is_answered: true, ..asked }));
    }

    /// How old it is.
    pub fn age(&self, policy: &CachePolicy, now: Timestamp) -> Duration {
        policy.age(self.fetched_at, now)
    }
}

fn is_due(asked: &Cell<Option<Timestamp>>, pause: Duration, now: Timestamp) -> bool {
    asked.get().is_none_or(|last| now.is_due(last, pause))
}

/// What this request has read already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried {
    /// Only memory.
    Memory,
    /// KV too.
    Kv,
    /// The object too.
    Object,
}

/// Where to look next. What is found there is put into memory if it is newer; then [`resolve`]
/// is asked again, with the place as tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchFrom {
    /// KV, under the issuer's name.
    Kv,
    /// The issuer's object.
    Object {
        /// Whether a token is the reason that no known key verifies.
        unknown_kid: bool,
    },
}

/// What a request does about an issuer's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// Verify with the set in memory.
    Use,
    /// The same, and refresh it in the background: KV first, then the object if KV's is no newer.
    UseAndRefresh,
    /// Look further, now.
    Fetch(FetchFrom),
    /// There are no keys: 503, for it is not the token's fault.
    Refuse,
}

/// Decides for one request.
///
/// `is_enough` says whether a set may verify the token at hand: it has a key of the token's `kid`,
/// or another than the one that did not verify it. `unavailable_until` is when the object, having
/// said that nothing can be had, wants to be asked again; until then nobody is.
///
/// - A set that is not enough: KV and the object are asked, but in one isolate only until there was
///   an answer, and then not before the cooldown is over, however many such tokens come. The others
///   are verified with the set there is, and refused.
/// - A set older than three soft ages is asked for before it is used. When nothing newer can be had
///   it serves, and for one soft age nobody waits for another attempt.
/// - A set past its soft age is used, and refreshed in the background.
pub fn resolve(
    memory: Option<&CachedSet>,
    is_enough: impl Fn(&JwkSet) -> bool,
    tried: Tried,
    unavailable_until: Option<Timestamp>,
    policy: &CachePolicy,
    now: Timestamp,
) -> Resolution {
    let usable = memory.filter(|set| set.age(policy, now) < policy.hard_age);
    let Some(set) = usable else {
        let wait = unavailable_until.is_some_and(|until| !now.has_reached(until, MAX_BACKOFF));
        return match tried {
            Tried::Memory if wait => Resolution::Refuse,
            Tried::Memory => Resolution::Fetch(FetchFrom::Kv),
            Tried::Kv => Resolution::Fetch(FetchFrom::Object { unknown_kid: false }),
            Tried::Object => Resolution::Refuse,
        };
    };
    if tried == Tried::Object {
        set.answered();
    }
    if !is_enough(&set.keys) {
        match tried {
            Tried::Memory if set.may_ask_for_unknown(policy, now) => {
                set.begin_to_ask_for_unknown(policy, now);
                return Resolution::Fetch(FetchFrom::Kv);
            }
            Tried::Kv => return Resolution::Fetch(FetchFrom::Object { unknown_kid: true }),
            Tried::Memory | Tried::Object => {}
        }
    }
    let age = set.age(policy, now);
    if age >= policy.ask_first_age() && is_due(&set.asked_in_vain, policy.soft_age, now) {
        match tried {
            Tried::Memory => return Resolution::Fetch(FetchFrom::Kv),
            Tried::Kv => return Resolution::Fetch(FetchFrom::Object { unknown_kid: false }),
            Tried::Object => set.asked_in_vain.set(Some(now)),
        }
    }
    let refresh = age >= policy.soft_age && is_due(&set.refresh_asked, policy.unknown_kid_cooldown, now);
    if refresh && tried != Tried::Object {
        set.refresh_asked.set(Some(now));
        return Resolution::UseAndRefresh;
    }
    Resolution::Use
}

#[cfg(test)]
mod tests;
