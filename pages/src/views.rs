//! The pages, one function each.

use maud::{Markup, html};

use crate::{
    form::{Field, Hidden, Input, Problem, form, submit},
    frame::{Document, Frame, Page},
    messages::{filled, filled_plain},
};

fn page(title: &str, problem: Option<Problem>, content: Markup) -> Page {
    Page { title: title.to_owned(), heading: None, is_error: problem.is_some(), takes_token: false, content }
}

/// `first` says whether the cursor is in it when the page opens.
const fn login_input<'a>(label: &'static str, value: &'a str, first: bool) -> Input<'a> {
    Input { field: Field::Login, label, kind: "text", autocomplete: "username", hint: None, value, first }
}

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
        frame.around(&page(messages.sign_in, self.problem, content))
    }
}

/// The page of a user who is signed in and came without an authorization request.
#[derive(Debug, Clone, Copy)]
pub struct SignedIn<'a> {
    /// The user's login, if it is known.
    pub login: Option<&'a str>,
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
            p.aside { a href=(self.another) { (messages.another_account) } }
        };
        frame.around(&page(messages.signed_in_title, None, content))
    }
}

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
        frame.around(&page(messages.sign_up, self.problem, content))
    }
}

const fn new_password(label: &'static str, hint: &'static str) -> Input<'static> {
    Input {
        field: Field::Password,
        label,
        kind: "password",
        autocomplete: "new-password",
        hint: Some(hint),
        value: "",
        first: false,
    }
}

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
        frame.around(&page(messages.forgotten, self.problem, content))
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
            p.aside { a href=(self.new_password) { (messages.new_password) } }
        };
        frame.around(&page(messages.sent_title, None, content))
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
        let page = page(messages.new_password, self.problem, content);
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
        let page = page(messages.verify, self.problem, content);
        frame.around(&Page { takes_token: true, ..page })
    }
}

/// The page that asks whether to sign out. A link alone must not do it, because other sites can have links.
#[derive(Debug, Clone, Copy)]
pub struct SignOut<'a> {
    /// The form.
    pub hidden: Hidden<'a>,
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
        };
        frame.around(&page(messages.sign_out, self.problem, content))
    }
}

/// A page that says that something was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// The password was set, and all sessions ended.
    PasswordSet,
    /// The address was confirmed.
    AddressVerified,
    /// The browser is signed out.
    SignedOut,
}

impl Done {
    /// Renders the page. `sign_in` is the address of the page for signing in.
    pub fn render(self, frame: &Frame<'_>, sign_in: &str) -> Document {
        let messages = frame.messages();
        let (title, text) = match self {
            Self::PasswordSet => (messages.password_set_title, messages.password_set_text),
            Self::AddressVerified => (messages.verified_title, messages.verified_text),
            Self::SignedOut => (messages.signed_out_title, messages.signed_out_text),
        };
        let content = html! {
            p { (text) }
            p.aside { a href=(sign_in) { (messages.sign_in) } }
        };
        frame.around(&page(title, None, content))
    }
}

/// Why there is no page but an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The request is not valid.
    BadRequest,
    /// The form was posted from another site.
    ForeignPage,
    /// The deployment does not offer this page.
    NotOffered,
    /// Only administrators create accounts.
    RegistrationClosed,
    /// A component failed.
    Unavailable,
    /// The client of an authorization request is not known.
    UnknownClient,
    /// The redirect URI of an authorization request is not registered.
    WrongRedirect,
    /// Another part of an authorization request is not valid, and the client cannot be told.
    InvalidAuthorization,
    /// The consent was given or denied before.
    ConsentSpent,
}

impl Failure {
    /// Renders the page. `code` is a stable code, for a report to the operator.
    pub fn render(self, frame: &Frame<'_>, code: &str) -> Document {
        let messages = frame.messages();
        let text = match self {
            Self::BadRequest => messages.bad_request,
            Self::ForeignPage => messages.foreign_page,
            Self::NotOffered => messages.not_offered,
            Self::RegistrationClosed => messages.registration_closed,
            Self::Unavailable => messages.unavailable,
            Self::UnknownClient => messages.unknown_client,
            Self::WrongRedirect => messages.wrong_redirect,
            Self::InvalidAuthorization => messages.invalid_authorization,
            Self::ConsentSpent => messages.consent_spent,
        };
        let content = html! {
            p { (text) }
            p.aside { code dir="ltr" { (code) } }
        };
        let page = page(messages.failed_title, None, content);
        frame.around(&Page { is_error: true, ..page })
    }
}

/// How the client's name is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientOrigin<'a> {
    /// The operator entered the client.
    Operator,
    /// The client's metadata document is on this domain (Client ID Metadata Document).
    Domain(&'a str),
    /// The client registered itself (RFC 7591).
    Itself,
}

/// A scope that the client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope<'a> {
    /// Its name, which the form posts.
    pub name: &'a str,
    /// What it permits, in the language of the page, if the operator wrote that.
    pub description: Option<&'a str>,
}

/// The page that asks whether a client may act for the user.
#[derive(Debug, Clone, Copy)]
pub struct Consent<'a> {
    /// The form. Its token stands for this question, which is answered once.
    pub hidden: Hidden<'a>,
    /// The client's name.
    pub client: &'a str,
    /// How the name is known.
    pub origin: ClientOrigin<'a>,
    /// The user's login, if it is known.
    pub login: Option<&'a str>,
    /// The address of the page for signing in as another user.
    pub another: &'a str,
    /// The resource that the access is for.
    pub resource: Option<&'a str>,
    /// The host that the user is sent to afterwards, or the scheme of an app.
    pub redirect_host: &'a str,
    /// Whether that is a program on the user's own device.
    pub is_local: bool,
    /// The scopes, each of which the user can refuse.
    pub scopes: &'a [Scope<'a>],
}

impl Consent<'_> {
    /// Renders the page.
    pub fn render(&self, frame: &Frame<'_>) -> Document {
        let messages = frame.messages();
        let content = html! {
            @if let Some(login) = self.login { p { (filled(messages.consent_user, "{login}", login)) } }
            p { a href=(self.another) { (messages.another_account) } }
            (form(&self.hidden, &html! {
                ul.facts {
                    @match self.origin {
                        ClientOrigin::Operator => {}
                        ClientOrigin::Domain(domain) => {
                            li { (filled(messages.verified_domain, "{domain}", domain)) }
                        }
                        ClientOrigin::Itself => { li.note.warn { (messages.registered_itself) } }
                    }
                    @if let Some(resource) = self.resource {
                        li { (filled(messages.consent_resource, "{resource}", resource)) }
                    }
                    li { (filled(messages.redirect_host, "{host}", self.redirect_host)) }
                    @if self.is_local { li.note.warn { (messages.localhost_warning) } }
                }
                @if self.scopes.is_empty() {
                    p { (messages.consent_no_scopes) }
                } @else {
                    fieldset {
                        legend { (messages.consent_scopes) }
                        ul.scopes { @for scope in self.scopes { li { (scope_row(frame, scope)) } } }
                    }
                }
                div.pair {
                    button.button type="submit" name="answer" value="allow" { (messages.allow) }
                    button.button.quiet type="submit" name="answer" value="deny" { (messages.deny) }
                }
            }))
        };
        let title = filled_plain(messages.consent_title, "{client}", self.client);
        let page = page(&title, None, content);
        let heading = Some(filled(messages.consent_title, "{client}", self.client));
        frame.around(&Page { heading, ..page })
    }
}

fn scope_row(frame: &Frame<'_>, scope: &Scope<'_>) -> Markup {
    let messages = frame.messages();
    let own = match scope.name {
        "openid" => Some(messages.scope_openid),
        "profile" => Some(messages.scope_profile),
        "email" => Some(messages.scope_email),
        "offline_access" => Some(messages.scope_offline_access),
        _ => None,
    };
    html! {
        label {
            input type="checkbox" name="scope" value=(scope.name) checked;
            @if let Some(text) = scope.description.or(own) {
                span { (text) small dir="ltr" { (scope.name) } }
            } @else {
                span dir="ltr" { (scope.name) }
            }
        }
    }
}
