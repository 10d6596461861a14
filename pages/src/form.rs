//! Forms: hidden fields, fields with their label, hint and error, and the summary of an error.

use maud::{Markup, html};

use crate::{
    frame::Frame,
    messages::{Messages, filled},
};

/// What every form carries besides the user's entries.
#[derive(Debug, Clone, Copy)]
pub struct Hidden<'a> {
    /// The address that the form is posted to: a path on the same host.
    pub action: &'a str,
    /// The token that binds the form to the browser.
    pub form_token: &'a str,
    /// The pending authorization request, as the query of `/oauth/authorize`.
    pub request: Option<&'a str>,
    /// The name of the page that a sign-in leads to, instead of the one that says who is signed in.
    pub to: Option<&'a str>,
}

/// Why an entry was refused, or why nothing was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// A field is empty.
    Missing(Field),
    /// The login is unknown, the password is wrong, the account is locked or disabled.
    WrongCredentials,
    /// Another user has the login.
    LoginTaken,
    /// The text is no login.
    LoginInvalid,
    /// The new password is too short.
    PasswordShort,
    /// The password is too long.
    PasswordLong,
    /// The new password is a common one, or the login.
    PasswordCommon,
    /// The one-time token is not valid (any more).
    CodeInvalid,
    /// The form's token is missing, old, or of another browser.
    FormExpired,
    /// Too many attempts.
    Throttled {
        /// How long to wait, in seconds.
        seconds: u64,
    },
    /// Too many sign-ins wait for a hash.
    Busy,
    /// A component failed.
    Unavailable,
}

/// A field of a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The login.
    Login,
    /// The current or new password.
    Password,
    /// The one-time token.
    Code,
}

impl Field {
    const fn id(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Password => "password",
            Self::Code => "token",
        }
    }
}

impl Problem {
    /// The field that is wrong, if it is one.
    const fn field(self) -> Option<Field> {
        match self {
            Self::Missing(field) => Some(field),
            Self::LoginTaken | Self::LoginInvalid => Some(Field::Login),
            Self::PasswordShort | Self::PasswordLong | Self::PasswordCommon => Some(Field::Password),
            Self::CodeInvalid => Some(Field::Code),
            Self::WrongCredentials
            | Self::FormExpired
            | Self::Throttled { .. }
            | Self::Busy
            | Self::Unavailable => None,
        }
    }

    fn text(self, messages: &'static Messages) -> Markup {
        let text = match self {
            Self::Missing(_) => messages.field_missing,
            Self::WrongCredentials => messages.wrong_credentials,
            Self::LoginTaken => messages.login_taken,
            Self::LoginInvalid => messages.login_invalid,
            Self::PasswordShort => messages.password_short,
            Self::PasswordLong => messages.password_long,
            Self::PasswordCommon => messages.password_common,
            Self::CodeInvalid => messages.code_invalid,
            Self::FormExpired => messages.form_expired,
            Self::Throttled { seconds } => {
                return filled(messages.throttled, "{seconds}", &seconds.to_string());
            }
            Self::Busy => messages.busy,
            Self::Unavailable => messages.unavailable,
        };
        html! { (text) }
    }
}

/// A field as a form shows it.
pub(crate) struct Input<'a> {
    pub(crate) field: Field,
    pub(crate) label: &'a str,
    pub(crate) kind: &'static str,
    pub(crate) autocomplete: &'static str,
    pub(crate) hint: Option<&'a str>,
    pub(crate) value: &'a str,
    /// Whether the keyboard's focus is here at first.
    pub(crate) first: bool,
}

impl Frame<'_> {
    pub(crate) fn input(&self, input: &Input<'_>, problem: Option<Problem>) -> Markup {
        let id = input.field.id();
        let wrong = problem.filter(|problem| problem.field() == Some(input.field));
        let hint_id = [id, "-hint"].concat();
        let wrong_id = [id, "-error"].concat();
        let described = match (input.hint, wrong) {
            (Some(_), Some(_)) => Some([&hint_id, " ", &wrong_id].concat()),
            (Some(_), None) => Some(hint_id.clone()),
            (None, Some(_)) => Some(wrong_id.clone()),
            (None, None) => None,
        };
        html! {
            div.field {
                label for=(id) { (input.label) }
                @if let Some(hint) = input.hint { p.hint id=(hint_id) { (hint) } }
                @if let Some(wrong) = wrong { p.wrong id=(wrong_id) { (wrong.text(self.messages())) } }
                input id=(id) name=(id) type=(input.kind) autocomplete=(input.autocomplete) value=[shown(input.value)]
                    // Logins, passwords and codes are written from left to right in every language.
                    dir="ltr" autocapitalize="none" spellcheck="false" required
                    aria-describedby=[described] aria-invalid=[wrong.map(|_| "true")]
                    autofocus[input.first && problem.is_none()];
            }
        }
    }

    /// The summary of an error. It has the keyboard's focus, so that a screen reader begins with it.
    pub(crate) fn summary(&self, problem: Option<Problem>) -> Markup {
        let messages = self.messages();
        html! {
            @if let Some(problem) = problem {
                div.alert role="alert" tabindex="-1" autofocus {
                    h2 { (messages.problem) }
                    @if let Some(field) = problem.field() {
                        p { a href=(["#", field.id()].concat()) { (problem.text(messages)) } }
                    } @else {
                        p { (problem.text(messages)) }
                    }
                }
            }
        }
    }
}

fn shown(value: &str) -> Option<&str> {
    (!value.is_empty()).then_some(value)
}

/// The form with its hidden fields.
pub(crate) fn form(hidden: &Hidden<'_>, fields: &Markup) -> Markup {
    html! {
        // An error is written by the server, in the language of the page, and read out. A browser's own would not be.
        form method="post" action=(hidden.action) novalidate {
            input type="hidden" name="form_token" value=(hidden.form_token);
            @if let Some(request) = hidden.request { input type="hidden" name="request" value=(request); }
            @if let Some(to) = hidden.to { input type="hidden" name="to" value=(to); }
            (fields)
        }
    }
}

/// The button that posts a form.
pub(crate) fn submit(text: &str) -> Markup {
    html! { button.button type="submit" { (text) } }
}
