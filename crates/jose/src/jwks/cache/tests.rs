use super::*;
use crate::jwks::KeyLocation;

const START: Timestamp = Timestamp::from_seconds(1_700_000_000);

fn at(seconds: u64) -> Timestamp {
    START.plus(Duration::from_secs(seconds))
}

fn fresh() -> State {
    State::new(IssuerSource {
        issuer: "https://i.example".into(),
        location: KeyLocation::JwksUri("https://i.example/k".into()),
        local: false,
    })
}

fn ask(state: &mut State, want: Want, now: Timestamp) -> Action {
    let (next, action) = step(state.clone(), Event::Asked(want), &CachePolicy::default(), now);
    *state = next;
    action
}

fn fetched(state: &mut State, document: &str, now: Timestamp) -> Action {
    let event = Event::Fetched { document: document.into(), left_out: Vec::new(), jwks_uri: None };
    let (next, action) = step(state.clone(), event, &CachePolicy::default(), now);
    *state = next;
    action
}

fn failed(state: &mut State, now: Timestamp) -> Action {
    let event = Event::Failed { cause: FetchFailure::Network, why: "gone".into(), jitter: u16::MAX };
    let (next, action) = step(state.clone(), event, &CachePolicy::default(), now);
    *state = next;
    action
}

#[test]
fn a_set_serves_to_its_soft_age_and_is_then_fetched_anew() {
    let mut state = fresh();
    assert_eq!(ask(&mut state, Want::Fresh, at(0)), Action::Fetch);
    assert_eq!(fetched(&mut state, "one", at(0)), Action::Serve);
    assert_eq!(ask(&mut state, Want::Fresh, at(299)), Action::Serve);
    assert_eq!(ask(&mut state, Want::Fresh, at(300)), Action::Fetch);
}

#[test]
fn a_failed_fetch_never_evicts_before_the_hard_age() {
    let mut state = fresh();
    fetched(&mut state, "one", at(0));
    let day = 24 * 60 * 60;
    for now in (300..day - 400).step_by(601) {
        assert_eq!(ask(&mut state, Want::Fresh, at(now)), Action::Fetch, "{now}");
        assert_eq!(failed(&mut state, at(now)), Action::Serve, "{now}");
    }
    assert_eq!(ask(&mut state, Want::Fresh, at(day)), Action::Fetch);
    assert_eq!(failed(&mut state, at(day)), Action::Refuse { retry_after: MAX_BACKOFF });
    assert_eq!(
        ask(&mut state, Want::UnknownKid, at(day + 1)),
        Action::Refuse { retry_after: MAX_BACKOFF.saturating_sub(Duration::from_secs(1)) }
    );
}

// A removed key is gone at once.
#[test]
fn a_good_fetch_replaces_the_set() {
    let mut state = fresh();
    fetched(&mut state, "both keys", at(0));
    fetched(&mut state, "one key", at(300));
    let Some(snapshot) = state.usable(&CachePolicy::default(), at(300)) else { panic!("no set") };
    assert_eq!((snapshot.document.as_str(), snapshot.version), ("one key", 2));
    fetched(&mut state, "one key", at(600));
    assert_eq!(state.snapshot.map(|snapshot| (snapshot.version, snapshot.fetched_at)), Some((2, at(600))));
}

#[test]
fn random_kids_cost_at_most_one_fetch_a_cooldown() {
    let mut state = fresh();
    fetched(&mut state, "one", at(0));
    let mut fetches = 0;
    for now in 0..300 {
        if ask(&mut state, Want::UnknownKid, at(now)) == Action::Fetch {
            fetches += 1;
            fetched(&mut state, "one", at(now));
        }
    }
    assert_eq!(fetches, 10);
}

#[test]
fn a_failing_issuer_is_asked_ever_more_rarely() {
    let mut state = fresh();
    let mut fetches = 0;
    for now in 0..3600 {
        if ask(&mut state, Want::Fresh, at(now)) == Action::Fetch {
            fetches += 1;
            failed(&mut state, at(now));
        }
    }
    // 0, 2, 6, 14, 30, 62, 126, 254, then every 300 s.
    assert_eq!(fetches, 19);
    fetched(&mut state, "back", at(3600));
    assert_eq!((state.failures, ask(&mut state, Want::Fresh, at(3601))), (0, Action::Serve));
}

#[test]
fn jitter_stays_between_half_the_pause_and_the_whole() {
    for failures in [1, 2, 5, 9, u32::MAX] {
        let (least, most) = (backoff(failures, 0), backoff(failures, u16::MAX));
        assert_eq!(least * 2, most);
        assert!(most <= MAX_BACKOFF && least <= backoff(failures, 30_000));
    }
}

#[test]
fn a_clock_that_was_put_back_does_not_stop_fetching() {
    let mut state = fresh();
    fetched(&mut state, "one", at(100_000));
    failed(&mut state, at(100_000));
    state.last_fetch = Some(at(100_000));
    assert_eq!(ask(&mut state, Want::UnknownKid, at(0)), Action::Fetch);
    // The set's own age is unknown then: it serves, and is asked for by anybody.
    assert_eq!(failed(&mut state, at(0)), Action::Serve);
    assert!(!state.fresh_enough(&CachePolicy::default(), at(0)));
    state.open_until = at(0);
    state.last_fetch = None;
    assert_eq!(ask(&mut state, Want::Fresh, at(0)), Action::Fetch);
    fetched(&mut state, "two", at(0));
    assert!(state.fresh_enough(&CachePolicy::default(), at(899)));
    assert!(!state.fresh_enough(&CachePolicy::default(), at(900)));
}

/// The other clock may be ahead by what clocks differ: that is no set of unknown age.
#[test]
fn a_set_fetched_by_a_clock_slightly_ahead_is_a_fresh_one() {
    let mut state = fresh();
    fetched(&mut state, "one", at(50));
    assert_eq!(ask(&mut state, Want::Fresh, at(0)), Action::Serve);
    assert!(state.fresh_enough(&CachePolicy::default(), at(0)));
}
