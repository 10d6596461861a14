//! The forms of the dashboard.

use maud::{Markup, html};

/// The kind of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A line of text.
    Text,
    /// One of these, each a value and what is read.
    Choice(Vec<(&'static str, &'static str)>),
}

/// A field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name of the parameter. It is also the id of the field, so a page has it once.
    pub name: &'static str,
    /// What it is.
    pub label: &'static str,
    /// More about it. Empty for nothing.
    pub hint: &'static str,
    /// What it has now.
    pub value: String,
    /// Its kind.
    pub kind: EntryKind,
}

impl Entry {
    /// A line of text.
    pub fn text(name: &'static str, label: &'static str, value: &str) -> Self {
        Self { name, label, hint: "", value: value.to_owned(), kind: EntryKind::Text }
    }

    fn render(&self) -> Markup {
        let hint = (!self.hint.is_empty()).then(|| [self.name, "-hint"].concat());
        html! {
            div.field {
                label for=(self.name) { (self.label) }
                @if let Some(hint) = &hint { p.hint id=(hint) { (self.hint) } }
                @match &self.kind {
                    EntryKind::Text => input id=(self.name) name=(self.name) type="text" autocomplete="off"
                        autocapitalize="none" spellcheck="false" value=(self.value) aria-describedby=[hint];,
                    EntryKind::Choice(choices) => select id=(self.name) name=(self.name) aria-describedby=[hint] {
                        @for (value, text) in choices {
                            option value=(value) selected[*value == self.value] { (text) }
                        }
                    },
                }
            }
        }
    }
}

/// A form that asks for a page, and changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// What it is for. It is read out before the fields.
    pub name: &'static str,
    /// The address of the page, on the same host.
    pub action: String,
    /// The fields.
    pub entries: Vec<Entry>,
    /// The text of the button.
    pub button: &'static str,
}

impl Search {
    pub(super) fn render(&self) -> Markup {
        html! {
            form.search role="search" aria-label=(self.name) method="get" action=(self.action) {
                @for entry in &self.entries { (entry.render()) }
                button.button.quiet type="submit" { (self.button) }
            }
        }
    }
}

/// The form of a page that asks once before something is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The address that the form is posted to, on the same host.
    pub action: String,
    /// The hidden fields: what is changed, and the token that binds the form to the browser.
    pub hidden: Vec<(&'static str, String)>,
    /// What will be done, in one sentence.
    pub does: String,
    /// How to undo it, in one sentence.
    pub undo: String,
    /// The text of the button.
    pub button: String,
    /// The address of the page that a person goes back to without the change.
    pub cancel: String,
}

impl Ask {
    pub(super) fn render(&self) -> Markup {
        html! {
            form.ask method="post" action=(self.action) {
                @for (name, value) in &self.hidden { input type="hidden" name=(name) value=(value); }
                p.does { (self.does) }
                p { (self.undo) }
                div.answers {
                    button.button type="submit" { (self.button) }
                    a.button.quiet href=(self.cancel) { "Cancel" }
                }
            }
        }
    }
}
