//! `/admin/ui/limits`: the limits and locks of a login or of an address.

use postern_pages::dashboard::{Cell, Entry, Part, Screen, Search};
use serde_json::Value;

use crate::{
    admin::paging::Query,
    dashboard::{
        change::asking,
        desk::Desk,
        show::{Column, Form, rows, table, text},
    },
};

const ROW: &[Column] = &[
    ("whose", "Whose", Form::Text),
    ("failures", "Failures", Form::Text),
    ("locked_until", "Locked until (UTC)", Form::Time),
    ("forgotten_at", "Forgotten at (UTC)", Form::Time),
    ("tightened_until", "Tightened until (UTC)", Form::Time),
];

pub(super) fn limits(desk: &Desk<'_>, query: &Query, answer: &Value) -> Screen {
    let value = |name: &'static str| query.value(name).unwrap_or_default();
    let search = |name, field, label| {
        Part::Search(Search {
            name,
            action: desk.around.link("/ui/limits"),
            entries: vec![Entry::text(field, label, value(field))],
            button: "Look up",
        })
    };
    let mut parts =
        vec![search("Look up a login", "login", "Login"), search("Look up an address", "ip", "IP address")];
    if !answer.is_null() {
        let about = if value("login").is_empty() { "ip" } else { "login" };
        parts.extend(throttle(desk, answer, (about, value(about))));
    }
    Screen::new("Limits and locks", parts)
}

/// What is known of the limits of a login or of an address, and how they are cleared.
pub(super) fn throttle(desk: &Desk<'_>, answer: &Value, (name, value): (&'static str, &str)) -> Vec<Part> {
    let mut limits = table(
        &["Of ", text(answer, "of")].concat(),
        ROW,
        rows(answer, "rows"),
        "No failure and no used limit is known.",
        &|row, cells| {
            let used = rows(row, "buckets").iter().map(|bucket| {
                let left = bucket.get("left").map(Value::to_string).unwrap_or_default();
                Cell::Text([text(bucket, "limit"), ": ", &left, " left"].concat())
            });
            let used: Vec<Cell> = used.collect();
            cells.push(if used.is_empty() { Cell::Nothing } else { Cell::Several(used) });
        },
    );
    limits.head.push("Used limits");
    let is_empty = limits.rows.is_empty();
    let mut parts = vec![Part::Table(limits)];
    if !is_empty {
        parts.push(Part::Actions(vec![asking(
            desk,
            "throttle_clear",
            "Clear limits and locks",
            value,
            &[(name, value)],
        )]));
    }
    parts
}
