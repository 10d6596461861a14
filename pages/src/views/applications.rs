//! The page with the applications that have access to the user's account.

use maud::{Markup, html};

use crate::{
    date::Date,
    form::{Hidden, Problem, form, submit},
    frame::{Document, Frame, Page},
    messages::filled,
    views::scope::{Scope, scope_text},
};

/// An application with access.
#[derive(Debug, Clone, Copy)]
pub struct Application<'a> {
    /// The id of its grant, which the form posts.
    pub grant: &'a str,
    /// Its name, or else its `client_id`.
    pub name: &'a str,
    /// The hosts of its redirect URIs, or the schemes of an app.
    pub hosts: &'a [String],
    /// The resource that the access is for.
    pub resource: Option<&'a str>,
    /// What it may do.
    pub scopes: &'a [Scope<'a>],
    /// The day on which the user allowed it.
    pub since: Date,
    /// The last day of which it is known that the access was used.
    pub used: Date,
}

/// The page with the applications that have access to the user's account.
#[derive(Debug, Clone, Copy)]
pub struct Applications<'a> {
    /// The hidden fields of each form.
    pub hidden: Hidden<'a>,
    /// The user's login, if it is known.
    pub login: Option<&'a str>,
    /// The applications.
    pub applications: &'a [Application<'a>],
    /// The name of an application whose access has just ended.
    pub ended: Option<&'a str>,
    /// Why the last attempt was refused.
    pub problem: Option<Problem>,
    /// The address of the page for signing in as another user.
    pub another: &'a str,
    /// The address of the page for signing out.
    pub sign_out: &'a str,
}

impl Applications<'_> {
    /// Renders the page.
    pub fn render(&self, frame: &Frame<'_>) -> Document {
        let messages = frame.messages();
        let content = html! {
            @if let Some(login) = self.login { p { (filled(messages.signed_in_as, "{login}", login)) } }
            (frame.summary(self.problem))
            @if let Some(name) = self.ended {
                p.note role="status" { (filled(messages.access_ended, "{client}", name)) }
            }
            @if self.applications.is_empty() {
                p.empty { (messages.applications_none) }
            } @else {
                ul.rows { @for application in self.applications { li { (self.row(frame, application)) } } }
            }
            p.aside.links { a href=(self.another) { (messages.another_account) } a href=(self.sign_out) { (messages.sign_out) } }
        };
        frame.around(&Page::titled(messages.applications, self.problem.is_some(), content))
    }

    fn row(&self, frame: &Frame<'_>, application: &Application<'_>) -> Markup {
        let messages = frame.messages();
        html! {
            h2 { bdi { (application.name) } }
            @if !application.hosts.is_empty() {
                p.hint {
                    @for (number, host) in application.hosts.iter().enumerate() {
                        @if number > 0 { " · " }
                        bdi { (host) }
                    }
                }
            }
            @if application.scopes.is_empty() {
                p { (messages.consent_no_scopes) }
            } @else {
                p { (messages.applications_scopes) }
                ul { @for scope in application.scopes { li { (scope_text(messages, scope)) } } }
            }
            @if let Some(resource) = application.resource {
                p.hint { (filled(messages.consent_resource, "{resource}", resource)) }
            }
            p.hint {
                (dated(frame, messages.applications_since, application.since))
                " · "
                (dated(frame, messages.applications_used, application.used))
            }
            details {
                summary { (messages.end_access) span.unseen { " " (application.name) } }
                (form(&self.hidden, &html! {
                    input type="hidden" name="grant" value=(application.grant);
                    p { (filled(messages.end_access_text, "{client}", application.name)) }
                    (submit(messages.end_access))
                }))
            }
        }
    }
}

fn dated(frame: &Frame<'_>, text: &str, day: Date) -> Markup {
    let (before, after) = text.split_once("{date}").unwrap_or((text, ""));
    html! {
        (before) time datetime=(day.machine_readable()) dir="ltr" { (day.in_figures(frame.language)) } (after)
    }
}
