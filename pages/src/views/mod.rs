//! The pages, one value each with a `render` method.

mod codes;
mod consent;
mod inputs;
mod outcome;
mod sign_in;
mod sign_out;
mod sign_up;

pub use codes::{Forgotten, NewPassword, Sent, VerifyAddress};
pub use consent::{ClientOrigin, Consent, Scope};
pub use outcome::{Done, Failure};
pub use sign_in::{SignIn, SignedIn};
pub use sign_out::SignOut;
pub use sign_up::SignUp;
