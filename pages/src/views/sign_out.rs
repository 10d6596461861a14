//! The page for signing out.

use maud::html;

use crate::{
    form::{Hidden, Problem, form, submit},
    frame::{Document, Frame, Page},
};

/// The page that asks whether to sign out. A link alone must not do it, because other sites can have links.
#[derive(Debug, Clone, Copy)]
pub struct SignOut<'a> {
    /// The form.
    pub hidden: Hidden<'a>,
    /// The address of the page with the applications that have access.
    pub applications: &'a str,
    /// Why the last attempt was refused.
    pub problem: Option<Problem>,
}

impl SignOut<'_> {
    /// Renders the page.
    pub fn render(&self, frame: &Frame<'_>) -> Document {
        let messages = frame.messages();
        let content = html! {
            p { (messages.sign_out_text) }
            (frame.summary(self.problem))
            (form(&self.hidden, &submit(messages.sign_out)))
            p.aside { a href=(self.applications) { (messages.applications) } }
        };
        frame.around(&Page::titled(messages.sign_out, self.problem.is_some(), content))
    }
}
