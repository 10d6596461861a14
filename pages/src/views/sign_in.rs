//! The pages of signing in.

use maud::html;

use crate::{
    form::{Field, Hidden, Input, Problem, form, submit},
    frame::{Document, Frame, Page},
    messages::filled,
    views::inputs::login_input,
};

/// The page for signing in.
#[derive(Debug, Clone, Copy)]
pub struct SignIn<'a> {
    /// The form.
    pub hidden: Hidden<'a>,
    /// The name of the client that the user comes from.
    pub client: Option<&'a str>,
    /// The login that was entered before, or that the client hints at.
    pub login: &'a str,
    /// Why the last attempt was refused.
    pub problem: Option<Problem>,
    /// The address of the page for a forgotten password, where it is offered.
    pub forgotten: Option<&'a str>,
    /// The address of the page for a new account, where it is offered.
    pub sign_up: Option<&'a str>,
    /// The login of the user who is signed in, and where the browser goes if they stay, where a client asks which account to
    /// use.
    pub stay: Option<(&'a str, &'a str)>,
}

impl SignIn<'_> {
    /// Renders the page.
    pub fn render(&self, frame: &Frame<'_>) -> Document {
        let messages = frame.messages();
        let has_login = !self.login.is_empty();
        let login = login_input(messages.login_label, self.login, !has_login);
        let password = Input {
            field: Field::Password,
            label: messages.password_label,
            kind: "password",
            autocomplete: "current-password",
            hint: None,
            value: "",
            first: has_login,
        };
        let content = html! {
            @if let Some(client) = self.client { p.lead { (filled(messages.sign_in_to, "{client}", client)) } }
            @if let Some((login, target)) = self.stay {
                p.stay { a.button.quiet href=(target) { (filled(messages.continue_as, "{login}", login)) } }
            }
            (frame.summary(self.problem))
            (form(&self.hidden, &html! {
                (frame.input(&login, self.problem))
                (frame.input(&password, self.problem))
                (submit(messages.sign_in))
                @if let Some(forgotten) = self.forgotten { p { a href=(forgotten) { (messages.forgotten_link) } } }
            }))
            @if let Some(sign_up) = self.sign_up {
                p.aside { (messages.no_account) " " a href=(sign_up) { (messages.sign_up_link) } }
            }
        };
        frame.around(&Page::titled(messages.sign_in, self.problem.is_some(), content))
    }
}

/// The page of a user who is signed in and came without an authorization request.
#[derive(Debug, Clone, Copy)]
pub struct SignedIn<'a> {
    /// The user's login, if it is known.
    pub login: Option<&'a str>,
    /// The address of the page with the applications that have access.
    pub applications: &'a str,
    /// The address of the page for signing out.
    pub sign_out: &'a str,
    /// The address of the page for signing in as another user.
    pub another: &'a str,
}

impl SignedIn<'_> {
    /// Renders the page.
    pub fn render(&self, frame: &Frame<'_>) -> Document {
        let messages = frame.messages();
        let content = html! {
            @if let Some(login) = self.login { p { (filled(messages.signed_in_as, "{login}", login)) } }
            form action=(self.sign_out) method="get" { button.button.quiet type="submit" { (messages.sign_out) } }
            p.aside.links { a href=(self.applications) { (messages.applications) } a href=(self.another) { (messages.another_account) } }
        };
        frame.around(&Page::titled(messages.signed_in_title, false, content))
    }
}
