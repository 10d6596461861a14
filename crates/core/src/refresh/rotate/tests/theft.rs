//! Rows of the table: whatever only a thief, a restored backup or a forger presents.

use super::*;

// Row: count - 1 otherwise, or older.

// Tests RFC 9700 section 4.14.2: a refresh token that was used before ends all of its session
#[test]
fn a_replayed_ancestor_ends_the_family_with_its_exact_distance() {
    for distance in 1..=40 {
        let mut story = Story::rotated(40);
        story.pass(11);
        let replayed = story.genuine(40 - distance);
        let decided = story.judge(&replayed);
        assert_eq!(decided.decision, Decision::Reuse);
        assert_eq!(decided.evidence.distance, i64::from(distance));
        assert_eq!(story.end_reason(), EndReason::Reuse { distance });
    }
}

// Tests RFC 9700 section 4.14.2: reuse is recognised at any distance
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
fn a_parent_that_derives_another_secret_is_reuse_at_once() {
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

// And raises an alert.
#[test]
fn a_token_ahead_of_a_restored_backup_ends_the_family() {
    let mut story = Story::rotated(3);
    let ahead = story.genuine(7);
    let decided = story.judge(&ahead);
    assert_eq!(decided.decision, refuse(RefusalCause::AheadOfState));
    assert_eq!(decided.evidence.distance, -4);
    assert_eq!(story.end_reason(), EndReason::AheadOfState { ahead: 4 });
}

// Row: current count, wrong secret.

#[test]
fn a_forged_current_token_cannot_revoke() {
    let mut story = Story::rotated(3);
    assert_eq!(story.unchanged(&Story::forged(3)), refuse(RefusalCause::Forged));
    assert_eq!(story.present(3), Decision::Rotate);
}
