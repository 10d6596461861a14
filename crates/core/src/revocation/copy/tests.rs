use std::collections::BTreeMap;

use super::*;

pub(super) const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

pub(super) fn copy(listed: &BTreeMap<u64, Timestamp>, not_before: &BTreeMap<u64, Timestamp>) -> FeedCopy {
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
