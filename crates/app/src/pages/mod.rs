//! The pages that a person sees: sign-in, registration, passwords, addresses, sign-out. Their HTML is in `postern-pages`;
//! what they do is what the calls of `/auth` do.

mod applications;
mod authorize;
mod authorize_by_form;
mod client_face;
mod destination;
pub(crate) mod form_token;
mod passwords;
pub(crate) mod pending;
pub(crate) mod posted;
mod refusal;
mod router;
mod sign_in;
mod sign_out;
mod sign_up;
mod visit;

pub(crate) use router::Pages;
