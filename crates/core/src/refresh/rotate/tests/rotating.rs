//! Rows of the table: the current token, and its predecessor within the reuse interval.

use super::*;

// Row: current count, secret matches.

// Tests RFC 9700 section 2.2.2: each refresh gives out a new refresh token
// Tests RFC 6749 section 6: a refresh may give out a new refresh token, and the old one is discarded
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
fn a_rotation_remembers_its_successors_master() {
    let mut story = Story::begin();
    let presented = Presented { next_master: 9, ..story.genuine(0) };
    assert_eq!(story.judge(&presented).decision, Decision::Rotate);
    assert_eq!(story.alive().master, 9);
    let retried = Presented { next_master: 10, ..presented };
    assert_eq!(story.unchanged(&retried), Decision::Retry { late: false });
    assert_eq!(story.alive().master, 9);
}

// Row: count - 1, within the reuse interval.

// They change nothing.
#[test]
fn any_number_of_racers_get_the_identical_successor() {
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
fn the_reuse_interval_holds_after_a_confirmed_receipt() {
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
