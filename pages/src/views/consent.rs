//! The page for consent.

use maud::html;

use crate::{
    form::{Hidden, form},
    frame::{Document, Frame, Page},
    messages::{filled, filled_plain},
    views::scope::{Scope, scope_text},
};

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
    /// The address of the page with the applications that have access.
    pub applications: &'a str,
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
                            li.note { strong { (filled(messages.verified_domain, "{domain}", domain)) } }
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
                        ul.scopes { @for scope in self.scopes { li {
                                label { input type="checkbox" name="scope" value=(scope.name) checked; (scope_text(messages, scope)) }
                            } } }
                    }
                }
                div.pair {
                    button.button type="submit" name="answer" value="allow" { (messages.allow) }
                    button.button.quiet type="submit" name="answer" value="deny" { (messages.deny) }
                }
            }))
            p.aside { a href=(self.applications) { (messages.applications) } }
        };
        let title = filled_plain(messages.consent_title, "{client}", self.client);
        let page = Page::titled(&title, false, content);
        let heading = Some(filled(messages.consent_title, "{client}", self.client));
        frame.around(&Page { heading, ..page })
    }
}
