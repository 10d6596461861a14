//! Tables and lists of facts.

use maud::{Markup, html};

use super::{part::Link, time::time};

/// A value on a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Nothing is known or set.
    Nothing,
    /// A text.
    Text(String),
    /// An id or a name, as programs write it.
    Code(String),
    /// A time in seconds since 1970.
    Time(u64),
    /// A state that is as it should be.
    Good(String),
    /// A state that an operator should look at.
    Bad(String),
    /// A link to another page.
    Link(Link),
    /// Several values, one after the other.
    Several(Vec<Self>),
}

impl Cell {
    /// A text, or nothing for an empty one.
    pub fn text(text: &str) -> Self {
        if text.is_empty() { Self::Nothing } else { Self::Text(text.to_owned()) }
    }

    pub(super) fn render(&self) -> Markup {
        html! {
            @match self {
                Self::Nothing => span.none { "–" },
                Self::Text(text) => (text),
                Self::Code(text) => code { (text) },
                Self::Time(seconds) => (time(*seconds)),
                Self::Good(text) => span.good { (text) },
                Self::Bad(text) => span.bad { (text) },
                Self::Link(link) => (link.render()),
                Self::Several(cells) => ul.cells { @for cell in cells { li { (cell.render()) } } },
            }
        }
    }
}

/// A named value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Its name.
    pub name: String,
    /// The value.
    pub value: Cell,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// What the rows are. It is read out before them.
    pub caption: String,
    /// The names of the columns.
    pub head: Vec<&'static str>,
    /// The rows, each with a cell for every column. The first cell names the row.
    pub rows: Vec<Vec<Cell>>,
    /// What the page says in place of a table without rows.
    pub empty: &'static str,
}

impl Table {
    pub(super) fn render(&self) -> Markup {
        html! {
            @if self.rows.is_empty() {
                p.empty { (self.empty) }
            } @else {
                table {
                    caption { (self.caption) }
                    thead { tr { @for name in &self.head { th scope="col" { (name) } } } }
                    tbody {
                        @for row in &self.rows {
                            tr {
                                @for (number, (cell, name)) in row.iter().zip(&self.head).enumerate() {
                                    // On a narrow screen a row is a list, and each value has its name before it.
                                    @if number == 0 {
                                        th scope="row" data-name=(name) { (cell.render()) }
                                    } @else {
                                        td data-name=(name) { (cell.render()) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn facts(facts: &[Fact]) -> Markup {
    html! {
        dl { @for fact in facts { div { dt { (fact.name) } dd { (fact.value.render()) } } } }
    }
}
