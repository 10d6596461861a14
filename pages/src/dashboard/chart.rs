//! Charts, drawn as SVG on the server.
//!
//! A chart needs no eye for colours and no script. It has a caption with the sums, the drawing, and
//! the same numbers as a table, which opens below it.

use core::fmt::Write as _;

use maud::{Markup, html};

use super::{
    part::{Drawing, Link, Part},
    time::time,
};

/// The drawing's size in its own units. The page stretches it.
const WIDTH: usize = 600;
const HEIGHT: u64 = 100;

/// How many rows the table has at most. Each is the sum, or the largest value, of several bars.
const ROWS: usize = 12;

/// A line of a chart: its name, and a value for each bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bars {
    /// What is counted.
    pub name: &'static str,
    /// Whether an operator should look at what is counted.
    pub is_bad: bool,
    /// The values, oldest first.
    pub values: Vec<u64>,
}

/// A chart over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    /// What it shows.
    pub title: &'static str,
    /// When the first bar began, in seconds since 1970.
    pub starts_at: u64,
    /// The time of one bar in seconds.
    pub step: u64,
    /// The lines, each stacked on the one before.
    pub bars: Vec<Bars>,
    /// The unit, where the values are no counts. Several of them then make the largest, and not the sum.
    pub unit: Option<&'static str>,
}

impl Chart {
    /// The chart as a part of a page.
    pub fn part(&self) -> Part {
        Part::Drawing(Drawing(self.render().into_string()))
    }

    fn together(&self, values: &[u64]) -> u64 {
        let values = values.iter().copied();
        if self.unit.is_some() {
            values.max().unwrap_or_default()
        } else {
            values.fold(0, u64::saturating_add)
        }
    }

    /// The mark of a line's name, which is that of its bars. What did not happen is not bad.
    fn mark(&self, bars: &Bars) -> Option<&'static str> {
        let some = self.together(&bars.values) > 0;
        if bars.is_bad { some.then_some("bad") } else { Some("good") }
    }

    fn render(&self) -> Markup {
        let count = self.bars.first().map_or(0, |bars| bars.values.len());
        let until = |index: usize| {
            self.starts_at.saturating_add(u64::try_from(index).unwrap_or_default().saturating_mul(self.step))
        };
        let heights = |index: usize| self.bars.iter().filter_map(move |bars| bars.values.get(index).copied());
        let top =
            (0..count).map(|index| heights(index).fold(0, u64::saturating_add)).max().unwrap_or_default();
        let most = match self.unit {
            Some(unit) => [" At most ", &top.to_string(), unit, "."].concat(),
            None => [" At most ", &top.to_string(), " in ", span(self.step), "."].concat(),
        };
        let rows = count.div_ceil(ROWS).max(1);
        html! {
            figure.chart {
                figcaption {
                    strong { (self.title) } ": "
                    @for (number, bars) in self.bars.iter().enumerate() {
                        @if number > 0 { ", " }
                        span class=[self.mark(bars)] {
                            (self.together(&bars.values)) (self.unit.unwrap_or(" ")) @if self.unit.is_some() { " " } (bars.name)
                        }
                    }
                    "." (most)
                }
                svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" role="img"
                    aria-label={ (self.title) " over time, as in the table below" } {
                    @for (number, bars) in self.bars.iter().enumerate() {
                        path class=(if bars.is_bad { "wrong" } else { "fine" }) d=(self.path(number, top, count)) {}
                    }
                }
                p.axis { (time(until(0))) " " (time(until(count))) }
                details {
                    summary { "Numbers" span.unseen { " of " (self.title) } }
                    table {
                        caption { (self.title) ", each row " (span(self.step.saturating_mul(u64::try_from(rows).unwrap_or(1)))) }
                        thead { tr { th scope="col" { "From (UTC)" } @for bars in &self.bars { th scope="col" { (bars.name) } } } }
                        tbody {
                            @for first in (0..count).step_by(rows) {
                                tr {
                                    th scope="row" data-name="From (UTC)" { (time(until(first))) }
                                    @for bars in &self.bars {
                                        @let values = bars.values.get(first..count.min(first.saturating_add(rows)));
                                        td data-name=(bars.name) { (self.together(values.unwrap_or_default())) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// The bars of a line, above those before it, as one path.
    fn path(&self, number: usize, top: u64, count: usize) -> String {
        let scaled = |value: u64| {
            let height = u128::from(value) * u128::from(HEIGHT) / u128::from(top.max(1));
            // One that is there is seen.
            u64::try_from(height).unwrap_or(HEIGHT).max(u64::from(value > 0))
        };
        let width = WIDTH.checked_div(count).unwrap_or_default();
        let mut path = String::new();
        for index in 0..count {
            let value = |bars: &Bars| bars.values.get(index).copied().unwrap_or_default();
            let below = self.bars.iter().take(number).map(value).fold(0, u64::saturating_add);
            let height = self.bars.get(number).map_or(0, |bars| scaled(value(bars)));
            if height > 0 {
                let floor = HEIGHT.saturating_sub(scaled(below));
                let (left, wide) = (index.saturating_mul(width), width.saturating_sub(1).max(1));
                let height = height.min(floor);
                // Writing to a text does not fail.
                let _ = write!(path, "M{left} {floor}h{wide}v-{height}h-{wide}z");
            }
        }
        path
    }
}

/// A time as people say it.
fn span(seconds: u64) -> &'static str {
    match seconds {
        0..=60 => "a minute",
        61..=300 => "5 minutes",
        301..=900 => "a quarter of an hour",
        901..=7_200 => "2 hours",
        7_201..=21_600 => "6 hours",
        _ => "60 hours",
    }
}

/// Links to the same page over another span of time. The current one is marked.
pub fn spans(links: &[(Link, bool)]) -> Part {
    let markup = html! {
        nav aria-label="Span of time" {
            ul.actions {
                @for (link, is_current) in links {
                    li { a href=(link.href) aria-current=[is_current.then_some("true")] { (link.text) } }
                }
            }
        }
    };
    Part::Drawing(Drawing(markup.into_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(fine: Vec<u64>, wrong: Vec<u64>) -> Chart {
        let bars = |is_bad, values| Bars { name: if is_bad { "bad" } else { "good" }, is_bad, values };
        Chart {
            title: "Things",
            starts_at: 0,
            step: 60,
            bars: vec![bars(false, fine), bars(true, wrong)],
            unit: None,
        }
    }

    #[test]
    fn a_bar_stands_on_the_one_before_it() {
        let chart = chart(vec![0, 3], vec![1, 1]);
        assert_eq!(chart.path(0, 4, 2), "M300 100h299v-75h-299z");
        assert_eq!(chart.path(1, 4, 2), "M0 100h299v-25h-299zM300 25h299v-25h-299z");
    }

    #[test]
    fn a_single_count_beside_many_is_seen() {
        assert_eq!(
            chart(vec![1_000_000, 1], Vec::new()).path(0, 1_000_000, 2),
            "M0 100h299v-100h-299zM300 100h299v-1h-299z"
        );
        let none = chart(vec![0; 60], vec![u64::MAX; 60]).render().into_string();
        assert!(none.contains("class=\"fine\" d=\"\""), "{none}");
    }

    // What the drawing shows is in words and numbers too.
    #[test]
    fn the_table_has_the_sums_of_the_bars() {
        let html = chart((0..60).collect(), vec![0; 60]).render().into_string();
        assert!(html.contains("1770 good</span>, <span>0 bad</span>. At most 59 in a minute."), "{html}");
        assert_eq!(html.matches("<tr>").count(), 13);
        assert!(
            html.contains("<td data-name=\"good\">10</td>")
                && html.contains("<td data-name=\"good\">285</td>"),
            "{html}"
        );
        assert!(html.contains("aria-label=\"Things over time, as in the table below\""));
    }
}
