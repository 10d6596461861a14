use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

fn copy(listed: &BTreeMap<u64, Timestamp>, not_before: &BTreeMap<u64, Timestamp>) -> FeedCopy {
    let pairs = |map: &BTreeMap<u64, Timestamp>| map.clone().into_iter();
    FeedCopy::new(NOW, None, pairs(listed), pairs(not_before))
}

#[test]
fn feed_format_unchanged() {
    let at = Timestamp::from_millis;
    let overflow = Some(Overflow { issued_until: at(4_000) });
    let copy = FeedCopy::new(
        at(1_700_000_000_123),
        overflow,
        [(1, at(5_001)), (0xff00_0000_0000_0002, at(6_000))].into_iter(),
        [(3, at(7_999))].into_iter(),
    );
    let bytes: Vec<u8> = [
        "0000018bcfe5687b",
        "0000000000000fa0",
        "00000002",
        "00000001",
        "0000000000000001",
        "00000006",
        "ff00000000000002",
        "00000006",
        "0000000000000003",
        "00000007",
    ]
    .concat()
    .as_bytes()
    .chunks(2)
    .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
    .collect();
    assert_eq!(copy.encode(), format!("postern-feed.1.{}", base64url(&bytes)));
    assert_eq!(FeedCopy::parse(&copy.encode()), Ok(copy));
}

#[test]
fn a_cut_or_lengthened_feed_is_refused_whole() {
    let text = copy(&(0..50).map(|mark| (mark, NOW)).collect(), &BTreeMap::from([(7, NOW)])).encode();
    for end in 0..text.len() {
        assert!(FeedCopy::parse(&text[..end]).is_err(), "cut at {end}");
    }
    for more in ["A", "AA", "AAAAAAAAAAAAAAAA", "=", "\n"] {
        assert!(FeedCopy::parse(&format!("{text}{more}")).is_err(), "{more:?}");
        assert!(FeedCopy::parse(&format!("{more}{text}")).is_err(), "{more:?}");
    }
}

#[test]
fn garbage_is_named() {
    use MalformedFeed::{Encoding, Length, Order, Prefix};
    let feed = |bytes: &[u8]| FeedCopy::parse(&format!("postern-feed.1.{}", base64url(bytes)));
    let counts = |listed: u32, not_before: u32, entries: &[u8]| {
        let header = [[0; 16].as_slice(), &listed.to_be_bytes(), &not_before.to_be_bytes(), entries].concat();
        feed(&header)
    };
    assert_eq!(FeedCopy::parse(""), Err(Prefix));
    assert_eq!(FeedCopy::parse("<html>"), Err(Prefix));
    assert_eq!(FeedCopy::parse("postern-feed.2.AAAA"), Err(Prefix));
    assert_eq!(FeedCopy::parse("postern-feed.1.AAA="), Err(Encoding));
    assert_eq!(feed(&[0; 23]), Err(Length));
    assert_eq!(counts(1, 0, &[0; 11]), Err(Length));
    assert_eq!(counts(u32::MAX, u32::MAX, &[]), Err(Length));
    assert_eq!(counts(u32::MAX, 1, &[0; 12]), Err(Length));
    assert_eq!(counts(2, 0, &[0; 24]), Err(Order), "the same mark twice");
    assert_eq!(counts(1, 1, &[0; 24]).map(|feed| feed.len()), Ok(2), "in two columns it may stand");
    assert_eq!(counts(0, 0, &[]), Ok(FeedCopy::default()));
}

#[test]
fn a_text_that_is_too_long_is_not_even_decoded() {
    assert_eq!(FeedCopy::parse(&"A".repeat(MAX_TEXT_BYTES + 1)), Err(MalformedFeed::TooLong));
}

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
        own in any::<bool>(),
    ) -> TokenMarks {
        TokenMarks { session, access_token, subject, client, issued_at, own }
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
            let is_early = |mark: Option<u64>| {
                mark.and_then(|mark| not_before.get(&mark)).is_some_and(|at| token.issued_at.seconds() <= at.seconds())
            };
            let expected = Hits {
                session: is_listed(token.session),
                access_token: is_listed(token.access_token),
                subject: is_early(Some(token.subject)),
                client: is_early(token.client),
            };
            prop_assert_eq!(feed.look_up(&token, now), expected);
        }
    }

    #[test]
    fn overflow_hits_every_own_token_of_its_time_and_no_other(token in token(), until in times()) {
        let feed = FeedCopy::new(NOW, Some(Overflow { issued_until: until }), [].into_iter(), [].into_iter());
        let feed = FeedCopy::parse(&feed.encode()).unwrap();
        let expected = token.own && token.issued_at.seconds() <= until.seconds();
        prop_assert_eq!(feed.look_up(&token, NOW), Hits { session: expected, ..Hits::default() });
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
