//! The parts of a page.

use maud::{Markup, PreEscaped, html};

use super::{
    fields::{Ask, Search},
    table::{Fact, Table, facts},
};

/// A link to another page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What is read.
    pub text: String,
    /// What a screen reader says besides, so that links of the same name differ.
    pub about: String,
    /// The address, on the same host.
    pub href: String,
}

impl Link {
    /// A link whose text says it all.
    pub fn new(text: &str, href: String) -> Self {
        Self { text: text.to_owned(), about: String::new(), href }
    }

    pub(super) fn render(&self) -> Markup {
        html! {
            a href=(self.href) {
                (self.text)
                @if !self.about.is_empty() { span.unseen { " " (self.about) } }
            }
        }
    }
}

/// Markup that a template of this crate made, such as a drawing. Only this crate makes one, so that all other text is
/// escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawing(pub(crate) String);

/// A part of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A paragraph.
    Text(String),
    /// The heading of what follows.
    Heading(String),
    /// What has just been done, or a state that is as it should be.
    Note(String),
    /// A refusal, or a state that an operator should look at.
    Alert {
        /// What is wrong.
        title: String,
        /// More about it.
        lines: Vec<String>,
        /// The stable code of the refusal. Empty for a state.
        code: String,
    },
    /// Named values.
    Facts(Vec<Fact>),
    /// A table.
    Table(Table),
    /// A form that asks for another page.
    Search(Search),
    /// A form that changes something.
    Ask(Ask),
    /// What can be done here, as links to the pages that ask.
    Actions(Vec<Link>),
    /// Other pages of the same list.
    Pages(Vec<Link>),
    /// Markup of this crate.
    Drawing(Drawing),
}

impl Part {
    pub(super) fn render(&self) -> Markup {
        html! {
            @match self {
                Self::Text(text) => p { (text) },
                Self::Heading(text) => h2 { (text) },
                Self::Note(text) => p.note role="status" { (text) },
                Self::Alert { title, lines, code } => div.alert role="alert" {
                    h2 { (title) }
                    @for line in lines { p { (line) } }
                    @if !code.is_empty() { p { code { (code) } } }
                },
                Self::Facts(list) => (facts(list)),
                Self::Table(table) => (table.render()),
                Self::Search(search) => (search.render()),
                Self::Ask(ask) => (ask.render()),
                Self::Actions(links) => @if !links.is_empty() {
                    ul.actions { @for link in links { li { (link.render()) } } }
                },
                Self::Pages(links) => @if !links.is_empty() {
                    nav aria-label="Pages of this list" { ul.actions { @for link in links { li { (link.render()) } } } }
                },
                Self::Drawing(drawing) => (PreEscaped(&drawing.0)),
            }
        }
    }
}
