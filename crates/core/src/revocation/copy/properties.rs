//! The feed against a plain model, and against texts that lie.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{
    tests::{NOW, copy},
    *,
};

/// Few marks, so that tokens and entries meet.
fn marks() -> impl Strategy<Value = u64> {
    prop_oneof![0..20_u64, Just(u64::MAX), any::<u64>()]
}

fn times() -> impl Strategy<Value = Timestamp> {
    (0..8_000_u64).prop_map(|millis| NOW.plus(core::time::Duration::from_millis(millis)))
}

prop_compose! {
    fn token()(
        session in prop::option::of(marks()),
        access_token in prop::option::of(marks()),
        subject in marks(),
        client in prop::option::of(marks()),
        issued_at in times(),
        before in 0..3_000_u64,
        own in any::<bool>(),
    ) -> RevocationKeys {
        let signed_in_at = issued_at.minus(core::time::Duration::from_millis(before));
        RevocationKeys { session, access_token, subject, client, issued_at, signed_in_at, own }
    }
}

proptest! {
    #[test]
    fn a_look_up_equals_a_plain_model(
        listed in prop::collection::btree_map(marks(), times(), 0..40),
        not_before in prop::collection::btree_map(marks(), times(), 0..40),
        tokens in prop::collection::vec(token(), 1..50),
        now in times(),
    ) {
        let feed = FeedCopy::parse(&copy(&listed, &not_before).encode()).unwrap();
        for token in tokens {
            // What is listed is so until the end of the second that its time is in.
            let is_listed = |mark: Option<u64>| {
                mark.and_then(|mark| listed.get(&mark)).is_some_and(|until| now.millis() < until.millis().div_ceil(1000) * 1000)
            };
            let is_early = |mark: Option<u64>, of: Timestamp| {
                mark.and_then(|mark| not_before.get(&mark)).is_some_and(|at| of.seconds() <= at.seconds())
            };
            let expected = RevocationMatches {
                session: is_listed(token.session),
                access_token: is_listed(token.access_token),
                subject: is_early(Some(token.subject), if token.own { token.issued_at } else { token.signed_in_at }),
                client: is_early(token.client, token.signed_in_at),
            };
            prop_assert_eq!(feed.look_up(&token, now), expected);
        }
    }

    #[test]
    fn overflow_hits_every_own_token_of_its_time_and_no_other(token in token(), until in times()) {
        let feed = FeedCopy::new(NOW, Some(Overflow { issued_until: until }), [].into_iter(), [].into_iter());
        let feed = FeedCopy::parse(&feed.encode()).unwrap();
        let expected = token.own && token.issued_at.seconds() <= until.seconds();
        prop_assert_eq!(feed.look_up(&token, NOW), RevocationMatches { session: expected, ..RevocationMatches::default() });
    }

    #[test]
    fn bytes_that_are_a_feed_are_the_one_form_of_it(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        let text = format!("postern-feed.1.{}", base64url(&bytes));
        if let Ok(feed) = FeedCopy::parse(&text) {
            prop_assert_eq!(feed.encode(), text);
        }
    }

    /// Plausible headers, so that the parser gets past them.
    #[test]
    fn counts_that_lie_are_refused(listed in 0..6_u32, not_before in 0..6_u32, entries in prop::collection::vec(any::<[u8; 12]>(), 0..10)) {
        let mut bytes = vec![0; 16];
        bytes.extend(listed.to_be_bytes());
        bytes.extend(not_before.to_be_bytes());
        bytes.extend(entries.concat());
        let text = format!("postern-feed.1.{}", base64url(&bytes));
        match FeedCopy::parse(&text) {
            Ok(feed) => {
                prop_assert_eq!(entries.len(), (listed + not_before) as usize);
                prop_assert_eq!(feed.encode(), text);
            }
            Err(error) => prop_assert!(matches!(error, MalformedFeed::Length | MalformedFeed::Order)),
        }
    }

    #[test]
    fn a_text_with_one_character_changed_is_refused_or_another_feed(
        listed in prop::collection::btree_map(any::<u64>(), times(), 1..40),
        at in any::<prop::sample::Index>(),
        character in "[A-Za-z0-9_.=-]",
    ) {
        let feed = copy(&listed, &BTreeMap::new());
        let mut text = feed.encode();
        let at = at.index(text.len());
        let same = text[at..=at] == character;
        text.replace_range(at..=at, &character);
        match FeedCopy::parse(&text) {
            Ok(other) => {
                prop_assert_eq!(other == feed, same);
                prop_assert_eq!(other.encode(), text);
            }
            Err(_) => prop_assert!(!same),
        }
    }

    #[test]
    fn no_text_makes_the_parser_fail(text in "(postern-feed\\.1\\.)?[ -~]{0,200}") {
        let _ = FeedCopy::parse(&text);
    }
}
