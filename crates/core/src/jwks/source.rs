//! The Worker's side: from which place one request takes an issuer's keys.

use core::cell::Cell;
use std::rc::Rc;

use super::{CachePolicy, FetchFailure, Snapshot};
use crate::{
    jose::{JwkSet, SignatureAlgorithm},
    time::Timestamp,
};

/// An issuer's key set in an isolate's memory.
#[derive(Debug, Clone)]
pub struct CachedSet {
    keys: Rc<JwkSet>,
    fetched_at: Timestamp,
    version: u64,
    refresh_asked: Cell<Option<Timestamp>>,
    unknown_asked: Cell<Option<Timestamp>>,
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

    /// This set in the place of `other`. When an unknown `kid` was last asked about stays known:
    /// were it forgotten with every newer copy, and our own key ring's is always newer, made-up
    /// `kid`s would reach the object one by one.
    #[must_use]
    pub fn in_place_of(self, other: Option<&Self>) -> Self {
        self.unknown_asked.set(other.and_then(|other| other.unknown_asked.get()));
        self
    }

    /// The same without the keys of these `kid`s; `None` when it has none of them.
    pub fn without(&self, is_gone: impl Fn(&str) -> bool) -> Option<Self> {
        Some(Self { keys: Rc::new(self.keys.without(is_gone)?), ..self.clone() })
    }

    /// Whether this set should take the place of `other` in memory: KV may be older than memory.
    pub fn is_newer_than(&self, other: Option<&Self>) -> bool {
        other.is_none_or(|other| self.fetched_at > other.fetched_at)
    }
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
        /// What to say in the request.
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
/// `kid` is what the token claims. `unavailable_until` is when the object, having said that
/// nothing can be had, wants to be asked again; until then nobody is.
///
/// A token of an unknown `kid` looks in KV and asks the object, but in one isolate only once a
/// cooldown, however many such tokens come; the others are verified with the set there is, and
/// refused as of an unknown key.
pub fn resolve(
    memory: Option<&CachedSet>,
    kid: Option<&str>,
    tried: Tried,
    unavailable_until: Option<Timestamp>,
    policy: &CachePolicy,
    now: Timestamp,
) -> Resolution {
    let usable = memory.filter(|set| now.since(set.fetched_at) < policy.hard_age);
    let Some(set) = usable else {
        return match tried {
            Tried::Memory if unavailable_until.is_some_and(|until| until > now) => Resolution::Refuse,
            Tried::Memory => Resolution::Fetch(FetchFrom::Kv),
            Tried::Kv => Resolution::Fetch(FetchFrom::Object { unknown_kid: false }),
            Tried::Object => Resolution::Refuse,
        };
    };
    let due = |asked: &Cell<Option<Timestamp>>| {
        asked.get().is_none_or(|last| now.since(last) >= policy.unknown_kid_cooldown)
    };
    if kid.is_some_and(|kid| !set.keys.has_kid(kid)) {
        return match tried {
            Tried::Memory if due(&set.unknown_asked) => {
                set.unknown_asked.set(Some(now));
                Resolution::Fetch(FetchFrom::Kv)
            }
            Tried::Kv => Resolution::Fetch(FetchFrom::Object { unknown_kid: true }),
            Tried::Memory | Tried::Object => Resolution::Use,
        };
    }
    if now.since(set.fetched_at) >= policy.soft_age && tried != Tried::Object && due(&set.refresh_asked) {
        set.refresh_asked.set(Some(now));
        return Resolution::UseAndRefresh;
    }
    Resolution::Use
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);
    const KEY: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

    fn set(age: u64) -> CachedSet {
        let snapshot = Snapshot {
            issuer: "i".into(),
            document: KEY.into(),
            fetched_at: NOW.minus(Duration::from_secs(age)),
            version: 1,
        };
        CachedSet::from_snapshot(&snapshot, "i", &[]).unwrap()
    }

    fn decide(memory: Option<&CachedSet>, kid: &str, tried: Tried) -> Resolution {
        resolve(memory, Some(kid), tried, None, &CachePolicy::default(), NOW)
    }

    #[test]
    fn nothing_in_memory_leads_to_kv_then_to_the_object_then_to_refusal() {
        for memory in [None, Some(set(24 * 60 * 60))] {
            let memory = memory.as_ref();
            assert_eq!(decide(memory, "a", Tried::Memory), Resolution::Fetch(FetchFrom::Kv));
            let object = Resolution::Fetch(FetchFrom::Object { unknown_kid: false });
            assert_eq!(decide(memory, "a", Tried::Kv), object);
            assert_eq!(decide(memory, "a", Tried::Object), Resolution::Refuse);
        }
        let later = Some(NOW.plus(Duration::from_secs(1)));
        let policy = CachePolicy::default();
        assert_eq!(resolve(None, None, Tried::Memory, later, &policy, NOW), Resolution::Refuse);
        let fetch = Resolution::Fetch(FetchFrom::Kv);
        assert_eq!(resolve(None, None, Tried::Memory, Some(NOW), &policy, NOW), fetch);
    }

    #[test]
    fn a_set_past_its_soft_age_is_used_and_refreshed_once() {
        assert_eq!(decide(Some(&set(299)), "a", Tried::Memory), Resolution::Use);
        let old = set(300);
        assert_eq!(decide(Some(&old), "a", Tried::Memory), Resolution::UseAndRefresh);
        assert_eq!(decide(Some(&old), "a", Tried::Memory), Resolution::Use);
    }

    #[test]
    fn a_flood_of_unknown_kids_looks_further_once_a_cooldown() {
        let memory = set(0);
        assert_eq!(decide(Some(&memory), "x", Tried::Memory), Resolution::Fetch(FetchFrom::Kv));
        let object = Resolution::Fetch(FetchFrom::Object { unknown_kid: true });
        assert_eq!(decide(Some(&memory), "x", Tried::Kv), object);
        assert_eq!(decide(Some(&memory), "x", Tried::Object), Resolution::Use);
        for kid in ["y", "z"] {
            assert_eq!(decide(Some(&memory), kid, Tried::Memory), Resolution::Use);
        }
        let later = NOW.plus(Duration::from_secs(30));
        let again = resolve(Some(&memory), Some("y"), Tried::Memory, None, &CachePolicy::default(), later);
        assert_eq!(again, Resolution::Fetch(FetchFrom::Kv));
    }

    #[test]
    fn denial_of_service_a_newer_copy_does_not_end_the_cooldown_of_unknown_kids() {
        let memory = set(10);
        assert_eq!(decide(Some(&memory), "x", Tried::Memory), Resolution::Fetch(FetchFrom::Kv));
        let newer = set(0).in_place_of(Some(&memory));
        assert_eq!(decide(Some(&newer), "y", Tried::Memory), Resolution::Use);
    }

    #[test]
    fn a_key_that_is_gone_leaves_the_set_and_the_set_grows_no_younger() {
        let known = set(7);
        let without = known.without(|kid| kid == "a").unwrap();
        assert!(!without.keys().has_kid("a") && known.keys().has_kid("a"));
        assert_eq!(without.fetched_at(), known.fetched_at());
        assert!(known.without(|kid| kid == "b").is_none(), "nothing of it is gone");
    }

    #[test]
    fn denial_of_service_a_key_that_leaves_does_not_end_the_cooldown_of_unknown_kids() {
        let known = set(7);
        assert_eq!(decide(Some(&known), "x", Tried::Memory), Resolution::Fetch(FetchFrom::Kv));
        let without = known.without(|kid| kid == "a").unwrap();
        assert_eq!(decide(Some(&without), "a", Tried::Memory), Resolution::Use);
    }

    #[test]
    fn a_snapshot_of_another_issuer_or_without_keys_is_no_set() {
        let mut snapshot = Snapshot { issuer: "i".into(), document: KEY.into(), fetched_at: NOW, version: 1 };
        assert_eq!(CachedSet::from_snapshot(&snapshot, "j", &[]).err(), Some(FetchFailure::OtherIssuer));
        snapshot.document = r#"{"keys":[]}"#.into();
        assert_eq!(CachedSet::from_snapshot(&snapshot, "i", &[]).err(), Some(FetchFailure::NoUsableKeys));
        snapshot.document = "<html>".into();
        assert_eq!(CachedSet::from_snapshot(&snapshot, "i", &[]).err(), Some(FetchFailure::Malformed));
        assert!(set(1).is_newer_than(Some(&set(2))) && !set(2).is_newer_than(Some(&set(2))));
    }
}
