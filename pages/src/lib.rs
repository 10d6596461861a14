//! The pages that a person sees at sign-in: templates, style, and messages in six languages.
//!
//! A page is a value with a `render` method, which takes the [`Frame`]: language, look, links. The result is a
//! [`Document`]: one HTML text with its style inside, and the `Content-Security-Policy` that permits this style and
//! nothing else. Everything that is not written here is escaped.

mod colour;
pub mod dashboard;
mod date;
mod form;
mod frame;
mod language;
mod messages;
mod theme;
mod views;

#[path = "../messages/ar.rs"]
mod ar;
#[path = "../messages/de.rs"]
mod de;
#[path = "../messages/en.rs"]
mod en;
#[path = "../messages/es.rs"]
mod es;
#[path = "../messages/fr.rs"]
mod fr;
#[path = "../messages/ja.rs"]
mod ja;

pub use colour::{BORDER_CONTRAST, Colour, TEXT_CONTRAST};
pub use date::Date;
pub use form::{Field, Hidden, Problem};
pub use frame::{Document, Frame};
pub use language::Language;
pub use theme::{Links, LowContrast, Palette, Theme};
pub use views::{
    Application, Applications, ClientOrigin, Consent, Done, Failure, Forgotten, NewPassword, Scope, Sent,
    SignIn, SignOut, SignUp, SignedIn, VerifyAddress,
};
