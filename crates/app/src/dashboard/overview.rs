//! `/admin/ui/overview`: how the deployment is, and how it was in the last hour, day, or 30 days.

use postern_pages::dashboard::{Bars, Cell, Chart, Fact, LIVE, Link, Part, Screen, Table, live, spans};
use serde_json::Value;

use crate::{
    admin::{
        history::{self, AdminHistory},
        paging::Query,
    },
    auth::health::HealthChecks,
    dashboard::{
        desk::Desk,
        refused::{self, Refused, body_of},
        show::{Form, facts, rows, text},
    },
    http::Reply,
    keys::{KeyRingObject as _, messages::KeyState},
    metrics::{Bounds, LATENCY, Overview, Span},
    runtime::{Runtime, ports::Ports},
    web::error::ApiError,
};

/// The families that a page charts: title, name in the history, and the labels that are as they should be.
const CHARTS: [(&str, &str, &[&str]); 7] = [
    ("Sign-ins", "sign_ins", &["success"]),
    ("Refreshes", "refreshes", &["rotate", "retry", "late_retry"]),
    ("Requests at the gate", "gate_requests", &["forwarded", "answered"]),
    ("Refused access tokens", "access_refused", &[]),
    ("Upstream failures", "upstream_failures", &[]),
    ("Calls refused by limits", "throttled", &[]),
    ("Faults of components", "faults", &[]),
];

/// What the page about how the deployment is needs.
pub(super) struct OverviewPage<'r, P: Ports> {
    history: AdminHistory<'r, P>,
    health: HealthChecks<'r, P>,
    key_ring: &'r P::KeyRing,
}

impl<'r, P: Ports> OverviewPage<'r, P> {
    pub(super) fn of(runtime: &'r Runtime<P>) -> Self {
        Self {
            history: AdminHistory::of(runtime),
            health: HealthChecks::of(runtime),
            key_ring: runtime.ports.key_ring(),
        }
    }

    /// The page. A component that fails is a line on it, so that it helps while something is wrong.
    pub(super) async fn screen(&self, desk: &Desk<'_>, query: &Query) -> Result<Screen, Refused> {
        let span = history::span(query.value("span"))?;
        let mut state = self.state().await;
        state.push(self.calendar().await);
        let counted = match self.history.overview(span).await {
            Ok(overview) => charts(&overview),
            Err(ApiError::Fault(fault)) => vec![failed("The counters cannot be read", &fault)],
            Err(error) => vec![refused::alert(&Reply::from(&error))],
        };
        // As often as the isolates send their counts.
        let every = match span {
            Span::Hour => 10,
            Span::Day => 60,
            Span::Month => 300,
        };
        state.push(Part::Heading("What was counted".to_owned()));
        state.push(choice(desk, "/ui/overview", span, &Span::ALL));
        state.extend(counted);
        Ok(Screen { script: Some(LIVE), ..Screen::new("Overview", vec![live(&state, every)]) })
    }

    /// What `/readyz` has found.
    async fn state(&self) -> Vec<Part> {
        let report = body_of(&self.health.told().await);
        let is_well = |part: &Value| part.get("ok") == Some(&Value::Bool(true));
        let cell = |part: &Value| {
            if is_well(part) { Cell::Good("answers".to_owned()) } else { Cell::Bad("fails".to_owned()) }
        };
        let parts = rows(&report, "parts");
        let table = Table {
            caption: "Components".to_owned(),
            head: vec!["Component", "State"],
            rows: parts.iter().map(|part| vec![Cell::text(text(part, "part")), cell(part)]).collect(),
            empty: "The components could not be checked.",
        };
        let feed = report.get("revocation_feed").unwrap_or(&Value::Null);
        let failing = parts.iter().filter(|part| !is_well(part)).count();
        let heading = if parts.is_empty() || failing > 0 {
            Part::Alert {
                title: "Not every component answers".to_owned(),
                lines: vec!["The runbook has what to do for each.".to_owned()],
                code: String::new(),
            }
        } else {
            Part::Note("All components answer.".to_owned())
        };
        let columns = [
            ("age", "Revocation feed: age of this isolate's copy, s", Form::Text),
            ("kv_age", "Revocation feed: age of KV's copy, s", Form::Text),
            ("entries", "Revocation feed: entries", Form::Text),
            ("failed_writes", "Revocation feed: failed writes to KV", Form::Text),
        ];
        vec![heading, Part::Table(table), Part::Facts(facts(&columns, feed))]
    }

    /// The calendar of the signing keys.
    async fn calendar(&self) -> Part {
        let ring = match self.key_ring.overview().await {
            Ok(ring) => ring,
            Err(fault) => return failed("The signing keys cannot be read", &fault),
        };
        let mut calendar = Vec::new();
        let mut add = |name: &str, at: u64| {
            calendar.push(Fact { name: name.to_owned(), value: Cell::Time(at) });
        };
        for key in ring.keys {
            match key.state {
                KeyState::Active { since } => add("Signing key signs since (UTC)", since.seconds()),
                KeyState::Published { since } => add("Next key published since (UTC)", since.seconds()),
                KeyState::Retiring { .. } | KeyState::Retired { .. } => {}
            }
        }
        if let Some(at) = ring.rotate_at {
            add("Next key signs from (UTC)", at.seconds());
        }
        Part::Facts(calendar)
    }
}

/// The links to the same page over other spans.
pub(super) fn choice(desk: &Desk<'_>, below: &str, current: Span, all: &[Span]) -> Part {
    let link = |span: &Span| {
        let name = match span {
            Span::Hour => "Last hour",
            Span::Day => "Last day",
            Span::Month => "Last 30 days",
        };
        (Link::new(name, desk.around.link_with(below, &[("span", span.name())])), *span == current)
    };
    spans(&all.iter().rev().map(link).collect::<Vec<_>>())
}

/// The alert about a component that failed. The cause is for the log.
pub(super) fn failed(title: &str, fault: &crate::ports::Fault) -> Part {
    Part::Alert {
        title: title.to_owned(),
        lines: vec![["Failing: ", fault.part.name(), ". Try again."].concat()],
        code: "unavailable".to_owned(),
    }
}

fn charts(overview: &Overview) -> Vec<Part> {
    let mut parts = Vec::new();
    match overview.since() {
        None => parts.push(Part::Text("Nothing was counted in this time.".to_owned())),
        Some(since) if since > overview.starts_at() => parts.push(Part::Facts(vec![Fact {
            name: "Counted since (UTC)".to_owned(),
            value: Cell::Time(since),
        }])),
        Some(_) => {}
    }
    for (title, family, good) in CHARTS {
        let Some(table) = by_label(overview, title, family) else {
            parts.push(Part::Text([title, ": none."].concat()));
            continue;
        };
        parts.push(chart(overview, title, family, good).part());
        if family == "refreshes" {
            let stolen = overview.sum("reuse_detected", None);
            let value = stolen.to_string();
            parts.push(Part::Facts(vec![Fact {
                name: "Reuse of refresh tokens detected".to_owned(),
                value: if stolen > 0 { Cell::Bad(value) } else { Cell::Good(value) },
            }]));
        }
        parts.push(table);
    }
    parts.push(latency(overview));
    parts
}

/// Good and bad labels of a family, over time.
fn chart(overview: &Overview, title: &'static str, family: &str, good: &[&str]) -> Chart {
    let count = usize::try_from(overview.span().buckets()).unwrap_or_default();
    let (mut fine, mut wrong) = (vec![0_u64; count], vec![0_u64; count]);
    for (label, values) in overview.lines(family) {
        let line = if good.contains(&label) { &mut fine } else { &mut wrong };
        for (sum, value) in line.iter_mut().zip(values) {
            *sum = sum.saturating_add(*value);
        }
    }
    let mut bars = Vec::new();
    if !good.is_empty() {
        bars.push(Bars { name: "as they should be", is_bad: false, values: fine });
    }
    bars.push(Bars { name: "refused or failed", is_bad: true, values: wrong });
    Chart { title, starts_at: overview.starts_at(), step: overview.span().step(), bars, unit: None }
}

/// The sums of a family by label.
fn by_label(overview: &Overview, title: &str, family: &str) -> Option<Part> {
    let mut rows = Vec::new();
    for (label, _) in overview.lines(family) {
        let sum = overview.sum(family, Some(label));
        rows.push(vec![Cell::Code(label.to_owned()), Cell::Text(sum.to_string())]);
    }
    let caption = [title, " by result or cause"].concat();
    let table = Table { caption, head: vec!["Result or cause", "Number"], rows, empty: "" };
    (!table.rows.is_empty()).then_some(Part::Table(table))
}

/// How long objects took to answer.
fn latency(overview: &Overview) -> Part {
    let bound = |bound: Option<u32>| {
        Cell::Text(bound.map_or_else(|| "more than 5000".to_owned(), |bound| bound.to_string()))
    };
    let mut rows = Vec::new();
    for (object, _) in overview.lines(LATENCY) {
        let Bounds { calls, p50, p95 } = overview.latency_of(object);
        rows.push(vec![Cell::Code(object.to_owned()), Cell::Text(calls.to_string()), bound(p50), bound(p95)]);
    }
    Part::Table(Table {
        caption: "Time that Durable Objects took to answer: bounds of the histogram, in ms".to_owned(),
        head: vec!["Object", "Calls", "Half within", "95 of 100 within"],
        rows,
        empty: "No Durable Object was called in this time.",
    })
}
