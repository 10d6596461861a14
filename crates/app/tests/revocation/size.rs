//! What a large feed costs. `cargo test --release --lib --features thorough -- --nocapture a_large_feed`
//! prints figures that mean something.

use std::time::Instant;

use postern_app::{
    revocation::{FeedCopy, RevocationKeys},
    time::Timestamp,
};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
/// The largest feed; the short round of `cargo test` takes a tenth of it.
const MOST: u64 = if cfg!(feature = "thorough") { 1_000_000 } else { 100_000 };
const LOOK_UPS: u64 = MOST;

/// Ascending and spread over all 64 bits, as hashes are.
fn mark(number: u64, of: u64) -> u64 {
    number * (u64::MAX / of) + number % 7
}

#[expect(clippy::disallowed_methods, reason = "measures")]
fn measure(entries: u64) -> (usize, FeedCopy) {
    let listed = (0..entries).map(|number| (mark(number, entries), Timestamp::from_seconds(1_800_001_000)));
    let begun = Instant::now();
    let text = FeedCopy::new(NOW, None, listed, [].into_iter()).encode();
    let encoded = begun.elapsed();
    let begun = Instant::now();
    let feed = FeedCopy::parse(&text).unwrap();
    let parsed = begun.elapsed();
    let mut hits = 0_u64;
    let begun = Instant::now();
    for number in 0..LOOK_UPS {
        // A number that jumps about, so that no cache line is still there from the last one.
        let place = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % entries;
        let session = Some(mark(place, entries) + number % 2 * 9);
        let token = RevocationKeys { session, own: true, issued_at: NOW, ..RevocationKeys::default() };
        hits += u64::from(feed.look_up(&token, NOW).session);
    }
    let each = begun.elapsed() / u32::try_from(LOOK_UPS).unwrap();
    assert_eq!(hits, LOOK_UPS / 2);
    println!(
        "{entries} entries: {} bytes of text, written in {encoded:?}, read in {parsed:?}, looked up in {each:?}",
        text.len()
    );
    (text.len(), feed)
}

#[test]
fn a_large_feed_fits_one_kv_value_and_all_of_it_is_found() {
    for entries in [1_000, MOST] {
        let (bytes, feed) = measure(entries);
        assert_eq!(feed.len() as u64, entries);
        // Workers KV takes 25 MiB a value.
        assert!(bytes < 25 * 1024 * 1024);
        assert!(bytes as u64 <= entries * 16 + 64, "16 bytes an entry");
    }
}
