use super::*;
use crate::Thumbprint;
use core::time::Duration;

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);
const KEY: &str =
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

fn set(age: u64) -> CachedSet {
    let snapshot = Snapshot {
        issuer: "i".into(),
        document: KEY.into(),
        fetched_at: NOW.minus(Duration::from_secs(age)),
        version: 1,
        left_out: Vec::new(),
    };
    CachedSet::from_snapshot(&snapshot, "i", &[]).unwrap()
}

fn decide(memory: Option<&CachedSet>, kid: &str, tried: Tried) -> Resolution {
    decide_at(memory, kid, tried, NOW)
}

fn decide_at(memory: Option<&CachedSet>, kid: &str, tried: Tried, now: Timestamp) -> Resolution {
    resolve(memory, |keys| keys.has_kid(kid), tried, None, &CachePolicy::default(), now)
}

// And then the token is refused.
#[test]
fn without_memory_kv_is_asked_and_then_the_object() {
    for memory in [None, Some(set(24 * 60 * 60))] {
        let memory = memory.as_ref();
        assert_eq!(decide(memory, "a", Tried::Memory), Resolution::Fetch(FetchFrom::Kv));
        let object = Resolution::Fetch(FetchFrom::Object { unknown_kid: false });
        assert_eq!(decide(memory, "a", Tried::Kv), object);
        assert_eq!(decide(memory, "a", Tried::Object), Resolution::Refuse);
    }
    let later = Some(NOW.plus(Duration::from_secs(1)));
    let policy = CachePolicy::default();
    assert_eq!(resolve(None, |_| true, Tried::Memory, later, &policy, NOW), Resolution::Refuse);
    let fetch = Resolution::Fetch(FetchFrom::Kv);
    assert_eq!(resolve(None, |_| true, Tried::Memory, Some(NOW), &policy, NOW), fetch);
    // Further away than any pause: the clock was put back.
    let hours = Some(NOW.plus(Duration::from_hours(2)));
    assert_eq!(resolve(None, |_| true, Tried::Memory, hours, &policy, NOW), fetch);
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
    assert_eq!(decide_at(Some(&memory), "y", Tried::Memory, later), Resolution::Fetch(FetchFrom::Kv));
    let put_back = NOW.minus(Duration::from_secs(1));
    assert_eq!(decide_at(Some(&memory), "y", Tried::Memory, put_back), Resolution::Fetch(FetchFrom::Kv));
}

// Its client went away, and the platform stopped it.
#[test]
fn a_request_that_is_stopped_is_not_the_only_one_to_ask() {
    let memory = set(0);
    for _ in 0..ASKS_BEFORE_AN_ANSWER {
        assert_eq!(decide(Some(&memory), "x", Tried::Memory), Resolution::Fetch(FetchFrom::Kv));
    }
    assert_eq!(
        decide(Some(&memory), "x", Tried::Memory),
        Resolution::Use,
        "a flood without answers is bounded"
    );
    let later = NOW.plus(Duration::from_secs(30));
    assert_eq!(decide_at(Some(&memory), "x", Tried::Memory, later), Resolution::Fetch(FetchFrom::Kv));
    assert_eq!(decide_at(Some(&memory), "x", Tried::Object, later), Resolution::Use);
    assert_eq!(decide_at(Some(&memory), "x", Tried::Memory, later), Resolution::Use, "there was an answer");
}

// Of unknown kids.
#[test]
fn denial_of_service_a_newer_copy_keeps_the_cooldown() {
    let memory = set(10);
    assert_eq!(decide(Some(&memory), "x", Tried::Memory), Resolution::Fetch(FetchFrom::Kv));
    let newer = set(0).in_place_of(Some(&memory));
    assert_eq!(decide(Some(&newer), "x", Tried::Object), Resolution::Use);
    assert_eq!(decide(Some(&newer), "y", Tried::Memory), Resolution::Use);
}

// The set grows no younger by that.
#[test]
fn a_key_that_is_gone_leaves_the_set() {
    let known = set(7);
    let without = known.without(|kid| kid == "a").unwrap();
    assert!(!without.keys().has_kid("a") && known.keys().has_kid("a"));
    assert_eq!(without.fetched_at(), known.fetched_at());
    assert!(known.without(|kid| kid == "b").is_none(), "nothing of it is gone");
}

// Of unknown kids.
#[test]
fn denial_of_service_a_leaving_key_keeps_the_cooldown() {
    let known = set(7);
    assert_eq!(decide(Some(&known), "x", Tried::Memory), Resolution::Fetch(FetchFrom::Kv));
    assert_eq!(decide(Some(&known), "x", Tried::Object), Resolution::Use);
    let without = known.without(|kid| kid == "a").unwrap();
    assert_eq!(decide(Some(&without), "a", Tried::Memory), Resolution::Use);
}

#[test]
fn a_snapshot_of_another_issuer_or_without_keys_is_no_set() {
    let mut snapshot = Snapshot {
        issuer: "i".into(),
        document: KEY.into(),
        fetched_at: NOW,
        version: 1,
        left_out: Vec::new(),
    };
    assert_eq!(CachedSet::from_snapshot(&snapshot, "j", &[]).err(), Some(FetchFailure::OtherIssuer));
    snapshot.document = r#"{"keys":[]}"#.into();
    assert_eq!(CachedSet::from_snapshot(&snapshot, "i", &[]).err(), Some(FetchFailure::NoUsableKeys));
    snapshot.document = "<html>".into();
    assert_eq!(CachedSet::from_snapshot(&snapshot, "i", &[]).err(), Some(FetchFailure::Malformed));
    assert!(set(1).is_newer_than(Some(&set(2)), NOW) && !set(2).is_newer_than(Some(&set(2)), NOW));
}

/// A cold isolate finds in KV what nobody has used for hours.
#[test]
fn a_set_older_than_three_soft_ages_is_asked_for_first() {
    let object = Resolution::Fetch(FetchFrom::Object { unknown_kid: false });
    assert_eq!(decide(Some(&set(899)), "a", Tried::Memory), Resolution::UseAndRefresh);
    let old = set(900);
    // Requests that come side by side all ask: none may use it unasked.
    for _ in 0..3 {
        assert_eq!(decide(Some(&old), "a", Tried::Memory), Resolution::Fetch(FetchFrom::Kv));
        assert_eq!(decide(Some(&old), "a", Tried::Kv), object);
    }
    assert_eq!(decide(Some(&old), "a", Tried::Object), Resolution::Use, "nothing newer could be had");
    // For one soft age nobody waits again; in the background it goes on.
    let later = |seconds| NOW.plus(Duration::from_secs(seconds));
    assert_eq!(decide(Some(&old), "a", Tried::Memory), Resolution::UseAndRefresh);
    assert_eq!(decide_at(Some(&old), "a", Tried::Memory, later(29)), Resolution::Use);
    assert_eq!(decide_at(Some(&old), "a", Tried::Memory, later(30)), Resolution::UseAndRefresh);
    assert_eq!(decide_at(Some(&old), "a", Tried::Memory, later(300)), Resolution::Fetch(FetchFrom::Kv));
}

#[test]
fn a_time_ahead_of_all_clocks_is_no_young_age() {
    let mut ahead = set(0);
    ahead.fetched_at = NOW.plus(Duration::from_hours(1));
    assert_eq!(decide(Some(&ahead), "a", Tried::Memory), Resolution::Fetch(FetchFrom::Kv));
    assert_eq!(decide(Some(&ahead), "a", Tried::Object), Resolution::Use, "it may be the last there is");
    assert!(set(0).is_newer_than(Some(&ahead), NOW) && !ahead.is_newer_than(Some(&set(0)), NOW));
    // The clocks of two machines differ by a little.
    ahead.fetched_at = NOW.plus(Duration::from_secs(59));
    assert_eq!(decide(Some(&ahead), "a", Tried::Memory), Resolution::Use);
}

#[test]
fn a_key_that_did_not_verify_is_not_enough() {
    let memory = set(0);
    let other = |keys: &JwkSet| keys.has_thumbprint(Thumbprint::from_bytes([1; 32]));
    let policy = CachePolicy::default();
    let ask = |tried| resolve(Some(&memory), other, tried, None, &policy, NOW);
    assert_eq!(ask(Tried::Memory), Resolution::Fetch(FetchFrom::Kv));
    assert_eq!(ask(Tried::Kv), Resolution::Fetch(FetchFrom::Object { unknown_kid: true }));
    assert_eq!(ask(Tried::Object), Resolution::Use);
    assert_eq!(ask(Tried::Memory), Resolution::Use, "once a cooldown, for all reasons together");
    assert_eq!(decide(Some(&memory), "x", Tried::Memory), Resolution::Use);
}
