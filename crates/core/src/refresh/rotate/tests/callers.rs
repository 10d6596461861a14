//! Whose token it is: the client, the key it is bound to, the device it came from before.

use super::*;

fn by_client(mut presented: Presented, client_id: &str) -> Presented {
    presented.client_id = Some(client_id.to_owned());
    presented
}

fn with_binding(presented: Presented, binding: Option<Binding>) -> Presented {
    Presented { binding, ..presented }
}

// Clients and keys.

// Tests RFC 6749 section 6: a refresh token is bound to the client that it was issued to
#[test]
fn a_token_of_another_client_is_refused_and_changes_nothing() {
    let mut story = Story::rotated(3);
    let current = by_client(story.genuine(3), "other");
    assert_eq!(story.unchanged(&current), refuse(RefusalCause::WrongClient));
    let parent = by_client(story.genuine(2), "other");
    assert_eq!(story.unchanged(&parent), refuse(RefusalCause::WrongClient));
    let own = by_client(story.genuine(3), "app");
    assert_eq!(story.judge(&own).decision, Decision::Rotate);
}

// It may be stolen.
#[test]
fn a_bound_familys_token_is_refused_without_the_key() {
    let mut story = Story::rotated(3);
    story.family.binding = Some(Binding([7; 32]));
    for binding in [None, Some(Binding([8; 32]))] {
        for count in [2, 3] {
            let stolen = with_binding(story.genuine(count), binding);
            assert_eq!(story.unchanged(&stolen), refuse(RefusalCause::WrongBinding));
        }
    }
    let own = with_binding(story.genuine(3), Some(Binding([7; 32])));
    assert_eq!(story.judge(&own).decision, Decision::Rotate);
}

// And not by its program.
#[test]
fn a_late_retry_of_a_bound_family_goes_by_its_key() {
    let mut story = Story::answer_lost(3);
    story.family.binding = Some(Binding([7; 32]));
    story.pass(11);
    story.context = context("curl/8.5.0");
    let own = with_binding(story.genuine(2), Some(Binding([7; 32])));
    assert_eq!(story.judge(&own).decision, Decision::Retry { late: true });
    let stolen = with_binding(story.genuine(2), Some(Binding([8; 32])));
    assert_eq!(story.judge(&stolen).decision, Decision::Reuse);
}

// Drift.

// On every row that grants.
#[test]
fn by_policy_a_great_drift_demands_a_new_sign_in() {
    let abroad = Context::new(Some("198.51.100.1"), Some("KP"), PHONE);
    for (story, wait, count) in
        [(Story::rotated(3), 60, 3), (Story::rotated(3), 1, 2), (Story::answer_lost(3), 60, 2)]
    {
        for (policy, granted) in [
            (DriftPolicy::Log, true),
            (DriftPolicy::SignIn { from_score: 46 }, true),
            (DriftPolicy::SignIn { from_score: 45 }, false),
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
