//! Scopes in the words of the page.

use maud::{Markup, html};

use crate::messages::Messages;

/// A scope that a client asks for, or has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope<'a> {
    /// Its name, which the form for consent posts.
    pub name: &'a str,
    /// What it permits, in the language of the page, if the operator wrote that.
    pub description: Option<&'a str>,
}

/// What the scope permits, and its name; or the name alone.
pub(super) fn scope_text(messages: &Messages, scope: &Scope<'_>) -> Markup {
    let own = match scope.name {
        "openid" => Some(messages.scope_openid),
        "profile" => Some(messages.scope_profile),
        "email" => Some(messages.scope_email),
        "offline_access" => Some(messages.scope_offline_access),
        _ => None,
    };
    html! {
        @if let Some(text) = scope.description.or(own) {
            span { (text) small dir="ltr" { (scope.name) } }
        } @else {
            span dir="ltr" { (scope.name) }
        }
    }
}
