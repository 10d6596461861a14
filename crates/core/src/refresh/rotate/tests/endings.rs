//! Rows of the table: a lifetime is over, or the family ended on somebody's behalf.

use super::*;

// Row: a lifetime is over.

// Tests RFC 9700 section 4.14.2: a refresh token that is not used for some time expires
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

// Even if the clock goes back.
#[test]
fn an_expired_family_stays_expired_for_every_token() {
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

// Tests RFC 9700 section 4.14.2: a logout revokes the refresh token
#[test]
fn nothing_is_accepted_after_a_logout() {
    for count in [2, 3, 4] {
        let mut story = Story::answer_lost(3);
        story.family = story.family.clone().revoke(Revocation::Logout, story.now);
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
    let after = story
        .family
        .clone()
        .revoke(Revocation::Logout, story.now)
        .expire(story.now.plus(Duration::from_hours(9999)));
    assert_eq!(after.confirm(3, story.now), before);
}
