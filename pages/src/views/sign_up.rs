//! The page for a new account.

use maud::html;

use crate::{
    form::{Hidden, Problem, form, submit},
    frame::{Document, Frame, Page},
    messages::filled,
    views::inputs::{login_input, new_password},
};

/// The page for a new account.
#[derive(Debug, Clone, Copy)]
pub struct SignUp<'a> {
    /// The form.
    pub hidden: Hidden<'a>,
    /// The name of the client that the user comes from.
    pub client: Option<&'a str>,
    /// The login that was entered before.
    pub login: &'a str,
    /// Why the last attempt was refused.
    pub problem: Option<Problem>,
    /// The address of the page for signing in.
    pub sign_in: &'a str,
}

impl SignUp<'_> {
    /// Renders the page.
    pub fn render(&self, frame: &Frame<'_>) -> Document {
        let messages = frame.messages();
        let login = login_input(messages.login_label, self.login, true);
        let content = html! {
            @if let Some(client) = self.client { p.lead { (filled(messages.sign_in_to, "{client}", client)) } }
            (frame.summary(self.problem))
            (form(&self.hidden, &html! {
                (frame.input(&login, self.problem))
                (frame.input(&new_password(messages.password_label, messages.new_password_hint), self.problem))
                (submit(messages.sign_up_button))
            }))
            p.aside { (messages.have_account) " " a href=(self.sign_in) { (messages.sign_in) } }
        };
        frame.around(&Page::titled(messages.sign_up, self.problem.is_some(), content))
    }
}
