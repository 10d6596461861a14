//! Row of the table: count - 1, receipt unconfirmed, within the lost-response window.

use super::*;

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

// The lost-response window.
#[test]
fn a_receipt_closes_the_window_a_reuse_interval_later() {
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

// At once.
#[test]
fn without_reuse_interval_a_receipt_closes_the_window() {
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

// In the reuse interval that follows.
#[test]
fn another_program_gets_nothing_after_a_receipt() {
    let mut story = Story::answer_lost(3);
    story.pass(60);
    story.confirm(3);
    story.context = context("curl/8.5.0");
    assert_eq!(story.present(2), Decision::Reuse);
}

// The thief uses the gate.
#[test]
fn a_thief_just_before_the_owner_counts_as_a_silent_one() {
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

// It is granted, and the evidence has the drift.
#[test]
fn a_late_retry_from_another_network_shows_its_drift() {
    let mut story = Story::answer_lost(3);
    story.pass(11);
    story.context = Context::new(Some("198.51.100.1"), Some("DE"), PHONE);
    let parent = story.genuine(2);
    let decided = story.judge(&parent);
    assert_eq!(decided.decision, Decision::Retry { late: true });
    assert_eq!((decided.evidence.drift.score, story.alive().late_retries), (45, 1));
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

// The lost-response window.
#[test]
fn without_receipts_the_window_is_a_minute_at_most() {
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
fn an_immediate_rotation_resets_the_late_only_count() {
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
