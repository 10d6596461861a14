//! What a command has to say: the same values as JSON for programs and as text for people.

use std::fmt::Write as _;

use postern_app::time::Timestamp;
use serde_json::Value;

/// A command's result.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    value: Value,
    form: Form,
    /// Whether something was found wrong, though the command did its work.
    wrong: bool,
    /// What a person reads below it.
    notes: Vec<String>,
}

#[derive(Debug, Clone)]
enum Form {
    /// Lines for a person.
    Lines(Vec<String>),
    /// Nothing: the command printed as it went.
    Printed,
    /// The objects of the value's list of this name, one a line.
    Table { list: &'static str, columns: Vec<Column> },
}

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    pub(crate) title: &'static str,
    /// The member of the row's object.
    pub(crate) member: &'static str,
    pub(crate) shown: Shown,
}

/// How a member is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// As it is.
    Plain,
    /// Seconds since 1970, as how long ago or how far ahead.
    Time,
}

impl Report {
    /// A value, and what a person reads of it.
    pub(crate) fn lines(value: Value, lines: impl IntoIterator<Item = String>) -> Self {
        Self { value, form: Form::Lines(lines.into_iter().collect()), wrong: false, notes: Vec::new() }
    }

    /// A value whose member `list` is a list of objects.
    pub(crate) fn table(value: Value, list: &'static str, columns: &[Column]) -> Self {
        Self { value, form: Form::Table { list, columns: columns.to_vec() }, wrong: false, notes: Vec::new() }
    }

    /// Nothing is left to print.
    pub(crate) const fn printed() -> Self {
        Self { value: Value::Null, form: Form::Printed, wrong: false, notes: Vec::new() }
    }

    /// What is said, as JSON and in lines, for a part of another report.
    pub(crate) fn into_parts(self) -> (Value, Vec<String>) {
        match self.form {
            Form::Lines(lines) => (self.value, lines),
            Form::Printed | Form::Table { .. } => (self.value, Vec::new()),
        }
    }

    /// A line below all others, for people.
    pub(crate) fn with_note(mut self, note: Option<String>) -> Self {
        self.notes.extend(note);
        self
    }

    /// The command did its work and found something wrong: exit code 1.
    pub(crate) fn found_wrong(self) -> Self {
        Self { wrong: true, ..self }
    }

    pub(crate) fn exit_code(&self) -> u8 {
        u8::from(self.wrong)
    }

    pub(crate) fn to_json(&self) -> String {
        match self.form {
            Form::Printed => String::new(),
            _ => format!("{:#}\n", self.value),
        }
    }

    pub(crate) fn to_text(&self, now: Timestamp) -> String {
        let listed =
            |lines: &[String]| -> String { lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect() };
        let text = match &self.form {
            Form::Printed => String::new(),
            Form::Lines(lines) => listed(lines),
            Form::Table { list, columns } => {
                let rows =
                    self.value.get(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                table(rows, columns, now)
            }
        };
        text + &listed(&self.notes)
    }
}

fn table(rows: &[Value], columns: &[Column], now: Timestamp) -> String {
    if rows.is_empty() {
        return "none\n".to_owned();
    }
    let head = columns.iter().map(|column| column.title.to_owned()).collect();
    let body = rows.iter().map(|row| columns.iter().map(|column| cell(row, *column, now)).collect());
    let lines: Vec<Vec<String>> = core::iter::once(head).chain(body).collect();
    let width =
        |index: usize| lines.iter().filter_map(|line| line.get(index)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns.len()).map(|index| width(index).unwrap_or_default()).collect();
    let mut text = String::new();
    for line in lines {
        let mut padded = String::new();
        for (cell, width) in line.iter().zip(&widths) {
            let _ = write!(padded, "{cell:<width$}  ");
        }
        text.push_str(padded.trim_end());
        text.push('\n');
    }
    text
}

fn cell(row: &Value, column: Column, now: Timestamp) -> String {
    match row.get(column.member) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::Number(number)) if column.shown == Shown::Time => number
            .as_u64()
            .map_or_else(|| number.to_string(), |at| relative(Timestamp::from_seconds(at), now)),
        Some(value) => Some(plain(value)).filter(|text| !text.is_empty()).unwrap_or_else(|| "-".to_owned()),
    }
}

/// A value on a terminal. What users chose is in here: no control character may reach the
/// terminal, where it could rewrite what the operator reads.
pub(crate) fn plain(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    };
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// A number of things: `1 route`, `2 routes`.
pub(crate) fn counted(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// How long ago, or in how long.
pub(crate) fn relative(at: Timestamp, now: Timestamp) -> String {
    if at > now { format!("in {}", span(at.since(now))) } else { format!("{} ago", span(now.since(at))) }
}

/// A duration in its two largest units.
pub(crate) fn span(duration: core::time::Duration) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let mut rest = duration.as_secs();
    let mut parts = Vec::new();
    for (seconds, unit) in UNITS {
        if rest >= seconds && parts.len() < 2 {
            parts.push(format!("{} {unit}", rest / seconds));
            rest %= seconds;
        } else if !parts.is_empty() {
            break;
        }
    }
    if parts.is_empty() { "0 s".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;
    use serde_json::json;

    #[test]
    fn a_table_is_aligned_and_shows_times_relative_to_now() {
        let value = json!({ "keys": [{ "kid": "abc", "since": 940 }, { "kid": "d", "since": 4600 }] });
        let columns = [
            Column { title: "KID", member: "kid", shown: Shown::Plain },
            Column { title: "SINCE", member: "since", shown: Shown::Time },
            Column { title: "X", member: "x", shown: Shown::Plain },
        ];
        let text = Report::table(value, "keys", &columns).to_text(Timestamp::from_seconds(1000));
        assert_eq!(text, "KID  SINCE      X\nabc  1 min ago  -\nd    in 1 h     -\n");
    }

    #[test]
    fn a_device_name_cannot_write_to_the_operators_terminal() {
        assert_eq!(plain(&json!("a\u{1b}[2Jb\n")), "a\u{fffd}[2Jb\u{fffd}");
    }

    #[test]
    fn durations_are_told_in_their_two_largest_units() {
        assert_eq!(span(Duration::from_secs(90_061)), "1 d 1 h");
        assert_eq!(span(Duration::from_secs(86_401)), "1 d");
        assert_eq!(span(Duration::from_secs(59)), "59 s");
        assert_eq!(span(Duration::ZERO), "0 s");
    }
}
