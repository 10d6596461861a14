//! `/admin/ui/routes`: the table in force, and which route decides a request.

use postern_pages::dashboard::{Entry, EntryKind, Part, Screen, Search};
use serde_json::Value;

use crate::{
    admin::paging::Query,
    dashboard::{
        desk::Desk,
        show::{Column, Form, facts, rows, table},
    },
};

const ROUTE: &[Column] = &[
    ("name", "Route", Form::Code),
    ("host", "Host", Form::Code),
    ("path", "Path", Form::Code),
    ("methods", "Methods", Form::Code),
    ("access", "Access", Form::Text),
    ("requires", "Requires", Form::Text),
    ("upstream", "Upstream", Form::Code),
];

const PASSED: &[Column] =
    &[("name", "Route", Form::Code), ("number", "Number", Form::Text), ("why", "Why not", Form::Text)];

const EXPLAINED: &[Column] = &[
    ("answer", "Answer", Form::Text),
    ("why", "Why", Form::Text),
    ("path", "Path in its normal form", Form::Code),
];

const DECIDING: &[Column] = &[("name", "Route", Form::Code), ("number", "Number", Form::Text)];

/// The methods that the form offers.
const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

pub(super) fn routes(desk: &Desk<'_>, query: &Query, answer: &Value) -> Screen {
    let value = |name| query.value(name).unwrap_or_default().to_owned();
    let (method, url) = (value("method"), value("url"));
    let choices = METHODS.map(|method| (method, method)).to_vec();
    let kind = EntryKind::Choice(choices);
    let mut address = Entry::text("url", "URL", &url);
    address.hint = "With scheme and host, such as https://api.example.com/orders/1";
    let search = Search {
        name: "Explain a request",
        action: desk.around.link("/ui/routes"),
        entries: vec![Entry { kind, ..Entry::text("method", "Method", &method) }, address],
        button: "Explain",
    };
    let mut parts = vec![Part::Search(search)];
    let told = answer.get("explanation").unwrap_or(&Value::Null);
    if !told.is_null() {
        parts.push(Part::Heading("This request without an access token".to_owned()));
        let mut known = facts(EXPLAINED, told);
        if let Some(route) = told.get("route") {
            known.extend(facts(DECIDING, route));
        }
        parts.push(Part::Facts(known));
        let passed = table(
            "Routes before it, which do not match",
            PASSED,
            rows(told, "passed_over"),
            "No route was passed over.",
            &|_, _| {},
        );
        parts.push(Part::Table(passed));
    }
    parts.push(Part::Heading("The table in force here".to_owned()));
    let routes = table(
        "Routes in their order: the first match decides",
        ROUTE,
        rows(answer, "routes"),
        "The table has no route.",
        &|_, _| {},
    );
    parts.push(Part::Table(routes));
    Screen::new("Routes", parts)
}
