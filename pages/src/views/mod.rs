//! The pages, one value each with a `render` method.

mod applications;
mod codes;
mod consent;
mod inputs;
mod outcome;
mod scope;
mod sign_in;
mod sign_out;
mod sign_up;

pub use applications::{Application, Applications};
pub use codes::{Forgotten, NewPassword, Sent, VerifyAddress};
pub use consent::{ClientOrigin, Consent};
pub use outcome::{Done, Failure};
pub use scope::Scope;
pub use sign_in::{SignIn, SignedIn};
pub use sign_out::SignOut;
pub use sign_up::SignUp;
