use core::time::Duration;

use crate::{
    metrics::{
        BOUNDS, Batch, MAX_MARKS, MetricFamily, MetricsAnswer, MetricsRequest, Overview, Shard, Span,
        text::series_key,
    },
    ports::{
        Records as _,
        memory::{FaultMode, MemoryRecords},
    },
};
use postern_jose::time::Timestamp;

/// A minute that begins a quarter of a day.
const START: Timestamp = Timestamp::from_seconds(1_700_006_400);
const REUSE: &str = "postern_reuse_detected";

struct World {
    records: MemoryRecords,
    sent: u64,
}

impl World {
    fn new() -> Self {
        Self { records: MemoryRecords::default(), sent: 0 }
    }

    fn shard(&self) -> Shard<MemoryRecords> {
        Shard::new(self.records.clone())
    }

    fn add(&mut self, key: &str, values: Vec<u64>, now: Timestamp) -> MetricsAnswer {
        self.sent += 1;
        self.send(key, values, now)
    }

    /// The batch of the same number again.
    fn send(&self, key: &str, values: Vec<u64>, now: Timestamp) -> MetricsAnswer {
        let batch = Batch { isolate: "i".into(), number: self.sent, counts: vec![(key.to_owned(), values)] };
        self.shard().serve(MetricsRequest::Add { batch }, now)
    }

    /// The rows of the history, by kind and id.
    fn marks(&self) -> Vec<((String, String), String)> {
        let rows = self.records.snapshot().into_iter();
        rows.filter(|((kind, _), _)| kind.starts_with("history_")).collect()
    }

    fn overview(&self, span: Span, now: Timestamp) -> Overview {
        let mut overview = Overview::new(span, now);
        match self.shard().serve(MetricsRequest::History { step: span.step(), until: now }, now) {
            MetricsAnswer::Totals { series } => overview.add(series),
            other => panic!("{other:?}"),
        }
        overview
    }

    fn reuse(&self, span: Span, now: Timestamp) -> Vec<u64> {
        self.overview(span, now)
            .lines("reuse_detected")
            .next()
            .map(|(_, values)| values.to_vec())
            .unwrap_or_default()
    }

    #[cfg(feature = "thorough")]
    fn total(&self) -> u64 {
        match self.shard().serve(MetricsRequest::Read, START) {
            MetricsAnswer::Totals { series } => series.get(REUSE).map_or(0, |values| values[0]),
            other => panic!("{other:?}"),
        }
    }
}

fn minutes(count: u64) -> Duration {
    Duration::from_mins(count)
}

#[test]
fn each_bucket_has_what_came_in_its_time() {
    let mut world = World::new();
    for (minute, count) in [(0, 1), (1, 2), (1, 4), (30, 8), (59, 16)] {
        world.add(REUSE, vec![count], START.plus(minutes(minute)));
    }
    let now = START.plus(minutes(59));
    let hour = world.reuse(Span::Hour, now);
    let counted: Vec<(usize, u64)> = hour.into_iter().enumerate().filter(|(_, count)| *count > 0).collect();
    assert_eq!(counted, [(0, 1), (1, 6), (30, 8), (59, 16)]);
    let day = world.reuse(Span::Day, now);
    assert_eq!(day.get(92..), Some(&[7, 0, 8, 16][..]), "quarters of an hour");
    let month = world.reuse(Span::Month, now);
    assert_eq!((month.len(), month.last()), (120, Some(&31)), "quarters of a day");
    assert_eq!(world.overview(Span::Hour, now).since(), Some(START.seconds()));
}

#[test]
fn what_is_older_than_the_span_is_left_out() {
    let mut world = World::new();
    world.add(REUSE, vec![1], START);
    world.add(REUSE, vec![2], START.plus(minutes(60)));
    assert_eq!(world.reuse(Span::Hour, START.plus(minutes(60))).iter().sum::<u64>(), 2);
    assert_eq!(world.reuse(Span::Day, START.plus(minutes(60))).iter().sum::<u64>(), 3);
    let later = world.overview(Span::Hour, START.plus(minutes(300)));
    assert!(later.families().is_empty(), "an hour without a count");
    assert_eq!(
        later.since(),
        Some(START.plus(minutes(241)).seconds()),
        "and it is known that there was none"
    );
}

// What a deployment costs is reckoned from this: the quarter of a day in which it began may be six hours old.
#[test]
fn a_young_deployment_counts_since_its_first_batch() {
    let mut world = World::new();
    let began = START.plus(Duration::from_secs(5 * 3600 + 59 * 60 + 7));
    let now = began.plus(minutes(3));
    world.add(REUSE, vec![1], began);
    world.add(REUSE, vec![1], now);
    for span in Span::ALL {
        assert_eq!(world.overview(span, now).since(), Some(began.seconds()), "{span:?}");
    }
    // An hour later the span of an hour begins at its first bucket, as nothing was left out of it.
    let later = began.plus(minutes(90));
    world.add(REUSE, vec![1], later);
    assert_eq!(world.overview(Span::Hour, later).since(), Some(Span::Hour.starts_at(later)));
    assert_eq!(world.overview(Span::Month, later).since(), Some(began.seconds()));
}

// The platform bills rows: docs/decisions/0047 has these numbers.
#[test]
fn a_flush_writes_one_row_more_once_a_minute() {
    let mut world = World::new();
    let mut rows = |at: Duration| {
        let before = world.records.writes();
        world.add(REUSE, vec![1], START.plus(at));
        world.records.writes() - before
    };
    let seconds = Duration::from_secs;
    assert_eq!(rows(seconds(0)), 4, "the first: a mark for each span");
    assert_eq!(rows(seconds(10)), 1, "a flush of the same minute writes what it wrote without a history");
    assert_eq!(rows(seconds(60)), 2);
    assert_eq!(rows(seconds(900)), 3);
    assert_eq!(rows(seconds(21_600)), 4);
}

#[test]
fn series_of_routes_are_one_series_of_the_history() {
    let mut world = World::new();
    for route in ["a", "b", "c\",outcome=\"x"] {
        let key = series_key(MetricFamily::GateRequests, &[route, "forwarded"]);
        world.add(&key, vec![5], START);
    }
    world.add("postern_events{event=\"logout\",outcome=\"success\"}", vec![1], START);
    world.add("postern_of_the_next_version", vec![1], START);
    let overview = world.overview(Span::Hour, START);
    assert_eq!(overview.families(), ["gate_requests"]);
    assert_eq!(overview.sum("gate_requests", Some("forwarded")), 15);
    assert_eq!(overview.sum("gate_requests", None), 15);
    assert_eq!(overview.sum("gate", None), 0);
}

#[test]
fn quantiles_are_bounds_of_the_histogram() {
    let key = series_key(MetricFamily::ObjectLatency, &["account"]);
    let latency = |counts: &[(usize, u64)]| {
        let mut world = World::new();
        let mut values = vec![0; BOUNDS.len() + 2];
        for (bucket, count) in counts {
            values[*bucket] = *count;
        }
        world.add(&key, values, START);
        let overview = world.overview(Span::Hour, START);
        let (_, buckets) = overview.latency().next().unwrap();
        let last = buckets.last().unwrap();
        assert_eq!(overview.latency_of("account"), last, "the whole span is its only bucket");
        (last.calls, last.p50, last.p95)
    };
    assert_eq!(latency(&[(1, 50), (2, 45), (5, 5)]), (100, Some(2), Some(5)));
    assert_eq!(latency(&[(1, 50), (2, 44), (5, 6)]), (100, Some(2), Some(50)));
    assert_eq!(latency(&[(0, 1)]), (1, Some(1), Some(1)));
    assert_eq!(latency(&[(0, 1), (12, 1)]), (2, Some(1), None), "more than 5 s");
}

// The clock of the machine was ten hours ahead, and was put back.
#[test]
fn a_clock_put_back_loses_and_invents_nothing() {
    let mut world = World::new();
    let ahead = START.plus(minutes(607));
    world.add(REUSE, vec![1], START);
    world.add(REUSE, vec![2], ahead);
    world.add(REUSE, vec![4], START.plus(minutes(1)));
    for span in Span::ALL {
        assert_eq!(world.reuse(span, START.plus(minutes(1))).iter().sum::<u64>(), 7, "{span:?}");
    }
    world.add(REUSE, vec![8], ahead);
    for span in [Span::Month, Span::Day] {
        assert_eq!(world.reuse(span, ahead).iter().sum::<u64>(), 15, "{span:?}");
    }
    assert_eq!(world.reuse(Span::Hour, ahead).iter().sum::<u64>(), 14, "since the mark of that minute");
}

#[test]
fn an_unreadable_mark_is_replaced() {
    let mut world = World::new();
    world.add(REUSE, vec![1], START);
    assert_eq!(world.marks().len(), 3);
    for ((kind, id), _) in world.marks() {
        world.records.write(&kind, &id, r#"{"v":2,"at":[1]}"#).unwrap();
    }
    assert!(world.overview(Span::Hour, START).families().is_empty());
    assert_eq!(world.add(REUSE, vec![2], START), MetricsAnswer::Added);
    assert_eq!(world.reuse(Span::Hour, START).last(), Some(&2));
}

#[test]
fn the_number_of_rows_is_bounded() {
    let mut world = World::new();
    // Each minute of three hours, then each hour of 40 days.
    for minute in (0..180).chain((180..40 * 24 * 60).step_by(60)) {
        world.add(REUSE, vec![1], START.plus(minutes(minute)));
    }
    let marks = world.marks().len();
    assert!(u64::try_from(marks).unwrap() <= MAX_MARKS, "{marks}");
    assert_eq!(MAX_MARKS, 276);
}

#[test]
fn a_fault_at_any_write_leaves_the_history_exact() {
    for mode in [FaultMode::FailCall, FaultMode::FailAfterPersisting] {
        for call in 0..12 {
            let mut world = World::new();
            world.add(REUSE, vec![1], START);
            world.records.break_with(mode(call));
            let now = START.plus(minutes(360));
            let answer = world.add(REUSE, vec![2], now);
            world.records.break_with(FaultMode::None);
            if answer != MetricsAnswer::Added {
                assert_eq!(world.send(REUSE, vec![2], now), MetricsAnswer::Added);
            }
            assert_eq!(world.reuse(Span::Month, now).iter().sum::<u64>(), 3, "call {call}");
            assert_eq!(world.reuse(Span::Hour, now).last(), Some(&2), "call {call}");
        }
    }
}

#[test]
fn stored_history_format_unchanged() {
    let mut world = World::new();
    world.add(REUSE, vec![1], START);
    world.add(REUSE, vec![1], START.plus(Duration::from_secs(61)));
    let marks = world.marks();
    let marks: Vec<(&str, &str, &str)> =
        marks.iter().map(|((kind, id), text)| (kind.as_str(), id.as_str(), text.as_str())).collect();
    assert_eq!(
        marks,
        [
            ("history_day", "0", r#"{"at":[1700006400]}"#),
            ("history_hour", "0", r#"{"at":[1700006400]}"#),
            ("history_hour", "1", r#"{"at":[1700006461],"reuse_detected:all":[1]}"#),
            ("history_month", "104", r#"{"at":[1700006400]}"#),
        ]
    );
}

#[cfg(feature = "thorough")]
mod properties {
    use proptest::prelude::*;

    use super::*;

    /// A step of a history: so many seconds later, or earlier, so much is counted, perhaps sent twice.
    type Step = (i64, u64, bool, u32);

    fn steps(seconds: core::ops::Range<i64>) -> impl Strategy<Value = Vec<Step>> {
        proptest::collection::vec((seconds, 0_u64..5, any::<bool>(), 0_u32..40), 1..60)
    }

    fn moved(now: Timestamp, seconds: i64) -> Timestamp {
        let by = Duration::from_secs(seconds.unsigned_abs());
        if seconds < 0 { now.minus(by) } else { now.plus(by) }
    }

    /// Plays the steps, with a storage that fails now and then; when each count was added.
    fn play(world: &mut World, steps: &[Step], faulty: bool) -> (Timestamp, Vec<(Timestamp, u64)>) {
        let (mut now, mut added) = (START, Vec::new());
        for (seconds, count, twice, fault) in steps {
            now = moved(now, *seconds);
            if faulty {
                world.records.break_with(FaultMode::FailAfterPersisting(*fault));
            }
            let answer = world.add(REUSE, vec![*count], now);
            world.records.break_with(FaultMode::None);
            if *twice || answer != MetricsAnswer::Added {
                assert_eq!(world.send(REUSE, vec![*count], now), MetricsAnswer::Added);
            }
            added.push((now, *count));
        }
        (now, added)
    }

    proptest! {
        // As the counters: a repeated batch counts once, a fault loses nothing.
        #[test]
        fn each_count_is_in_the_bucket_of_its_time(steps in steps(0..4000)) {
            let mut world = World::new();
            let (now, added) = play(&mut world, &steps, true);
            for span in Span::ALL {
                let mut expected = vec![0; usize::try_from(span.buckets()).unwrap()];
                for (at, count) in &added {
                    if let Some(after) = at.seconds().checked_sub(span.starts_at(now)) {
                        expected[usize::try_from(after / span.step()).unwrap()] += count;
                    }
                }
                let found = world.reuse(span, now);
                prop_assert!(found == expected || found.is_empty() && expected.iter().all(|count| *count == 0));
            }
            prop_assert_eq!(world.total(), added.iter().map(|(_, count)| count).sum::<u64>());
        }

        // Whatever the clock does, no bucket has more than was counted, nor have all of them together.
        #[test]
        fn a_clock_that_jumps_corrupts_nothing(steps in steps(-200_000..200_000)) {
            let mut world = World::new();
            let (now, _) = play(&mut world, &steps, false);
            for span in Span::ALL {
                let sum: u64 = world.reuse(span, now).iter().sum();
                prop_assert!(sum <= world.total(), "{} of {}", sum, world.total());
            }
            let marks = world.marks().len();
            prop_assert!(u64::try_from(marks).unwrap() <= MAX_MARKS);
            // The last one to come is there, if only now.
            let later = now.plus(minutes(1));
            world.add(REUSE, vec![1000], later);
            let sum: u64 = world.reuse(Span::Hour, later).iter().sum();
            prop_assert!(sum >= 1000);
        }
    }
}
