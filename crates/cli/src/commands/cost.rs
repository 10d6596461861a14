//! `postern cost`.

use postern_app::billing::{Amounts, Estimate, Line, PLAN_MICROS, READ_ON, dollars, percent};
use serde_json::{Value, json};

use crate::{
    context::Context,
    failure::Failure,
    report::{Report, plain, span},
};

/// What the deployment's own counters cost at today's prices, and which limit comes first.
#[derive(Debug, clap::Args)]
pub(crate) struct Cost {
    /// Take the rate of the last day or of the last 30 days
    #[arg(long, value_name = "SPAN", default_value = "month", value_parser = ["day", "month"])]
    span: String,
}

pub(crate) fn run(asked: &Cost, context: &Context) -> Result<Report, Failure> {
    let history = context.admin()?.admin("GET", &format!("/history?span={}", asked.span), None)?;
    let Some(since) = history.get("counted_since").and_then(Value::as_u64) else {
        let value = report(&Estimate::new(Amounts::default(), 0), 0).into_parts().0;
        return Ok(Report::lines(
            value,
            ["nothing was counted yet: repeat it after some requests".to_owned()],
        ));
    };
    let seconds = context.now().seconds().saturating_sub(since);
    Ok(report(&Estimate::new(amounts(&history), seconds), seconds))
}

/// What the history counted.
fn amounts(history: &Value) -> Amounts {
    let sum = |line: &Value| line.as_array().into_iter().flatten().filter_map(Value::as_u64).sum::<u64>();
    let counted =
        |family: &str, label: &str| history.pointer(&format!("/counts/{family}/{label}")).map_or(0, sum);
    let gate = history.pointer("/counts/gate_requests").and_then(Value::as_object);
    let gate = gate.into_iter().flat_map(|lines| lines.values()).map(sum).sum();
    Amounts::counted(gate, counted("password_hashes", "admitted"), |unit| counted("usage", unit))
}

fn report(estimate: &Estimate, seconds: u64) -> Report {
    let lines: Vec<Value> = estimate.lines.iter().map(line).collect();
    let (free, paid) = (estimate.first_free_limit(), estimate.first_included());
    let name = |line: Option<&Line>| line.map(|line| line.price.name);
    let value = json!({
        "prices_read_on": READ_ON,
        "counted_seconds": seconds,
        "lines": lines,
        "plan_dollars": decimal(PLAN_MICROS),
        "month_dollars": decimal(estimate.total_micros()),
        "first_limit": { "free": name(free), "paid": name(paid) },
    });
    let mut rows =
        vec![["", "A DAY", "OF FREE LIMIT", "A MONTH", "OF INCLUDED", "DOLLARS"].map(str::to_owned)];
    rows.extend(estimate.lines.iter().map(|line| {
        [
            line.title(),
            line.in_unit(line.a_day).to_string(),
            line.of_free_limit().map_or_else(|| "-".to_owned(), percent),
            line.in_unit(line.a_month).to_string(),
            percent(line.of_included()),
            dollars(line.micros),
        ]
    }));
    let mut text = aligned(&rows);
    text.push(format!("the paid plan: {}", dollars(PLAN_MICROS)));
    text.push(format!("a month in all: {}", dollars(estimate.total_micros())));
    text.push(String::new());
    text.extend(estimate.words());
    text.push(format!("Counted for {}.", span(core::time::Duration::from_secs(seconds))));
    Report::lines(value, text)
}

fn line(line: &Line) -> Value {
    let scaled = |amount: u64| line.in_unit(amount);
    json!({
        "item": line.price.name,
        "day": scaled(line.a_day),
        "month": scaled(line.a_month),
        "included_in_month": line.price.included / line.price.divisor,
        "free_limit_a_day": line.price.free_a_day.map(|limit| limit / line.price.divisor),
        "dollars": decimal(line.micros),
        "estimated": line.price.estimated,
        "used_up_on_day": line.used_up_on(),
        "free_limit_reached_after_seconds": line.reached_after(),
        "source": line.price.source,
    })
}

/// Millionths of a dollar as a number with a decimal point, for programs.
fn decimal(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

/// The rows with their columns below each other, numbers to the right.
fn aligned<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let widths: [usize; N] = core::array::from_fn(|column| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    });
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| match column {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        plain(&Value::String(cells.collect::<Vec<_>>().join("  ")))
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use postern_app::time::Timestamp;

    #[test]
    fn a_report_names_the_first_limit_and_the_sum() {
        let history = json!({"counts": {
            "gate_requests": {"forwarded": [30_000, 60_000], "unauthenticated": [20_000]},
            "usage": {"own_requests": [10_000], "kv_reads": [500], "object_requests": [1000]},
        }});
        let report = report(&Estimate::new(amounts(&history), 86_400), 86_400);
        let value: Value = serde_json::from_str(&report.to_json()).unwrap();
        assert_eq!(value["lines"][0]["day"], 120_000);
        assert_eq!(value["lines"][0]["month"], 3_600_000);
        assert_eq!(value["first_limit"]["free"], "requests");
        assert_eq!(value["lines"][3]["day"], 2, "GB-s, rounded up");
        assert_eq!(value["month_dollars"], "5.000000");
        let text = report.to_text(Timestamp::from_seconds(0));
        assert!(
            text.contains("the first limit is Worker requests, reached every day at about 20:00 UTC"),
            "{text}"
        );
        assert!(text.contains("with 2.7 times the traffic"), "{text}");
        assert!(text.contains("a month in all: $5.00"), "{text}");
        assert!(!text.contains("Less than a day"), "{text}");
    }

    #[test]
    fn nothing_that_was_counted_costs_the_plan() {
        let report = report(&Estimate::new(amounts(&json!({})), 3600), 3600);
        let text = report.to_text(Timestamp::from_seconds(0));
        assert!(text.contains("no daily limit is near") && text.contains("in all: $5.00"), "{text}");
        assert!(text.contains("Less than a day was counted"), "{text}");
    }
}
