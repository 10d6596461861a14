use core::{cell::Cell, time::Duration};

use super::{
    text::{Gauge, expose},
    *,
};
use crate::{
    events::EventKind,
    ports::{
        Component, Fault, Randomness, Records as _,
        memory::{FaultMode, MemoryRecords},
    },
};
use postern_jose::time::Timestamp;

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

struct Dice(Cell<u8>);

impl Randomness for Dice {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), Fault> {
        self.0.set(self.0.get() + 1);
        buffer.fill(self.0.get());
        Ok(())
    }
}

fn dice() -> Dice {
    Dice(Cell::new(0))
}

fn totals(shard: &Shard<MemoryRecords>) -> Totals {
    match shard.serve(MetricsRequest::Read, NOW) {
        MetricsAnswer::Totals { series } => series,
        other => panic!("{other:?}"),
    }
}

fn flush(counters: &Counters, shard: &Shard<MemoryRecords>, dice: &Dice) -> bool {
    let Some(batch) = counters.batch(dice).unwrap() else { return false };
    let number = batch.number;
    let added = shard.serve(MetricsRequest::Add { batch }, NOW) == MetricsAnswer::Added;
    if added {
        counters.arrived(number);
    }
    added
}

const REUSE: &str = "postern_reuse_detected";

// Its answer was lost.
#[test]
fn a_batch_that_is_sent_again_counts_once() {
    let (counters, records, dice) = (Counters::default(), MemoryRecords::default(), dice());
    let shard = Shard::new(records.clone());
    counters.add(MetricFamily::Reuse, "", "");
    records.break_with(FaultMode::FailAfterPersisting(0));
    assert!(!flush(&counters, &shard, &dice));
    counters.add(MetricFamily::Reuse, "", "");
    assert!(flush(&counters, &shard, &dice), "the first batch again");
    assert!(flush(&counters, &shard, &dice), "what was counted meanwhile");
    assert!(!flush(&counters, &shard, &dice), "nothing is left");
    assert_eq!(*totals(&shard).get(REUSE).unwrap(), [2]);
}

#[test]
fn while_the_object_is_down_nothing_is_lost() {
    let (counters, records, dice) = (Counters::default(), MemoryRecords::default(), dice());
    let shard = Shard::new(records.clone());
    records.break_with(FaultMode::Down);
    for _ in 0..5 {
        counters.add(MetricFamily::Reuse, "", "");
        assert!(!flush(&counters, &shard, &dice));
    }
    records.break_with(FaultMode::None);
    while flush(&counters, &shard, &dice) {}
    assert_eq!(*totals(&shard).get(REUSE).unwrap(), [5]);
}

// A new one does not start from zero.
#[test]
fn several_isolates_add_up() {
    let (shard, dice) = (Shard::new(MemoryRecords::default()), dice());
    for _ in 0..3 {
        let counters = Counters::default();
        counters.add(MetricFamily::Reuse, "", "");
        assert!(flush(&counters, &shard, &dice));
    }
    assert_eq!(*totals(&shard).get(REUSE).unwrap(), [3]);
}

#[cfg(feature = "thorough")]
#[test]
fn an_object_remembers_a_bounded_number_of_isolates() {
    let records = MemoryRecords::default();
    let shard = Shard::new(records.clone());
    for number in 0..510 {
        let batch =
            Batch { isolate: format!("{number}"), number: 1, counts: vec![(REUSE.to_owned(), vec![1])] };
        shard.serve(MetricsRequest::Add { batch }, NOW.plus(Duration::from_secs(number)));
    }
    let stored = records.snapshot();
    assert_eq!(stored[&("metrics".to_owned(), "totals".to_owned())].matches("number").count(), 500);
    assert_eq!(*totals(&shard).get(REUSE).unwrap(), [510]);
}

#[test]
fn one_caller_at_a_time_sees_to_the_flush() {
    let counters = Counters::default();
    let interval = Duration::from_secs(10);
    assert!(counters.arm(NOW, interval));
    assert!(!counters.arm(NOW.plus(interval), interval));
    assert!(counters.arm(NOW.plus(interval * 2), interval), "the first one was cancelled");
    counters.batch(&dice()).unwrap();
    assert!(counters.arm(NOW.plus(interval * 2), interval), "flushed: the next may");
}

#[test]
fn events_are_counted_by_name_and_in_their_families() {
    let counters = Counters::default();
    counters.count_event(&EventKind::SignedIn);
    counters.count_event(&EventKind::SignInRefused { cause: "wrong_password" });
    counters.count_event(&EventKind::ReuseDetected { distance: 4 });
    let batch = counters.batch(&dice()).unwrap().unwrap();
    let keys: Vec<&str> = batch.counts.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(
        keys,
        [
            r#"postern_events{event="reuse_detected",outcome="alert"}"#,
            r#"postern_events{event="sign_in_refused",outcome="refused"}"#,
            r#"postern_events{event="signed_in",outcome="success"}"#,
            r#"postern_sign_ins{result="success"}"#,
            r#"postern_sign_ins{result="wrong_password"}"#,
            r#"postern_refreshes{decision="reuse"}"#,
            "postern_reuse_detected",
        ]
    );
}

#[test]
fn a_table_of_many_routes_does_not_fill_the_memory() {
    let counters = Counters::default();
    for number in 0..3000 {
        counters.add(MetricFamily::GateRequests, &format!("route-{number}"), "forwarded");
    }
    let batch = counters.batch(&dice()).unwrap().unwrap();
    assert_eq!(batch.counts.len(), 1501);
    let sum: u64 = batch.counts.iter().map(|(_, values)| values[0]).sum();
    assert_eq!(sum, 3000);
}

#[test]
fn the_names_keep_the_conventions_of_openmetrics() {
    let mut names = Vec::new();
    for family in MetricFamily::ALL {
        let Description { name, kind, help, .. } = family.describe();
        assert!(name.starts_with("postern_") && !name.ends_with("_total"), "{name}");
        assert!(help.ends_with('.') && !help.contains('\n'), "{name}");
        assert!(kind != MetricKind::Histogram || name.ends_with("_seconds"), "{name}");
        names.push(name);
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), MetricFamily::ALL.len());
}

#[test]
fn metrics_text_format_unchanged() {
    let (counters, shard) = (Counters::default(), Shard::new(MemoryRecords::default()));
    counters.observe(Component::Account, Duration::from_millis(3));
    counters.observe(Component::Account, Duration::from_millis(5));
    counters.observe(Component::Account, Duration::from_mins(1));
    counters.add(MetricFamily::GateRequests, "a \"quoted\\route\"", "forwarded");
    flush(&counters, &shard, &dice());
    let gauges =
        [Gauge { family: MetricFamily::KeyAge, labels: vec!["active".to_owned()], thousandths: 86_400_070 }];
    let text = expose(&totals(&shard), &gauges);
    for part in [
        "# TYPE postern_reuse_detected counter\n# HELP postern_reuse_detected Replaced",
        "\npostern_reuse_detected_total 0\n",
        "\npostern_gate_requests_total{route=\"a \\\"quoted\\\\route\\\"\",outcome=\"forwarded\"} 1\n",
        "# TYPE postern_object_latency_seconds histogram\n# UNIT postern_object_latency_seconds seconds\n",
        "\npostern_object_latency_seconds_bucket{object=\"account\",le=\"0.002\"} 0\n",
        "\npostern_object_latency_seconds_bucket{object=\"account\",le=\"0.005\"} 2\n",
        "\npostern_object_latency_seconds_bucket{object=\"account\",le=\"5.0\"} 2\n",
        "\npostern_object_latency_seconds_bucket{object=\"account\",le=\"+Inf\"} 3\n",
        "\npostern_object_latency_seconds_count{object=\"account\"} 3\n",
        "\npostern_object_latency_seconds_sum{object=\"account\"} 60.008\n",
        "\npostern_signing_key_age_seconds{state=\"active\"} 86400.07\n",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn stored_totals_format_unchanged() {
    let records = MemoryRecords::default();
    let batch = Batch { isolate: "i".into(), number: 2, counts: vec![(REUSE.into(), vec![3])] };
    let request = MetricsRequest::Add { batch };
    let text = r#"{"add":{"batch":{"isolate":"i","number":2,"counts":[["postern_reuse_detected",[3]]]}}}"#;
    assert_eq!(serde_json::to_string(&request).unwrap(), text);
    Shard::new(records.clone()).serve(request, NOW);
    assert_eq!(
        records.read("metrics", "totals").unwrap().unwrap(),
        r#"{"v":1,"series":{"postern_reuse_detected":[3]},"isolates":{"i":{"number":2,"at":1700000000000}}}"#
    );
}

/// The names of ours in a text, without what `OpenMetrics` adds for a sample.
fn names_in(text: &str) -> std::collections::BTreeSet<&str> {
    let word = |character: char| !(character.is_ascii_alphanumeric() || character == '_');
    let names = text.split(word).filter(|name| name.starts_with("postern_"));
    names
        .map(|name| {
            let suffixes = ["_total", "_bucket", "_count", "_sum"];
            suffixes.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name)
        })
        .collect()
}

#[test]
fn dashboard_alerts_and_docs_name_existing_metrics() {
    let known: std::collections::BTreeSet<_> =
        MetricFamily::ALL.iter().map(|family| family.describe().name).collect();
    let dashboard = include_str!("../../../../examples/grafana/postern.json");
    let rules = include_str!("../../../../examples/prometheus/postern.rules.yml");
    let page = include_str!("../../../../docs/reference/metrics.md");
    for text in [dashboard, rules, page] {
        let unknown: Vec<_> = names_in(text).difference(&known).copied().collect();
        assert_eq!(unknown, [""; 0], "no such metrics");
    }
    assert_eq!(names_in(page), known, "docs/reference/metrics.md lists them all");
    assert_eq!(names_in(dashboard), known, "the dashboard shows them all");
}
