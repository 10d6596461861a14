//! The `OpenMetrics` text format, version 1.0.0.

use super::{
    family::{BOUNDS, Description, MetricFamily, MetricKind},
    messages::Totals,
};

/// The media type of the text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Counters that are shown before they were ever counted, so that the first count is an
/// increase from zero and an alarm sees it.
const FROM_ZERO: [(MetricFamily, &[&str]); 12] = [
    (MetricFamily::SignIns, &["success"]),
    (MetricFamily::SignIns, &["wrong_password"]),
    (MetricFamily::SignIns, &["unknown_login"]),
    (MetricFamily::Refreshes, &["rotate"]),
    (MetricFamily::Refreshes, &["late_retry"]),
    (MetricFamily::Refreshes, &["reuse"]),
    (MetricFamily::Refreshes, &["refresh_token_forged"]),
    (MetricFamily::Refreshes, &["refresh_token_ahead_of_state"]),
    (MetricFamily::Reuse, &[]),
    (MetricFamily::PasswordHashes, &["refused"]),
    (MetricFamily::EventsDropped, &["full"]),
    (MetricFamily::EventsDropped, &["unreachable"]),
];

/// A gauge's value, in thousandths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gauge {
    /// Its family.
    pub family: MetricFamily,
    /// The values of the family's labels.
    pub labels: Vec<String>,
    /// Thousandths of the unit: milliseconds, where the unit is seconds.
    pub thousandths: u64,
}

/// A series as it is stored: the family's name and its labels, as they stand in the text.
pub(crate) fn series_key(family: MetricFamily, values: &[&str]) -> String {
    let Description { name, labels, .. } = family.describe();
    let mut key = String::with_capacity(64);
    key.push_str(name);
    push_labels(&mut key, labels, values);
    key
}

fn push_labels(text: &mut String, labels: &[&str], values: &[&str]) {
    let mut separator = '{';
    for (label, value) in labels.iter().zip(values) {
        text.push(separator);
        text.push_str(label);
        text.push_str("=\"");
        for character in value.chars() {
            match character {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                other => text.push(other),
            }
        }
        text.push('"');
        separator = ',';
    }
    if separator == ',' {
        text.push('}');
    }
}

/// The text. Series of families that this program does not know are left out.
pub fn expose(totals: &Totals, gauges: &[Gauge]) -> String {
    let mut totals = totals.clone();
    for (family, values) in FROM_ZERO {
        let key = series_key(family, values);
        totals.entry(key).or_insert_with(|| vec![0]);
    }
    let mut text = String::with_capacity(8192);
    for family in MetricFamily::ALL {
        let Description { name, kind, help, .. } = family.describe();
        let kind_name = match kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        };
        for part in ["# TYPE ", name, " ", kind_name, "\n"] {
            text.push_str(part);
        }
        if name.ends_with("_seconds") {
            for part in ["# UNIT ", name, " seconds\n"] {
                text.push_str(part);
            }
        }
        for part in ["# HELP ", name, " ", help, "\n"] {
            text.push_str(part);
        }
        for gauge in gauges.iter().filter(|gauge| gauge.family == family) {
            let values: Vec<&str> = gauge.labels.iter().map(String::as_str).collect();
            let key = series_key(family, &values);
            sample(&mut text, &key, "", "", &thousandths(gauge.thousandths));
        }
        for (key, values) in totals.range(name.to_owned()..) {
            let Some(labels) = key.strip_prefix(name) else { break };
            // Another family whose name begins with this one's.
            if !(labels.is_empty() || labels.starts_with('{')) {
                continue;
            }
            if kind == MetricKind::Histogram {
                histogram(&mut text, key, values);
            } else {
                let value = values.first().copied().unwrap_or_default();
                sample(&mut text, key, "_total", "", &value.to_string());
            }
        }
    }
    text.push_str("# EOF\n");
    text
}

/// `NAME{LABELS}` as `NAME_SUFFIX{LABELS,MORE} VALUE`.
fn sample(text: &mut String, key: &str, suffix: &str, more: &str, value: &str) {
    let (name, labels) = key.split_at(key.find('{').unwrap_or(key.len()));
    text.push_str(name);
    text.push_str(suffix);
    if more.is_empty() {
        text.push_str(labels);
    } else {
        text.push_str(labels.strip_suffix('}').unwrap_or("{"));
        if !labels.is_empty() {
            text.push(',');
        }
        text.push_str(more);
        text.push('}');
    }
    text.push(' ');
    text.push_str(value);
    text.push('\n');
}

fn histogram(text: &mut String, key: &str, values: &[u64]) {
    let Some((sum, buckets)) = values.split_last() else { return };
    let mut count = 0_u64;
    for (index, bucket) in buckets.iter().enumerate() {
        count = count.saturating_add(*bucket);
        let bound = BOUNDS.get(index).map_or_else(|| "+Inf".to_owned(), |bound| thousandths((*bound).into()));
        sample(text, key, "_bucket", &["le=\"", &bound, "\""].concat(), &count.to_string());
    }
    sample(text, key, "_count", "", &count.to_string());
    sample(text, key, "_sum", "", &thousandths(*sum));
}

/// Thousandths as a decimal number. `OpenMetrics` wants a dot in the bounds of buckets.
fn thousandths(number: u64) -> String {
    let fraction = (number % 1000 + 1000).to_string();
    let fraction = fraction.get(1..).unwrap_or_default().trim_end_matches('0');
    let mut text = (number / 1000).to_string();
    text.push('.');
    text.push_str(if fraction.is_empty() { "0" } else { fraction });
    text
}
