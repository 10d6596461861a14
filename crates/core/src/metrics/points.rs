//! Counts as data points of Workers Analytics Engine: `index1` and `blob1` are the name as in
//! `/metrics`, `blob2` and `blob3` the values of the labels, `double1` the count. A histogram has
//! its sum in seconds as `double2`, and how many fell into each bucket after it.

use core::cell::RefCell;

use serde_json::{Value, json};

use super::{family::HISTOGRAM_VALUES, messages::add_values};

/// The platform takes 250 from one invocation; some are left for who else may write.
const MAX_POINTS: usize = 200;

/// Counts that wait for their turn, oldest first. Never more than there are series.
#[derive(Debug, Default)]
pub(super) struct Points(RefCell<Vec<(String, Vec<u64>)>>);

impl Points {
    /// Adds what was counted; gives what is to be written now, as JSON.
    pub(super) fn next(&self, counts: Vec<(String, Vec<u64>)>) -> Vec<String> {
        let mut waiting = self.0.borrow_mut();
        for (series, values) in counts {
            match waiting.iter_mut().find(|(known, _)| *known == series) {
                Some((_, sum)) => add_values(sum, &values),
                None => waiting.push((series, values)),
            }
        }
        let count = waiting.len().min(MAX_POINTS);
        waiting.drain(..count).map(|(series, values)| point(&series, &values)).collect()
    }
}

fn point(series: &str, values: &[u64]) -> String {
    let (name, labels) = series.split_at(series.find('{').unwrap_or(series.len()));
    let histogram = values.len() == HISTOGRAM_VALUES;
    let name = if histogram { name.to_owned() } else { [name, "_total"].concat() };
    let mut blobs = vec![Value::from(name.as_str())];
    blobs.extend(label_values(labels).into_iter().map(Value::from));
    let doubles = match values.split_last() {
        Some((sum, buckets)) if histogram => {
            let count = buckets.iter().copied().fold(0_u64, u64::saturating_add);
            let mut doubles = vec![Value::from(count), Value::from(Seconds(*sum).decimal())];
            doubles.extend(buckets.iter().copied().map(Value::from));
            doubles
        }
        _ => values.iter().copied().map(Value::from).collect(),
    };
    postern_jose::json::write(&json!({ "indexes": [name], "blobs": blobs, "doubles": doubles }))
        .unwrap_or_default()
}

/// Milliseconds.
struct Seconds(u64);

impl Seconds {
    #[expect(clippy::cast_precision_loss, reason = "a sum of milliseconds beyond 2^53 is 285 000 years")]
    fn decimal(&self) -> f64 {
        self.0 as f64 / 1000.0
    }
}

/// What stands between the quotes of `{a="x",b="y"}`, in the escapes of the text format.
pub(super) fn label_values(labels: &str) -> Vec<String> {
    let mut values = Vec::new();
    let mut characters = labels.chars();
    while characters.by_ref().any(|character| character == '"') {
        let mut value = String::new();
        while let Some(character) = characters.next() {
            match character {
                '"' => break,
                '\\' => match characters.next() {
                    Some('n') => value.push('\n'),
                    Some(other) => value.push(other),
                    None => {}
                },
                other => value.push(other),
            }
        }
        values.push(value);
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{MetricFamily, text::series_key};

    #[test]
    fn data_point_format_unchanged() {
        let points = Points::default();
        let route = series_key(MetricFamily::GateRequests, &["a \"b\\c\"\n,d", "forwarded"]);
        let latency = series_key(MetricFamily::ObjectLatency, &["account"]);
        let mut values = vec![0; HISTOGRAM_VALUES];
        values[2] = 7;
        values[HISTOGRAM_VALUES - 1] = 1500;
        let written = points.next(vec![
            (route, vec![3]),
            ("postern_reuse_detected".into(), vec![1]),
            (latency, values),
        ]);
        let written: Vec<Value> = written.iter().map(|point| serde_json::from_str(point).unwrap()).collect();
        let gate = "postern_gate_requests_total";
        assert_eq!(
            written[0],
            json!({"indexes": [gate], "blobs": [gate, "a \"b\\c\"\n,d", "forwarded"], "doubles": [3]})
        );
        let reuse = "postern_reuse_detected_total";
        assert_eq!(written[1], json!({"indexes": [reuse], "blobs": [reuse], "doubles": [1]}));
        assert_eq!(written[2]["blobs"], json!(["postern_object_latency_seconds", "account"]));
        assert_eq!(written[2]["doubles"], json!([7, 1.5, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
    }

    // Nothing is lost.
    #[test]
    fn many_routes_are_written_over_several_flushes() {
        let points = Points::default();
        let counts =
            || (0..450).map(|number| (format!("postern_x{{a=\"{number}\"}}"), vec![1])).collect::<Vec<_>>();
        let mut written = [points.next(counts()), points.next(counts())].concat();
        assert_eq!(written.len(), 400);
        while let more @ [_, ..] = points.next(Vec::new()).as_slice() {
            written.extend_from_slice(more);
        }
        let sum: u64 = written
            .iter()
            .map(|point| serde_json::from_str::<Value>(point).unwrap()["doubles"][0].as_u64().unwrap())
            .sum();
        assert_eq!(sum, 900);
    }
}
