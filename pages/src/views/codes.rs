//! The pages of messages with codes: a forgotten password, a new one, an address.

use maud::html;

use crate::{
    form::{Field, Hidden, Input, Problem, form, submit},
    frame::{Document, Frame, Page},
    messages::filled,
    views::inputs::{login_input, new_password},
};

/// The page that requests a message with a code for a new password.
#[derive(Debug, Clone, Copy)]
pub struct Forgotten<'a> {
    /// The form.
    pub hidden: Hidden<'a>,
    /// The login that was entered before.
    pub login: &'a str,
    /// Why the last attempt was refused.
    pub problem: Option<Problem>,
    /// The address of the page for signing in.
    pub sign_in: &'a str,
}

impl Forgotten<'_> {
    /// Renders the page.
    pub fn render(&self, frame: &Frame<'_>) -> Document {
        let messages = frame.messages();
        let login = login_input(messages.login_label, self.login, true);
        let content = html! {
            p { (messages.forgotten_text) }
            (frame.summary(self.problem))
            (form(&self.hidden, &html! {
                (frame.input(&login, self.problem))
                (submit(messages.send_message))
            }))
            p.aside { a href=(self.sign_in) { (messages.back_to_sign_in) } }
        };
        frame.around(&Page::titled(messages.forgotten, self.problem.is_some(), content))
    }
}

/// The page after a message was requested. It is the same whether or not there is an account.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'a> {
    /// The login that was entered.
    pub login: &'a str,
    /// The address of the page for the new password.
    pub new_password: &'a str,
}

impl Sent<'_> {
    /// Renders the page.
    pub fn render(&self, frame: &Frame<'_>) -> Document {
        let messages = frame.messages();
        let content = html! {
            p { (filled(messages.sent_text, "{login}", self.login)) }
            p.stay { a.button href=(self.new_password) { (messages.new_password) } }
        };
        frame.around(&Page::titled(messages.sent_title, false, content))
    }
}

/// The page that sets a new password with a code.
#[derive(Debug, Clone, Copy)]
pub struct NewPassword<'a> {
    /// The form.
    pub hidden: Hidden<'a>,
    /// The code that was entered before.
    pub code: &'a str,
    /// Why the last attempt was refused.
    pub problem: Option<Problem>,
}

impl NewPassword<'_> {
    /// Renders the page.
    pub fn render(&self, frame: &Frame<'_>) -> Document {
        let messages = frame.messages();
        let content = html! {
            (frame.summary(self.problem))
            (form(&self.hidden, &html! {
                (frame.input(&code(messages.code_label, messages.code_hint, self.code), self.problem))
                (frame.input(&new_password(messages.new_password_label, messages.new_password_hint), self.problem))
                (submit(messages.set_password))
            }))
        };
        let page = Page::titled(messages.new_password, self.problem.is_some(), content);
        frame.around(&Page { takes_token: true, ..page })
    }
}

/// The page that confirms an address with a code.
#[derive(Debug, Clone, Copy)]
pub struct VerifyAddress<'a> {
    /// The form.
    pub hidden: Hidden<'a>,
    /// The code that was entered before.
    pub code: &'a str,
    /// Why the last attempt was refused.
    pub problem: Option<Problem>,
}

impl VerifyAddress<'_> {
    /// Renders the page.
    pub fn render(&self, frame: &Frame<'_>) -> Document {
        let messages = frame.messages();
        let content = html! {
            p { (messages.verify_text) }
            (frame.summary(self.problem))
            (form(&self.hidden, &html! {
                (frame.input(&code(messages.code_label, messages.code_hint, self.code), self.problem))
                (submit(messages.verify_button))
            }))
        };
        let page = Page::titled(messages.verify, self.problem.is_some(), content);
        frame.around(&Page { takes_token: true, ..page })
    }
}

const fn code<'a>(label: &'a str, hint: &'a str, value: &'a str) -> Input<'a> {
    Input {
        field: Field::Code,
        label,
        kind: "text",
        autocomplete: "one-time-code",
        hint: Some(hint),
        value,
        first: true,
    }
}
