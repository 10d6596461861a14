use core::time::Duration;
use std::sync::LazyLock;

use super::*;
use crate::{
    ids::FamilyId,
    refresh::{Binding, Grant, Lifetime, Lifetimes, Opening, Revocation, Secret},
    secrets::Master,
};

const ID: FamilyId = FamilyId::from_bytes([5; 16]);
const START: Timestamp = Timestamp::from_seconds(1_000_000);
const PHONE: &str = "Acme/7.1 (Android 14)";

/// A family together with every secret it ever had.
struct Story {
    family: Family,
    secrets: Vec<Secret>,
    limits: Limits,
    now: Timestamp,
    context: Context,
}

fn context(user_agent: &str) -> Context {
    Context::new(Some("192.0.2.7"), Some("CH"), Some(64500), user_agent)
}

fn ratchet() -> &'static Master {
    static MASTER: LazyLock<Master> = LazyLock::new(|| Master::derive(1, &[1; 32]).unwrap());
    &MASTER
}

impl Story {
    fn begin() -> Self {
        let secret = Secret::from_bytes([6; 32]);
        let grant = Grant {
            subject: "alice".to_owned(),
            client_id: "app".to_owned(),
            scope: "read:orders".to_owned(),
            roles: vec![],
            tenant_id: None,
            amr: vec![],
            auth_time: START,
        };
        let opening = Opening {
            grant,
            lifetimes: Lifetimes::WEB,
            drift: DriftPolicy::Log,
            binding: None,
            device_name: None,
            context: context(PHONE),
            secret_hash: secret.hash(),
            master: 1,
        };
        Self {
            family: Family::open(opening, START),
            secrets: vec![secret],
            limits: Limits::default(),
            now: START,
            context: context(PHONE),
        }
    }

    /// With this many rotations, a minute apart, each confirmed.
    fn rotated(times: u32) -> Self {
        let mut story = Self::begin();
        for count in 0..times {
            story.pass(60);
            assert_eq!(story.present(count), Decision::Rotate);
            story.confirm(count + 1);
        }
        story
    }

    /// The same, the last rotation's receipt not confirmed.
    fn answer_lost(times: u32) -> Self {
        let mut story = Self::rotated(times - 1);
        story.pass(60);
        assert_eq!(story.present(times - 1), Decision::Rotate);
        story
    }

    fn pass(&mut self, seconds: u64) {
        self.now = self.now.plus(Duration::from_secs(seconds));
    }

    fn confirm(&mut self, rotation_count: u32) {
        self.family = self.family.clone().confirm(rotation_count, self.now);
    }

    /// The genuine token of this count; beyond the last one, as another copy of the state made it.
    fn genuine(&mut self, count: u32) -> Presented {
        while self.secrets.len() <= usize::try_from(count).unwrap() {
            let next = u32::try_from(self.secrets.len()).unwrap();
            self.secrets.push(self.secrets.last().unwrap().successor(ratchet(), ID, next));
        }
        let secret = self.secrets.get(usize::try_from(count).unwrap()).unwrap().clone();
        Self::presented(count, &secret)
    }

    fn presented(count: u32, secret: &Secret) -> Presented {
        Presented {
            rotation_count: count,
            secret_hash: secret.hash(),
            successor_hash: secret.successor(ratchet(), ID, count.saturating_add(1)).hash(),
            next_master: 1,
            client_id: None,
            binding: None,
        }
    }

    fn forged(count: u32) -> Presented {
        Self::presented(count, &Secret::from_bytes([99; 32]))
    }

    fn judge(&mut self, presented: &Presented) -> Decided {
        let (family, decided) = self.family.clone().rotate(presented, self.now, &self.limits, &self.context);
        self.family = family;
        decided
    }

    fn present(&mut self, count: u32) -> Decision {
        let presented = self.genuine(count);
        self.judge(&presented).decision
    }

    /// Judges it and asserts that the family is exactly as before.
    #[track_caller]
    fn unchanged(&mut self, presented: &Presented) -> Decision {
        let before = self.family.clone();
        let decision = self.judge(presented).decision;
        assert_eq!(self.family, before);
        decision
    }

    #[track_caller]
    fn alive(&self) -> &Alive {
        match &self.family.state {
            State::Alive(alive) => alive,
            State::Ended(end) => panic!("ended: {end:?}"),
        }
    }

    #[track_caller]
    fn end_reason(&self) -> EndReason {
        self.family.end().unwrap().reason
    }
}

const fn refuse(cause: RefusalCause) -> Decision {
    Decision::Refuse { cause }
}

// Row: current count, secret matches.

#[test]
fn the_current_token_rotates_and_its_receipt_is_open() {
    let mut story = Story::begin();
    story.pass(600);
    story.context = context("Acme/7.2 (Android 15)");
    let successor = story.genuine(1);
    assert_eq!(story.present(0), Decision::Rotate);
    assert_eq!(story.family.rotation_count, 1);
    assert_eq!(story.family.rotated_at, story.now);
    assert_eq!(story.family.context, story.context);
    assert_eq!(
        *story.alive(),
        Alive {
            secret_hash: successor.secret_hash,
            master: 1,
            receipt: Receipt::Unconfirmed,
            late_retries: 0,
            late_only_rotations: 0
        }
    );
}

#[test]
fn a_rotation_remembers_the_master_its_successor_is_sealed_under() {
    let mut story = Story::begin();
    let presented = Presented { next_master: 9, ..story.genuine(0) };
    assert_eq!(story.judge(&presented).decision, Decision::Rotate);
    assert_eq!(story.alive().master, 9);
    let retried = Presented { next_master: 10, ..presented };
    assert_eq!(story.unchanged(&retried), Decision::Retry { late: false });
    assert_eq!(story.alive().master, 9);
}

// Row: count - 1, within the reuse interval.

#[test]
fn any_number_of_racers_get_the_identical_successor_and_change_nothing() {
    let mut story = Story::rotated(3);
    story.pass(60);
    assert_eq!(story.present(3), Decision::Rotate);
    for _ in 0..1000 {
        story.context = context("another device altogether");
        let parent = story.genuine(3);
        assert_eq!(story.unchanged(&parent), Decision::Retry { late: false });
    }
}

#[test]
fn the_reuse_interval_holds_even_after_the_receipt_was_confirmed() {
    let mut story = Story::rotated(3);
    story.now = story.family.rotated_at.plus(Duration::from_millis(9_999));
    assert_eq!(story.present(2), Decision::Retry { late: false });
}

#[test]
fn the_reuse_interval_is_over_at_its_end() {
    let mut story = Story::rotated(3);
    story.now = story.family.rotated_at.plus(Duration::from_secs(10));
    assert_eq!(story.present(2), Decision::Reuse);
}

#[test]
fn retries_do_not_slide_the_reuse_interval() {
    let mut story = Story::rotated(3);
    for _ in 0..9 {
        story.pass(1);
        assert_eq!(story.present(2), Decision::Retry { late: false });
    }
    story.pass(1);
    assert_eq!(story.present(2), Decision::Reuse);
}

#[test]
fn a_reuse_interval_of_zero_grants_no_retry() {
    let mut story = Story::rotated(3);
    story.limits.reuse_interval = Duration::ZERO;
    story.now = story.family.rotated_at;
    assert_eq!(story.present(2), Decision::Reuse);
}

#[test]
fn a_grandparent_within_the_reuse_interval_is_reuse() {
    let mut story = Story::rotated(2);
    assert_eq!(story.present(2), Decision::Rotate);
    assert_eq!(story.present(1), Decision::Reuse);
    assert_eq!(story.end_reason(), EndReason::Reuse { distance: 2 });
}

#[test]
fn a_clock_that_went_back_does_not_turn_a_racer_into_a_thief() {
    let mut story = Story::rotated(3);
    story.now = story.now.minus(Duration::from_secs(30));
    assert_eq!(story.present(2), Decision::Retry { late: false });
}

// Row: count - 1, receipt unconfirmed, within the lost-response window.

#[test]
fn a_lost_answer_is_given_again_until_the_window_ends() {
    for (age, decision) in [
        (Duration::from_secs(10), Decision::Retry { late: true }),
        (Duration::from_hours(24) - Duration::from_millis(1), Decision::Retry { late: true }),
        (Duration::from_hours(24), Decision::Reuse),
    ] {
        let mut story = Story::answer_lost(3);
        story.now = story.family.rotated_at.plus(age);
        assert_eq!(story.present(2), decision, "{age:?}");
    }
}

#[test]
fn late_retries_do_not_slide_the_lost_response_window() {
    let mut story = Story::answer_lost(3);
    story.pass(23 * 3600);
    assert_eq!(story.present(2), Decision::Retry { late: true });
    story.pass(3600);
    assert_eq!(story.present(2), Decision::Reuse);
}

#[test]
fn proof_of_receipt_closes_the_lost_response_window_a_reuse_interval_later() {
    for (after_receipt, decision) in [
        (Duration::ZERO, Decision::Retry { late: true }),
        (Duration::from_millis(9_999), Decision::Retry { late: true }),
        (Duration::from_secs(10), Decision::Reuse),
    ] {
        let mut story = Story::answer_lost(3);
        story.pass(11);
        story.confirm(3);
        story.now = story.now.plus(after_receipt);
        assert_eq!(story.present(2), decision, "{after_receipt:?}");
    }
}

#[test]
fn without_a_reuse_interval_proof_of_receipt_closes_the_window_at_once() {
    let mut story = Story::answer_lost(3);
    story.limits.reuse_interval = Duration::ZERO;
    story.confirm(3);
    assert_eq!(story.present(2), Decision::Reuse);
}

/// An answer is lost. Two tabs ask again at once; the first is answered and its access token
/// used, and only then the second one's request arrives.
#[test]
fn the_loser_of_a_late_race_is_no_thief() {
    let just_before_the_end = Duration::from_millis(24 * 3_600_000 - 1);
    for (first_asks, second_arrives_later, decision) in [
        (Duration::from_secs(10), Duration::from_millis(40), Decision::Retry { late: true }),
        (Duration::from_hours(1), Duration::from_millis(9_999), Decision::Retry { late: true }),
        // The window ends between them.
        (just_before_the_end, Duration::from_millis(40), Decision::Retry { late: true }),
        (Duration::from_hours(1), Duration::from_secs(10), Decision::Reuse),
    ] {
        let mut story = Story::answer_lost(3);
        story.now = story.family.rotated_at.plus(first_asks);
        assert_eq!(story.present(2), Decision::Retry { late: true });
        story.confirm(3);
        story.now = story.now.plus(second_arrives_later);
        assert_eq!(story.present(2), decision, "{first_asks:?}, {second_arrives_later:?}");
    }
}

#[test]
fn nothing_moves_the_end_of_the_time_after_a_receipt() {
    let mut story = Story::answer_lost(3);
    story.pass(60);
    story.confirm(3);
    for _ in 0..9 {
        story.pass(1);
        assert_eq!(story.present(2), Decision::Retry { late: true });
        story.confirm(3);
    }
    story.pass(1);
    assert_eq!(story.present(2), Decision::Reuse);
}

#[test]
fn another_kind_of_program_gets_nothing_in_the_time_after_a_receipt() {
    let mut story = Story::answer_lost(3);
    story.pass(60);
    story.confirm(3);
    story.context = context("curl/8.5.0");
    assert_eq!(story.present(2), Decision::Reuse);
}

#[test]
fn a_thief_who_uses_the_gate_just_before_the_owner_comes_is_counted_as_a_silent_one() {
    let mut story = Story::rotated(3);
    for count in 3..6 {
        story.pass(600);
        assert_eq!(story.present(count), Decision::Rotate, "the thief");
        story.pass(600);
        story.confirm(count + 1);
        story.pass(9);
        assert_eq!(story.present(count), Decision::Retry { late: true }, "the owner");
    }
    story.pass(600);
    let cause = RefusalCause::SignIn { rule: SignInReason::LateRetries };
    assert_eq!(story.present(6), refuse(cause));
}

#[test]
fn a_receipt_of_another_rotation_proves_nothing() {
    let mut story = Story::answer_lost(3);
    story.pass(11);
    for other in [0, 2, 4, u32::MAX] {
        story.confirm(other);
    }
    assert_eq!(story.present(2), Decision::Retry { late: true });
}

#[test]
fn using_the_successor_proves_its_receipt() {
    let mut story = Story::answer_lost(3);
    assert_eq!(story.present(3), Decision::Rotate);
    assert_eq!(story.present(2), Decision::Reuse);
}

#[test]
fn a_late_retry_by_another_kind_of_program_is_reuse() {
    let mut story = Story::answer_lost(3);
    story.pass(11);
    story.context = context("curl/8.5.0");
    assert_eq!(story.present(2), Decision::Reuse);
}

#[test]
fn a_late_retry_from_another_network_is_granted_with_the_drift_in_evidence() {
    let mut story = Story::answer_lost(3);
    story.pass(11);
    story.context = Context::new(Some("198.51.100.1"), Some("DE"), Some(64501), PHONE);
    let parent = story.genuine(2);
    let decided = story.judge(&parent);
    assert_eq!(decided.decision, Decision::Retry { late: true });
    assert_eq!((decided.evidence.drift.score, decided.evidence.late_retries), (60, 1));
}

#[test]
fn the_eleventh_late_retry_is_throttled_and_never_revokes() {
    let mut story = Story::answer_lost(3);
    story.pass(11);
    for _ in 0..10 {
        assert_eq!(story.present(2), Decision::Retry { late: true });
    }
    let parent = story.genuine(2);
    for _ in 0..100 {
        assert_eq!(story.unchanged(&parent), refuse(RefusalCause::Throttled));
    }
    assert_eq!(story.present(3), Decision::Rotate);
    story.pass(11);
    assert_eq!(story.present(3), Decision::Retry { late: true }, "a new rotation counts anew");
}

#[test]
fn without_receipts_the_lost_response_window_is_a_minute_at_most() {
    for (age, decision) in [(59, Decision::Retry { late: true }), (60, Decision::Reuse)] {
        let mut story = Story::answer_lost(3);
        story.limits.receipts = false;
        story.pass(age);
        assert_eq!(story.present(2), decision, "{age}");
    }
}

#[test]
fn a_silent_thief_is_stopped_after_three_late_only_rotations() {
    let mut story = Story::rotated(3);
    for count in 3..6 {
        story.pass(600);
        assert_eq!(story.present(count), Decision::Rotate, "the thief rotates and stays silent");
        story.pass(600);
        assert_eq!(story.present(count), Decision::Retry { late: true }, "the owner comes late");
    }
    story.pass(600);
    let cause = RefusalCause::SignIn { rule: SignInReason::LateRetries };
    assert_eq!(story.present(6), refuse(cause));
    assert_eq!(story.end_reason(), EndReason::SignIn { rule: SignInReason::LateRetries });
}

#[test]
fn a_rotation_that_arrived_at_once_begins_the_late_only_count_anew() {
    let mut story = Story::rotated(3);
    for count in 3..12 {
        story.pass(600);
        assert_eq!(story.present(count), Decision::Rotate);
        if count % 3 != 0 {
            story.pass(11);
            assert_eq!(story.present(count), Decision::Retry { late: true });
        }
    }
}

// Row: count - 1 otherwise, or older.

#[test]
fn a_replayed_ancestor_ends_the_family_with_its_exact_distance() {
    for distance in 1..=40 {
        let mut story = Story::rotated(40);
        story.pass(11);
        let replayed = story.genuine(40 - distance);
        let decided = story.judge(&replayed);
        assert_eq!(decided.decision, Decision::Reuse);
        assert_eq!(decided.evidence.distance, i64::from(distance));
        assert_eq!(decided.evidence.age, Duration::from_secs(11));
        assert_eq!(story.end_reason(), EndReason::Reuse { distance });
    }
}

#[test]
fn reuse_is_recognised_after_ten_thousand_rotations() {
    let mut story = Story::begin();
    for count in 0..10_000 {
        assert_eq!(story.present(count), Decision::Rotate);
    }
    let first = story.genuine(0);
    assert_eq!(story.judge(&first).evidence.distance, 10_000);
    assert_eq!(story.end_reason(), EndReason::Reuse { distance: 10_000 });
}

#[test]
fn a_parent_that_does_not_derive_the_current_secret_is_reuse_even_at_once() {
    let mut story = Story::answer_lost(3);
    assert_eq!(story.judge(&Story::forged(2)).decision, Decision::Reuse);
}

#[test]
fn after_reuse_thief_and_owner_are_both_refused_for_good() {
    let mut story = Story::rotated(3);
    story.pass(11);
    assert_eq!(story.present(1), Decision::Reuse);
    let reason = EndReason::Reuse { distance: 2 };
    for count in 0..=4 {
        let presented = story.genuine(count);
        assert_eq!(story.unchanged(&presented), refuse(RefusalCause::Ended { reason }));
    }
    assert_eq!(RefusalCause::Ended { reason }.code(), RefusalCause::Reuse.code());
}

// Row: count above the stored one.

#[test]
fn a_token_ahead_of_a_restored_backup_ends_the_family_and_alerts() {
    let mut story = Story::rotated(3);
    let ahead = story.genuine(7);
    let decided = story.judge(&ahead);
    assert_eq!(decided.decision, refuse(RefusalCause::AheadOfState));
    assert_eq!(decided.evidence.distance, -4);
    assert_eq!(story.end_reason(), EndReason::AheadOfState { ahead: 4 });
    assert!(RefusalCause::AheadOfState.alerts());
}

// Row: current count, wrong secret.

#[test]
fn a_forged_current_token_alerts_and_cannot_revoke() {
    let mut story = Story::rotated(3);
    assert_eq!(story.unchanged(&Story::forged(3)), refuse(RefusalCause::Forged));
    assert!(RefusalCause::Forged.alerts());
    assert_eq!(story.present(3), Decision::Rotate);
}

// Row: a lifetime is over.

#[test]
fn an_idle_family_expires_at_its_idle_lifetime() {
    let week = 7 * 24 * 3600;
    let mut story = Story::rotated(3);
    story.pass(week - 1);
    assert_eq!(story.present(3), Decision::Rotate);
    story.pass(week);
    assert_eq!(story.present(4), Decision::Expire { lifetime: Lifetime::Idle });
    assert_eq!(story.end_reason(), EndReason::Expired { lifetime: Lifetime::Idle });
}

#[test]
fn no_rotation_extends_the_absolute_lifetime() {
    let mut story = Story::begin();
    for count in 0..30 {
        assert_eq!(story.present(count), Decision::Rotate);
        story.pass(24 * 3600);
    }
    assert_eq!(story.present(30), Decision::Expire { lifetime: Lifetime::Absolute });
}

#[test]
fn every_kind_of_token_finds_an_expired_family_expired_even_if_the_clock_goes_back() {
    for count in [1, 2, 3, 9] {
        let mut story = Story::rotated(3);
        story.pass(7 * 24 * 3600);
        assert_eq!(story.present(count), Decision::Expire { lifetime: Lifetime::Idle });
        story.now = START;
        let reason = EndReason::Expired { lifetime: Lifetime::Idle };
        assert_eq!(story.present(count), refuse(RefusalCause::Ended { reason }));
    }
}

#[test]
fn a_used_up_rotation_count_demands_a_new_sign_in() {
    let mut story = Story::begin();
    story.family.rotation_count = u32::MAX;
    let secret = Secret::from_bytes([6; 32]);
    let decided = story.judge(&Story::presented(u32::MAX, &secret));
    assert_eq!(decided.decision, refuse(RefusalCause::SignIn { rule: SignInReason::Exhausted }));
}

// Ended on somebody's behalf.

#[test]
fn nothing_is_accepted_after_a_logout() {
    for count in [2, 3, 4] {
        let mut story = Story::answer_lost(3);
        story.family = story.family.clone().logout(story.now);
        let reason = EndReason::Revoked { by: Revocation::Logout };
        assert_eq!(story.present(count), refuse(RefusalCause::Ended { reason }));
    }
}

#[test]
fn the_first_reason_of_an_end_stays() {
    let mut story = Story::rotated(3);
    story.pass(11);
    assert_eq!(story.present(1), Decision::Reuse);
    let before = story.family.clone();
    let after = story.family.clone().logout(story.now).expire(story.now.plus(Duration::from_hours(9999)));
    assert_eq!(after.confirm(3, story.now), before);
}

// Clients and keys.

#[test]
fn a_token_of_another_client_is_refused_and_changes_nothing() {
    let mut story = Story::rotated(3);
    let current = story.genuine(3).by_client("other");
    assert_eq!(story.unchanged(&current), refuse(RefusalCause::WrongClient));
    let parent = story.genuine(2).by_client("other");
    assert_eq!(story.unchanged(&parent), refuse(RefusalCause::WrongClient));
    let own = story.genuine(3).by_client("app");
    assert_eq!(story.judge(&own).decision, Decision::Rotate);
}

#[test]
fn a_stolen_token_of_a_bound_family_is_worth_nothing_without_the_key() {
    let mut story = Story::rotated(3);
    story.family = story.family.clone().bind(Binding([7; 32])).unwrap();
    for binding in [None, Some(Binding([8; 32]))] {
        for count in [2, 3] {
            let stolen = story.genuine(count).with_binding(binding);
            assert_eq!(story.unchanged(&stolen), refuse(RefusalCause::WrongBinding));
        }
    }
    let own = story.genuine(3).with_binding(Some(Binding([7; 32])));
    assert_eq!(story.judge(&own).decision, Decision::Rotate);
}

#[test]
fn a_late_retry_of_a_bound_family_goes_by_its_key_and_not_by_its_program() {
    let mut story = Story::answer_lost(3);
    story.family = story.family.clone().bind(Binding([7; 32])).unwrap();
    story.pass(11);
    story.context = context("curl/8.5.0");
    let own = story.genuine(2).with_binding(Some(Binding([7; 32])));
    assert_eq!(story.judge(&own).decision, Decision::Retry { late: true });
    let stolen = story.genuine(2).with_binding(Some(Binding([8; 32])));
    assert_eq!(story.judge(&stolen).decision, Decision::Reuse);
}

#[test]
fn a_bound_family_cannot_be_bound_to_another_key() {
    let story = Story::begin();
    let bound = story.family.bind(Binding([7; 32])).unwrap();
    assert_eq!(bound.clone().bind(Binding([7; 32])), Ok(bound.clone()));
    assert_eq!(bound.clone().bind(Binding([8; 32])), Err(bound));
}

// Drift.

#[test]
fn by_policy_a_great_drift_demands_a_new_sign_in_on_every_granting_row() {
    let abroad = Context::new(Some("198.51.100.1"), Some("KP"), Some(1), PHONE);
    for (story, wait, count) in
        [(Story::rotated(3), 60, 3), (Story::rotated(3), 1, 2), (Story::answer_lost(3), 60, 2)]
    {
        for (policy, granted) in [
            (DriftPolicy::Log, true),
            (DriftPolicy::SignIn { from_score: 61 }, true),
            (DriftPolicy::SignIn { from_score: 60 }, false),
        ] {
            let mut story = Story {
                family: story.family.clone(),
                secrets: story.secrets.clone(),
                context: abroad.clone(),
                ..story
            };
            story.pass(wait);
            story.family.drift = policy;
            let decision = story.present(count);
            if granted {
                assert_eq!(decision.refusal(), None, "{policy:?}");
            } else {
                assert_eq!(decision, refuse(RefusalCause::SignIn { rule: SignInReason::Drift }));
                assert!(!story.family.is_alive(story.now));
            }
        }
    }
}

#[test]
fn a_family_that_rotates_too_fast_is_asked_to_wait_and_loses_nothing() {
    let mut story = Story::begin();
    story.limits.pace = Some(crate::abuse::Rate::new(5, 3));
    for count in 0..3 {
        assert_eq!(story.present(count), Decision::Rotate);
    }
    let before = story.family.clone();
    let too_fast = |retry_after| Decision::Refuse { cause: RefusalCause::TooFast { retry_after } };
    assert_eq!(story.present(3), too_fast(12));
    assert_eq!(story.family, before);
    story.pass(11);
    assert_eq!(story.present(3), too_fast(1));
    story.pass(1);
    assert_eq!(story.present(3), Decision::Rotate);
}

#[test]
fn racing_tabs_take_one_rotation_from_the_pace_however_many_they_are() {
    let mut story = Story::begin();
    story.limits.pace = Some(crate::abuse::Rate::new(5, 1));
    assert_eq!(story.present(0), Decision::Rotate);
    for _ in 0..50 {
        assert_eq!(story.present(0), Decision::Retry { late: false });
    }
}

#[test]
fn theft_is_found_out_whatever_the_pace() {
    let mut story = Story::rotated(3);
    story.limits.pace = Some(crate::abuse::Rate::new(1, 1));
    assert_eq!(story.present(3), Decision::Rotate);
    assert_eq!(story.present(0), Decision::Reuse);
}
