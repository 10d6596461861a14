//! The `KeyRing` object over records that fail and a signer that pauses.

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use super::keys_support::{Numbers, START, empty_ring, master, masters};
use pollster::block_on;
use postern_app::{
    jose::SignatureAlgorithm,
    keys::{
        KeyRingAnswer, KeyRingObject, KeyRingRequest, Kid, RingPolicy, WrapError,
        messages::KeyState,
        object::{KeyRingReply, RECORD_ID, RECORD_KIND, Ring, RingPorts},
        ring::Step,
        signing::{SigningKeyError, SigningKeys},
    },
    ports::{Component, Fault, Records, memory::FaultMode},
    secrets::{Masters, NewerMaster},
    time::Timestamp,
};

fn signing_kid(answer: &KeyRingAnswer) -> Kid {
    match answer {
        KeyRingAnswer::Signing { key, .. } => key.kid(),
        other => panic!("{other:?}"),
    }
}

fn set_of(answer: &KeyRingAnswer) -> Vec<Kid> {
    match answer {
        KeyRingAnswer::PublicSet { set } => {
            set.keys.iter().map(|jwk| jwk.kid().unwrap().parse().unwrap()).collect()
        }
        other => panic!("{other:?}"),
    }
}

const ROTATE: KeyRingRequest = KeyRingRequest::Rotate { force: false, algorithm: None };
const FORCE: KeyRingRequest = KeyRingRequest::Rotate { force: true, algorithm: None };

// And sets the alarm.
#[test]
fn the_first_request_founds_and_publishes_the_ring() {
    let (ring, signer, _) = empty_ring(1, RingPolicy::default());
    let served = block_on(ring.serve(&KeyRingRequest::Signing {}));
    let active = signing_kid(&served.answer);
    assert_eq!(served.steps, [Step::Founded { kid: active }]);
    let published: Vec<Kid> =
        served.publish.unwrap().keys.iter().map(|jwk| jwk.kid().unwrap().parse().unwrap()).collect();
    assert_eq!((published.len(), published[0], signer.made()), (2, active, 2));
    assert_eq!(served.alarm, Some(START.plus(Duration::from_hours(1))));
    // The next request only reads.
    let again = block_on(ring.serve(&KeyRingRequest::Signing {}));
    assert_eq!(signing_kid(&again.answer), active);
    assert_eq!((again.alarm, again.publish, again.steps, signer.made()), (None, None, vec![], 2));
}

#[test]
fn two_racing_first_requests_end_with_one_ring() {
    let (ring, signer, _) = empty_ring(2, RingPolicy::default());
    signer.pause();
    let mut first = pin!(ring.serve(&KeyRingRequest::Signing {}));
    let mut second = pin!(ring.serve(&KeyRingRequest::PublicSet {}));
    let mut context = Context::from_waker(Waker::noop());
    let (mut one, mut two) = (None::<KeyRingReply>, None::<KeyRingReply>);
    for _ in 0..10 {
        if one.is_none()
            && let Poll::Ready(served) = first.as_mut().poll(&mut context)
        {
            one = Some(served);
        }
        if two.is_none()
            && let Poll::Ready(served) = second.as_mut().poll(&mut context)
        {
            two = Some(served);
        }
    }
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(signer.made(), 4, "both made keys, so they did race");
    assert!(set_of(&two.answer).contains(&signing_kid(&one.answer)));
    assert_eq!(one.publish.iter().chain(&two.publish).count(), 1);
}

#[test]
fn a_storage_fault_answers_unavailable_and_changes_nothing() {
    let (ring, _, clock) = empty_ring(3, RingPolicy::default());
    let unavailable = KeyRingAnswer::Unavailable { part: Component::Storage };
    ring.records().break_with(FaultMode::FailWrites);
    assert_eq!(block_on(ring.ask(&KeyRingRequest::Signing {})), Ok(unavailable.clone()));
    assert_eq!(ring.records().scan(RECORD_KIND), Ok(vec![]));
    ring.records().break_with(FaultMode::None);
    let active = signing_kid(&block_on(ring.serve(&KeyRingRequest::Signing {})).answer);
    clock.set(START.plus(Duration::from_hours(1)));
    for mode in [FaultMode::Down, FaultMode::FailWrites] {
        ring.records().break_with(mode);
        let served = block_on(ring.serve(&ROTATE));
        assert_eq!((served.answer, served.publish, served.alarm), (unavailable.clone(), None, None));
        let alarm = block_on(ring.alarm());
        assert_eq!(alarm.alarm, Some(START.plus(Duration::from_mins(61))), "it comes again");
        ring.records().break_with(FaultMode::None);
        assert_eq!(signing_kid(&block_on(ring.serve(&KeyRingRequest::Signing {})).answer), active);
    }
}

#[test]
fn a_rotation_written_but_reported_lost_is_not_done_twice() {
    let (ring, _, clock) = empty_ring(4, RingPolicy::default());
    block_on(ring.serve(&KeyRingRequest::Signing {}));
    clock.set(START.plus(Duration::from_hours(1)));
    ring.records().break_with(FaultMode::FailAfterWrites);
    assert!(block_on(ring.serve(&ROTATE)).fault.is_some());
    ring.records().break_with(FaultMode::None);
    let active = signing_kid(&block_on(ring.serve(&KeyRingRequest::Signing {})).answer);
    let again = block_on(ring.serve(&ROTATE)).answer;
    assert!(matches!(again, KeyRingAnswer::RotationRefused { .. }), "{again:?}");
    assert_eq!(signing_kid(&block_on(ring.serve(&KeyRingRequest::Signing {})).answer), active);
}

#[test]
fn a_broken_record_is_a_fault_and_founds_no_second_ring() {
    let (ring, signer, _) = empty_ring(5, RingPolicy::default());
    for broken in ["", "{", "{}", "null"] {
        ring.records().write(RECORD_KIND, RECORD_ID, broken).unwrap();
        let answer = block_on(ring.ask(&KeyRingRequest::Signing {}));
        assert_eq!(answer, Ok(KeyRingAnswer::Unavailable { part: Component::Storage }));
        assert_eq!(ring.records().read(RECORD_KIND, RECORD_ID), Ok(Some(broken.into())));
    }
    assert_eq!(signer.made(), 0);
}

#[test]
fn signing_and_the_calendar_go_on_while_no_key_can_be_made() {
    let (ring, signer, clock) = empty_ring(6, RingPolicy::default());
    let first = signing_kid(&block_on(ring.serve(&KeyRingRequest::Signing {})).answer);
    signer.fail(true);
    let month = START.plus(Duration::from_hours(30 * 24));
    clock.set(month);
    let alarm = block_on(ring.alarm());
    assert_eq!(alarm.fault, Some(Fault::new(Component::Crypto, "told to fail")));
    assert_eq!(alarm.alarm, Some(month.plus(Duration::from_mins(1))));
    assert!(matches!(alarm.steps[..], [Step::Promoted { former, .. }] if former == first));
    let second = signing_kid(&block_on(ring.serve(&KeyRingRequest::Signing {})).answer);
    assert_ne!(first, second);
    let rotate = block_on(ring.serve(&FORCE));
    assert_eq!(rotate.answer, KeyRingAnswer::Unavailable { part: Component::Crypto });
    signer.fail(false);
    assert!(matches!(block_on(ring.alarm()).steps[..], [Step::Published { .. }]));
}

#[test]
fn a_lost_alarm_is_set_again_by_the_next_request() {
    let (ring, _, clock) = empty_ring(7, RingPolicy::default());
    let due = block_on(ring.serve(&KeyRingRequest::Signing {})).alarm.unwrap();
    clock.set(due.plus(Duration::from_mins(1)));
    assert_eq!(block_on(ring.serve(&KeyRingRequest::Signing {})).alarm, None, "it may only be late");
    let late = due.plus(Duration::from_secs(121));
    clock.set(late);
    assert!(block_on(ring.serve(&KeyRingRequest::Signing {})).alarm.is_some_and(|alarm| alarm > late));
    assert_eq!(block_on(ring.serve(&KeyRingRequest::Signing {})).alarm, None);
}

// It is ordered in one call.
#[test]
fn a_requested_change_of_algorithm_is_done_by_alarm() {
    let (ring, _, clock) = empty_ring(8, RingPolicy::default());
    block_on(ring.serve(&KeyRingRequest::Signing {}));
    let eddsa = KeyRingRequest::Rotate { force: false, algorithm: Some(SignatureAlgorithm::EdDsa) };
    let KeyRingAnswer::RotationScheduled { kid, at } = block_on(ring.serve(&eddsa)).answer else {
        panic!("not scheduled")
    };
    assert_eq!(at, START.plus(Duration::from_mins(10)));
    clock.set(at);
    assert!(block_on(ring.alarm()).steps.iter().any(|step| matches!(step, Step::Promoted { .. })));
    let KeyRingAnswer::Signing { key, .. } = block_on(ring.serve(&KeyRingRequest::Signing {})).answer else {
        panic!("no key")
    };
    assert_eq!((key.kid(), key.algorithm()), (kid, SignatureAlgorithm::EdDsa));
}

// Though no successor was waiting.
#[test]
fn a_revoked_active_key_is_replaced_without_a_successor() {
    let (ring, signer, _) = empty_ring(9, RingPolicy::default());
    block_on(ring.serve(&KeyRingRequest::Signing {}));
    signer.fail(true);
    block_on(ring.serve(&FORCE));
    signer.fail(false);
    let stolen = signing_kid(&block_on(ring.serve(&KeyRingRequest::Signing {})).answer);
    let served = block_on(ring.serve(&KeyRingRequest::RevokeKey { kid: stolen }));
    let KeyRingAnswer::KeyRevoked { kid, active } = served.answer else { panic!("{:?}", served.answer) };
    assert!(kid == stolen && active != stolen);
    assert!(!set_of(&block_on(ring.serve(&KeyRingRequest::PublicSet {})).answer).contains(&stolen));
    let unknown = KeyRingRequest::RevokeKey { kid: Kid::from_bytes([0; 32]) };
    assert!(matches!(block_on(ring.serve(&unknown)).answer, KeyRingAnswer::UnknownKey { .. }));
}

// By the old key.
#[test]
fn a_lost_master_secret_ends_signing_but_not_verification() {
    let (ring, signer, _) = empty_ring(10, RingPolicy::default());
    let old = signing_kid(&block_on(ring.serve(&KeyRingRequest::Signing {})).answer);
    let (policy, numbers) = (RingPolicy::default(), Numbers::seeded(10));
    let other = Masters::new(master(2), vec![]);
    let ports = RingPorts { signer: &signer, randomness: &numbers, masters: &other, policy: &policy };
    let moved = Ring::new(ring.records().clone());
    let served = block_on(moved.serve(&KeyRingRequest::Signing {}, START, &ports));
    let KeyRingAnswer::Signing { key, .. } = &served.answer else { panic!("{:?}", served.answer) };
    assert!(key.open(&other).is_ok() && key.kid() != old);
    assert!(served.steps.contains(&Step::Sealed { kid: old }));
    assert!(served.publish.unwrap().keys.iter().any(|jwk| jwk.kid() == Some(&*old.to_string())));
}

#[test]
fn keys_move_to_a_new_master_without_a_rotation() {
    let (ring, signer, _) = empty_ring(11, RingPolicy::default());
    let old = signing_kid(&block_on(ring.serve(&KeyRingRequest::Signing {})).answer);
    let (policy, numbers) = (RingPolicy::default(), Numbers::seeded(11));
    let both = Masters::new(master(2), vec![master(1)]);
    let ports = RingPorts { signer: &signer, randomness: &numbers, masters: &both, policy: &policy };
    let moved = Ring::new(ring.records().clone());
    block_on(moved.alarm(START, &ports));
    let served = block_on(moved.serve(&KeyRingRequest::Overview {}, START, &ports));
    let KeyRingAnswer::Overview { keys, .. } = served.answer else { panic!("{:?}", served.answer) };
    assert!(keys.iter().all(|key| key.master == Some(2)), "{keys:?}");
    assert!(keys.iter().any(|key| key.kid == old && matches!(key.state, KeyState::Active { .. })));
}

/// While a new master is rolled out, the ring's object may run in the version that lacks it.
#[test]
fn a_ring_keeps_what_a_newer_version_sealed() {
    let (ring, signer, _) = empty_ring(11, RingPolicy::default());
    let old = signing_kid(&block_on(ring.serve(&KeyRingRequest::Signing {})).answer);
    let (policy, numbers) = (RingPolicy::default(), Numbers::seeded(11));
    let both = Masters::new(master(2), vec![master(1)]);
    let (only_old, ring) = (masters(), Ring::new(ring.records().clone()));
    let in_version = |masters| RingPorts { signer: &signer, randomness: &numbers, masters, policy: &policy };
    block_on(ring.alarm(START, &in_version(&both)));
    let ports = in_version(&only_old);
    for request in [KeyRingRequest::Signing {}, KeyRingRequest::PublicSet {}] {
        let served = block_on(ring.serve(&request, START, &ports));
        assert_eq!((served.steps, served.fault), (vec![], None));
    }
    let served = block_on(ring.alarm(START, &ports));
    assert_eq!((served.steps, served.fault), (vec![], None));
    let served = block_on(ring.serve(&KeyRingRequest::Signing {}, START, &ports));
    let KeyRingAnswer::Signing { key, .. } = served.answer else { panic!("{:?}", served.answer) };
    assert_eq!((key.kid(), key.master()), (old, 2));
    assert!(key.open(&both).is_ok());
    assert_eq!(key.open(&only_old).unwrap_err(), WrapError::NewerMaster(NewerMaster { id: 2 }));
}

// It learns of a revocation within that minute.
#[test]
fn a_worker_asks_for_its_key_once_a_minute_at_most() {
    let (ring, _, clock) = empty_ring(12, RingPolicy::default());
    let worker = SigningKeys::default();
    let current = |now: Timestamp| {
        clock.set(now);
        block_on(worker.current(&ring, &masters(), now)).map(|key| key.kid())
    };
    let stolen = current(START).unwrap();
    block_on(ring.serve(&KeyRingRequest::RevokeKey { kid: stolen }));
    ring.records().break_with(FaultMode::Down);
    assert_eq!(current(START.plus(Duration::from_millis(59_999))), Ok(stolen));
    let minute = START.plus(Duration::from_mins(1));
    assert!(
        matches!(current(minute), Err(SigningKeyError::Fault(fault)) if fault.part == Component::Storage)
    );
    ring.records().break_with(FaultMode::None);
    assert!(current(minute).is_ok_and(|kid| kid != stolen));
}

#[test]
fn a_worker_with_another_master_does_not_sign() {
    let (ring, _, _) = empty_ring(13, RingPolicy::default());
    let other = Masters::new(master(2), vec![]);
    let error = block_on(SigningKeys::default().current(&ring, &other, START)).unwrap_err();
    assert_eq!(error, SigningKeyError::Wrapped(WrapError::UnknownMaster { master: 1 }));
}

/// A ring that names a refresh time far ahead, as one with a wrong clock would.
struct Ahead(KeyRingAnswer);

impl KeyRingObject for Ahead {
    async fn ask(&self, _: &KeyRingRequest) -> Result<KeyRingAnswer, Fault> {
        Ok(self.0.clone())
    }
}

// In the memory of a Worker.
#[test]
fn a_ring_with_a_clock_ahead_does_not_prolong_a_key() {
    let (ring, _, _) = empty_ring(14, RingPolicy::default());
    let KeyRingAnswer::Signing { key, .. } = block_on(ring.serve(&KeyRingRequest::Signing {})).answer else {
        panic!("no key")
    };
    let refresh_after = Timestamp::from_millis(u64::MAX);
    let worker = SigningKeys::default();
    block_on(worker.current(&Ahead(KeyRingAnswer::Signing { key, refresh_after }), &masters(), START))
        .unwrap();
    let silent = Ahead(KeyRingAnswer::Unavailable { part: Component::KeyRing });
    let later = START.plus(Duration::from_mins(1));
    assert!(block_on(worker.current(&silent, &masters(), later)).is_err());
}

#[test]
fn messages_format_unchanged() {
    let kid = Kid::from_bytes([0; 32]);
    let text = |request: &KeyRingRequest| serde_json::to_string(request).unwrap();
    assert_eq!(text(&KeyRingRequest::Signing {}), r#"{"signing":{}}"#);
    assert_eq!(text(&KeyRingRequest::PublicSet {}), r#"{"public_set":{}}"#);
    assert_eq!(text(&FORCE), r#"{"rotate":{"force":true,"algorithm":null}}"#);
    let revoke = text(&KeyRingRequest::RevokeKey { kid });
    assert_eq!(revoke, r#"{"revoke_key":{"kid":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}"#);
    for answer in [
        KeyRingAnswer::UnknownKey { kid },
        KeyRingAnswer::RotationScheduled { kid, at: START },
        KeyRingAnswer::Unavailable { part: Component::Storage },
    ] {
        let text = serde_json::to_string(&answer).unwrap();
        assert_eq!(serde_json::from_str::<KeyRingAnswer>(&text).unwrap(), answer);
    }
    let (ring, _, _) = empty_ring(15, RingPolicy::default());
    for request in [KeyRingRequest::Signing {}, KeyRingRequest::PublicSet {}, KeyRingRequest::Overview {}] {
        let answer = block_on(ring.serve(&request)).answer;
        let text = serde_json::to_string(&answer).unwrap();
        assert_eq!(serde_json::from_str::<KeyRingAnswer>(&text).unwrap(), answer);
    }
}
