//! Pages that say how something went: it was done, or it failed.

use maud::html;

use crate::frame::{Document, Frame, Page};

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
            @if self == Self::PasswordSet {
                p.stay { a.button href=(sign_in) { (messages.sign_in) } }
            } @else {
                p.aside { a href=(sign_in) { (messages.sign_in) } }
            }
        };
        frame.around(&Page::titled(title, false, content))
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
    /// The metadata document of the client cannot be used.
    ClientDocument,
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
            Self::ClientDocument => messages.client_document,
            Self::WrongRedirect => messages.wrong_redirect,
            Self::InvalidAuthorization => messages.invalid_authorization,
            Self::ConsentSpent => messages.consent_spent,
        };
        let content = html! {
            p { (text) }
            p.aside { code dir="ltr" { (code) } }
        };
        frame.around(&Page::titled(messages.failed_title, true, content))
    }
}
