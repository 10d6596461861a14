use core::time::Duration;

use super::*;
use crate::{keys::memory::numbered_key, ports::Component, secrets::Master};

const DAY: Duration = Duration::from_hours(24);
const SECOND: Duration = Duration::from_secs(1);

struct Fixed;

impl Randomness for Fixed {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), Fault> {
        buffer.fill(5);
        Ok(())
    }
}

struct Broken;

impl Randomness for Broken {
    fn fill(&self, _: &mut [u8]) -> Result<(), Fault> {
        Err(Fault::new(Component::Crypto, "no randomness"))
    }
}

fn master(id: u8) -> Master {
    Master::derive(id, &[id; 32]).unwrap()
}

/// The key of this number, without any cryptography but its wrapping.
fn key_for(number: u8, alg: SignatureAlgorithm) -> RingKey {
    let public = numbered_key(number.into(), alg).unwrap();
    let wrapped = WrappedKey::seal(public.thumbprint(), alg, &[number], &master(1), &Fixed).unwrap();
    RingKey { public, wrapped }
}

fn key(number: u8) -> RingKey {
    key_for(number, SignatureAlgorithm::Es256)
}

fn kid(number: u8) -> Kid {
    key(number).public.thumbprint()
}

fn eddsa_kid(number: u8) -> Kid {
    key_for(number, SignatureAlgorithm::EdDsa).public.thumbprint()
}

fn start() -> Timestamp {
    Timestamp::from_seconds(1_800_000_000)
}

fn policy() -> RingPolicy {
    RingPolicy::default()
}

/// Key 1 active, key 2 published, both since the start.
fn ring() -> KeyRing {
    KeyRing::found(key(1), key(2), start(), &policy())
}

fn set(ring: &KeyRing) -> Vec<Kid> {
    ring.public_set().keys.iter().map(|jwk| jwk.kid().unwrap().parse().unwrap()).collect()
}

#[test]
fn a_first_ring_has_an_active_and_a_published_key_at_once() {
    let mut ring = ring();
    assert_eq!(ring.active().public.thumbprint(), kid(1));
    assert_eq!(set(&ring), [kid(1), kid(2)]);
    let plan = ring.tick(start(), &policy());
    assert_eq!((plan.steps, plan.generate), (vec![], None));
    assert_eq!(plan.alarm, start().plus(policy().republish_every));
}

#[test]
fn after_a_month_the_published_key_becomes_active() {
    let mut ring = ring();
    let month = start().plus(30 * DAY);
    assert_eq!(ring.tick(month.minus(SECOND), &policy()).steps, []);
    let plan = ring.tick(month, &policy());
    assert_eq!(plan.steps, [Step::Promoted { kid: kid(2), former: kid(1) }]);
    assert_eq!(plan.generate, Some(SignatureAlgorithm::Es256));
    assert_eq!(set(&ring), [kid(2), kid(1)]);
    assert_eq!(ring.publish(key(3), month), Some(Step::Published { kid: kid(3) }));
    assert_eq!(set(&ring), [kid(2), kid(3), kid(1)]);
}

// Tests OpenID Connect Core section 10.1.1: a key that signs no more stays published while its tokens are valid
#[test]
fn a_retiring_key_stays_published_while_its_tokens_live() {
    let mut ring = ring();
    let month = start().plus(30 * DAY);
    ring.tick(month, &policy());
    // A minute of signing on, ten of token, half of leeway, ten of client cache.
    let until = month.plus(Duration::from_secs(60 + 600 + 30 + 600));
    ring.tick(until.minus(SECOND), &policy());
    assert!(set(&ring).contains(&kid(1)));
    let plan = ring.tick(until, &policy());
    assert_eq!(plan.steps, [Step::Retired { kid: kid(1), cause: RetiredCause::Expired }]);
    assert!(!set(&ring).contains(&kid(1)));
    let removed = ring.tick(until.plus(90 * DAY), &policy()).steps;
    assert!(removed.contains(&Step::Removed { kid: kid(1) }), "{removed:?}");
}

#[test]
fn the_private_half_of_a_key_is_destroyed_when_it_stops_signing() {
    let mut ring = ring();
    let sealed = serde_json::to_value(&ring.active().wrapped).unwrap()["sealed"].to_string();
    assert!(serde_json::to_string(&ring).unwrap().contains(&sealed));
    ring.tick(start().plus(30 * DAY), &policy());
    assert!(!serde_json::to_string(&ring).unwrap().contains(&sealed));
}

#[test]
fn a_tick_at_the_same_time_does_nothing_more() {
    for days in [0, 1, 29, 30, 31, 60, 200] {
        let mut ring = ring();
        let now = start().plus(days * DAY);
        ring.tick(now, &policy());
        let (again, plan) = (ring.clone(), ring.tick(now, &policy()));
        assert_eq!((ring, plan.steps), (again, vec![]), "{days}");
    }
}

// Though the active key is over its time.
#[test]
fn a_key_published_late_still_waits_for_its_lead() {
    let mut ring = ring();
    ring.tick(start().plus(30 * DAY), &policy());
    let late = start().plus(70 * DAY);
    ring.publish(key(3), late);
    assert_eq!(
        ring.tick(late.plus(DAY).minus(SECOND), &policy()).steps,
        [Step::Retired { kid: kid(1), cause: RetiredCause::Expired }]
    );
    let promoted = ring.tick(late.plus(DAY), &policy()).steps;
    assert_eq!(promoted, [Step::Promoted { kid: kid(3), former: kid(2) }]);
}

// Clients may not know the next key yet.
#[test]
fn an_early_rotation_is_refused_unless_forced() {
    let mut ring = ring();
    let ready_at = start().plus(Duration::from_mins(10));
    let early = ready_at.minus(SECOND);
    let mut steps = Vec::new();
    let refused = ring.rotate(false, None, early, &policy(), &mut steps);
    assert_eq!(refused, Rotation::TooYoung { kid: kid(2), ready_at });
    assert_eq!((ring.active().public.thumbprint(), steps.len()), (kid(1), 0));
    let forced = ring.clone().rotate(true, None, early, &policy(), &mut steps);
    assert_eq!(forced, Rotation::Promoted { kid: kid(2), former: kid(1) });
    let ready = ring.rotate(false, None, ready_at, &policy(), &mut steps);
    assert_eq!(ready, Rotation::Promoted { kid: kid(2), former: kid(1) });
}

// It signs once clients know the key.
#[test]
fn a_change_of_algorithm_publishes_before_it_signs() {
    let mut ring = ring();
    let now = start().plus(DAY);
    let mut steps = Vec::new();
    let eddsa = Some(SignatureAlgorithm::EdDsa);
    assert_eq!(
        ring.rotate(false, eddsa, now, &policy(), &mut steps),
        Rotation::NeedsKey(SignatureAlgorithm::EdDsa)
    );
    assert_eq!(steps, [Step::Retired { kid: kid(2), cause: RetiredCause::Unused }]);
    assert_eq!(ring.publish(key(3), now), None, "of the algorithm that is not wanted any more");
    let new = key_for(4, SignatureAlgorithm::EdDsa);
    assert!(ring.publish(new, now).is_some());
    let at = now.plus(Duration::from_mins(10));
    let scheduled = ring.rotate(false, eddsa, now, &policy(), &mut steps);
    assert_eq!(scheduled, Rotation::Scheduled { kid: eddsa_kid(4), at });
    assert_eq!(ring.tick(now, &policy()).alarm, at);
    assert_eq!(ring.tick(at.minus(SECOND), &policy()).steps, []);
    let plan = ring.tick(at, &policy());
    assert_eq!(plan.steps, [Step::Promoted { kid: eddsa_kid(4), former: kid(1) }]);
    assert_eq!(plan.generate, eddsa, "the operator's choice outlasts the configured ES256");
}

// A scheduled rotation; the key was replaced in between.
#[test]
fn a_rotation_waits_for_the_replacement_of_a_revoked_key() {
    let mut ring = ring();
    let mut steps = Vec::new();
    let eddsa = Some(SignatureAlgorithm::EdDsa);
    ring.rotate(false, eddsa, start(), &policy(), &mut steps);
    ring.publish(key_for(4, SignatureAlgorithm::EdDsa), start());
    ring.rotate(false, eddsa, start(), &policy(), &mut steps);
    let late = start().plus(Duration::from_secs(599));
    ring.revoke(eddsa_kid(4), late, &policy(), &mut steps);
    ring.publish(key_for(5, SignatureAlgorithm::EdDsa), late);
    let ready = late.plus(policy().client_cache);
    assert_eq!(ring.tick(ready.minus(SECOND), &policy()).steps, []);
    assert_eq!(ring.tick(ready, &policy()).steps, [Step::Promoted { kid: eddsa_kid(5), former: kid(1) }]);
}

// And not for the end of the month.
#[test]
fn a_change_of_algorithm_waits_for_the_lead_alone() {
    let mut ring = ring();
    let changed = RingPolicy { algorithm: SignatureAlgorithm::EdDsa, ..policy() };
    let now = start().plus(3 * DAY);
    let plan = ring.tick(now, &changed);
    assert_eq!(plan.generate, Some(SignatureAlgorithm::EdDsa));
    ring.publish(key_for(4, SignatureAlgorithm::EdDsa), now);
    assert_eq!(ring.tick(now.plus(DAY).minus(SECOND), &changed).steps, []);
    let promoted = ring.tick(now.plus(DAY), &changed).steps;
    assert_eq!(promoted, [Step::Promoted { kid: eddsa_kid(4), former: kid(1) }]);
}

// Its successor signs.
#[test]
fn a_revoked_active_key_leaves_the_key_set_at_once() {
    let mut ring = ring();
    let mut steps = Vec::new();
    let revoked = ring.revoke(kid(1), start(), &policy(), &mut steps);
    assert_eq!(revoked, Revocation::Revoked { active: kid(2) });
    assert_eq!(set(&ring), [kid(2)]);
    assert_eq!(
        steps,
        [
            Step::Promoted { kid: kid(2), former: kid(1) },
            Step::Retired { kid: kid(1), cause: RetiredCause::Revoked },
        ]
    );
    // Once more changes nothing, and without a successor the last key is not thrown away.
    let before = ring.clone();
    assert_eq!(ring.revoke(kid(1), start(), &policy(), &mut steps), Revocation::Revoked { active: kid(2) });
    let needs = ring.revoke(kid(2), start(), &policy(), &mut steps);
    assert_eq!(needs, Revocation::NeedsKey(SignatureAlgorithm::Es256));
    assert_eq!(ring, before);
}

// An unknown one cannot.
#[test]
fn a_published_or_retiring_key_can_be_revoked() {
    let mut ring = ring();
    let mut steps = Vec::new();
    ring.rotate(true, None, start(), &policy(), &mut steps);
    ring.publish(key(3), start());
    assert_eq!(ring.revoke(kid(3), start(), &policy(), &mut steps), Revocation::Revoked { active: kid(2) });
    assert_eq!(ring.revoke(kid(1), start(), &policy(), &mut steps), Revocation::Revoked { active: kid(2) });
    assert_eq!(set(&ring), [kid(2)]);
    assert_eq!(ring.revoke(kid(9), start(), &policy(), &mut steps), Revocation::Unknown);
    assert_eq!(ring.publish(key(3), start()), None, "a revoked key does not come back");
}

// Clients still read all of it.
#[test]
fn forced_rotations_do_not_grow_the_key_set_without_end() {
    let mut ring = ring();
    let mut steps = Vec::new();
    let refused = (3..=60).find_map(|number| {
        ring.publish(key(number), start());
        match ring.rotate(true, None, start(), &policy(), &mut steps) {
            Rotation::TooYoung { ready_at, .. } => Some(ready_at),
            _ => None,
        }
    });
    assert_eq!(refused, Some(start().plus(policy().retiring_period())));
    assert_eq!(ring.public_set().keys.len(), MAX_RETIRING + 2);
}

#[test]
fn private_keys_move_to_a_new_master_and_signing_goes_on() {
    let mut ring = ring();
    let masters = Masters::new(master(2), vec![master(1)]);
    let mut steps = Vec::new();
    assert!(ring.rewrap(&masters, &Broken, &mut steps).is_err());
    ring.rewrap(&masters, &Fixed, &mut steps).unwrap();
    assert_eq!(
        steps,
        [Step::Rewrapped { kid: kid(1), master: 2 }, Step::Rewrapped { kid: kid(2), master: 2 },]
    );
    assert!(!ring.is_lost(&Masters::new(master(2), vec![])));
    steps.clear();
    ring.rewrap(&masters, &Broken, &mut steps).unwrap();
    assert_eq!(steps, []);
}

#[test]
fn key_ring_record_format_unchanged() {
    let mut ring = ring();
    ring.tick(start().plus(30 * DAY), &policy());
    let held = |number, since| {
        let key = serde_json::to_string(&key(number)).unwrap();
        format!(r#"{{"key":{key},"since":{since}}}"#)
    };
    let former = serde_json::to_string(&key(1).public).unwrap();
    let expected = format!(
        r#"{{"version":1,"algorithm":"ES256","configured":"ES256","active":{},"published":null,"retiring":[{{"public":{former},"until":1802593290000}}],"retired":[],"rotate_at":null,"alarm_at":1800000000000}}"#,
        held(2, 1_802_592_000_000_u64),
    );
    let record = serde_json::to_string(&ring).unwrap();
    assert_eq!(record, expected);
    assert_eq!(serde_json::from_str::<KeyRing>(&record).unwrap(), ring);
    let newer = record.replacen("\"version\":1", "\"version\":2", 1);
    assert!(serde_json::from_str::<KeyRing>(&newer).is_err());
}
