//! How fast a family may rotate.

use super::*;

// It loses nothing.
#[test]
fn a_family_that_rotates_too_fast_is_asked_to_wait() {
    let mut story = Story::begin();
    story.limits.pace = Some(crate::rate::Rate::new(5, 3));
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

// However many they are.
#[test]
fn racing_tabs_take_one_rotation_from_the_pace() {
    let mut story = Story::begin();
    story.limits.pace = Some(crate::rate::Rate::new(5, 1));
    assert_eq!(story.present(0), Decision::Rotate);
    for _ in 0..50 {
        assert_eq!(story.present(0), Decision::Retry { late: false });
    }
}

#[test]
fn theft_is_found_out_whatever_the_pace() {
    let mut story = Story::rotated(3);
    story.limits.pace = Some(crate::rate::Rate::new(1, 1));
    assert_eq!(story.present(3), Decision::Rotate);
    assert_eq!(story.present(0), Decision::Reuse);
}
