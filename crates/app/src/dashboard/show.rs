//! Writes the JSON answers of the administrators' API down as cells, facts and tables.

use postern_pages::dashboard::{Cell, Fact, Link, Part, Table};
use serde_json::Value;

use crate::dashboard::desk::Desk;

/// How a member is written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// A text, a number, or a list of them.
    Text,
    /// An id or a name, as programs write it.
    Code,
    /// A time in seconds since 1970.
    Time,
}

/// A member of an object, as a column or a fact.
pub(super) type Column = (&'static str, &'static str, Form);

/// The value of a member as it is written.
pub(super) fn cell(form: Form, value: &Value) -> Cell {
    match (form, value) {
        (_, Value::Null) => Cell::Nothing,
        (Form::Time, Value::Number(number)) => number.as_u64().map_or(Cell::Nothing, Cell::Time),
        (Form::Code, Value::String(text)) if !text.is_empty() => Cell::Code(text.clone()),
        (_, Value::String(text)) => Cell::text(text),
        (_, Value::Bool(yes)) => Cell::text(if *yes { "yes" } else { "no" }),
        (_, Value::Array(values)) if values.is_empty() => Cell::Nothing,
        (_, Value::Array(values)) => Cell::Several(values.iter().map(|value| cell(form, value)).collect()),
        (_, other) => Cell::Code(other.to_string()),
    }
}

/// The cells of a row in the order of the columns.
pub(super) fn cells(columns: &[Column], row: &Value) -> Vec<Cell> {
    let of = |(name, _, form): &Column| row.get(name).map_or(Cell::Nothing, |value| cell(*form, value));
    columns.iter().map(of).collect()
}

/// The names of the columns.
pub(super) fn head(columns: &[Column]) -> Vec<&'static str> {
    columns.iter().map(|(_, title, _)| *title).collect()
}

/// A table of these columns, one row for each object.
pub(super) fn table(
    caption: &str,
    columns: &[Column],
    rows: &[Value],
    empty: &'static str,
    more: &dyn Fn(&Value, &mut Vec<Cell>),
) -> Table {
    let row = |row: &Value| {
        let mut cells = cells(columns, row);
        more(row, &mut cells);
        cells
    };
    Table { caption: caption.to_owned(), head: head(columns), rows: rows.iter().map(row).collect(), empty }
}

/// The members of an object as facts, in the order of the columns.
pub(super) fn facts(columns: &[Column], object: &Value) -> Vec<Fact> {
    let cells = cells(columns, object);
    columns.iter().zip(cells).map(|((_, name, _), value)| Fact { name: (*name).to_owned(), value }).collect()
}

/// Every member of an answer: its name with spaces, and a time where the name says so.
pub(super) fn answer(object: &Value) -> Part {
    let form = |name: &str| if name.ends_with("_at") { Form::Time } else { Form::Code };
    let members = object.as_object().into_iter().flatten();
    let fact = |(name, value): (&String, &Value)| Fact {
        name: name.replace('_', " "),
        value: cell(form(name), value),
    };
    Part::Facts(members.map(fact).collect())
}

/// The text of a member.
pub(super) fn text<'v>(object: &'v Value, name: &str) -> &'v str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The rows of a list.
pub(super) fn rows<'v>(answer: &'v Value, name: &str) -> &'v [Value] {
    answer.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Whether a user or a client is disabled.
pub(super) fn is_disabled(object: &Value) -> bool {
    object.get("disabled").and_then(Value::as_bool) == Some(true)
}

/// The state of a user or of a client.
pub(super) fn state(object: &Value) -> Cell {
    if is_disabled(object) { Cell::Bad("disabled".to_owned()) } else { Cell::Good("enabled".to_owned()) }
}

/// The link to the next page of a list, with the search that it is a page of.
pub(super) fn next(desk: &Desk<'_>, answer: &Value, below: &str, search: (&str, &str)) -> Part {
    let next = text(answer, "next");
    let link = || Link::new("Next page", desk.around.link_with(below, &[search, ("after", next)]));
    Part::Pages(if next.is_empty() { Vec::new() } else { vec![link()] })
}
