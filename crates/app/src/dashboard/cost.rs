//! `/admin/ui/cost`: what the deployment's own counters cost, and which limit comes first.

use postern_pages::dashboard::{Cell, Fact, Part, Screen, Table};

use crate::{
    admin::{
        history::{self, AdminHistory},
        paging::Query,
    },
    billing::{Amounts, Estimate, Line, PLAN_MICROS, dollars, percent},
    dashboard::{desk::Desk, overview::choice, refused::Refused},
    metrics::{Overview, Span},
    ports::Clock as _,
    runtime::{Runtime, ports::Ports},
};

/// What the page about cost needs.
pub(super) struct CostPage<'r, P: Ports> {
    history: AdminHistory<'r, P>,
    platform: &'r P::Platform,
}

impl<'r, P: Ports> CostPage<'r, P> {
    pub(super) fn of(runtime: &'r Runtime<P>) -> Self {
        Self { history: AdminHistory::of(runtime), platform: runtime.ports.platform() }
    }

    /// The page: the same estimate as `postern cost`.
    pub(super) async fn screen(&self, desk: &Desk<'_>, query: &Query) -> Result<Screen, Refused> {
        let span = history::span(Some(query.value("span").unwrap_or(Span::Month.name())))?;
        let overview = self.history.overview(span).await?;
        let mut parts = vec![choice(desk, "/ui/cost", span, &Span::ALL)];
        match overview.since() {
            None => parts.push(Part::Text("Nothing was counted in this time.".to_owned())),
            Some(since) => {
                let seconds = self.platform.now().seconds().saturating_sub(since);
                parts.extend(report(&Estimate::new(amounts(&overview), seconds), since));
            }
        }
        Ok(Screen::new("Cost", parts))
    }
}

fn amounts(overview: &Overview) -> Amounts {
    let hashes = overview.sum("password_hashes", Some("admitted"));
    Amounts::counted(overview.sum("gate_requests", None), hashes, |unit| overview.sum("usage", Some(unit)))
}

fn report(estimate: &Estimate, since: u64) -> Vec<Part> {
    let [free, paid, what] = estimate.words();
    let fact = |name: &str, value| Fact { name: name.to_owned(), value };
    vec![
        Part::Facts(vec![
            fact("A month in all", Cell::Text(dollars(estimate.total_micros()))),
            fact("Of that the paid plan", Cell::Text(dollars(PLAN_MICROS))),
            fact("Counted since (UTC)", Cell::Time(since)),
        ]),
        Part::Text(free),
        Part::Text(paid),
        Part::Table(Table {
            caption: "At the present rate".to_owned(),
            head: vec![
                "Billed",
                "A day",
                "Of the free plan's limit",
                "30 days",
                "Of what is included",
                "Dollars",
            ],
            rows: estimate.lines.iter().map(row).collect(),
            empty: "",
        }),
        Part::Text(what),
    ]
}

fn row(line: &Line) -> Vec<Cell> {
    let limit = line.of_free_limit();
    vec![
        Cell::Text(line.title()),
        Cell::Text(line.in_unit(line.a_day).to_string()),
        match limit {
            Some(part) if part >= 1000 => Cell::Bad(percent(part)),
            Some(part) => Cell::Text(percent(part)),
            None => Cell::Nothing,
        },
        Cell::Text(line.in_unit(line.a_month).to_string()),
        Cell::Text(percent(line.of_included())),
        Cell::Text(dollars(line.micros)),
    ]
}
