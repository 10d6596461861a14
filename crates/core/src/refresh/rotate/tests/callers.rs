//! Whose token it is: the client, the key it is bound to, the device it came from before.

use super::*;

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
