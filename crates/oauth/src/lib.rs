//! The authorization server's rules (OAuth 2.1), as pure functions: the clock and randomness are arguments.
//!
//! | module | what it decides |
//! |---|---|
//! | [`form`] | the parameters of a query or a form body |
//! | [`client`], [`redirect`], [`scope`], [`resource`] | what a client is, and what it may ask for |
//! | [`documents`] | clients with a metadata document: its URL, its contents, how long it is fresh |
//! | [`stored`] | clients in D1 |
//! | [`registration`] | a client that registers itself (RFC 7591) |
//! | [`authorize`] | an authorization request, in two phases: first the client and its redirect URI, then the rest |
//! | [`decide`] | what an authorization request comes to, by the signed-in user and their consent |
//! | [`response`] | where the browser goes with the answer |
//! | [`pkce`], [`token_request`], [`client_auth`] | a request to the token endpoint |
//! | [`error`], [`no_client`] | the error codes of the standards, and why there is no client |
//! | [`metadata`] | the metadata document (RFC 8414) |
//!
//! # The types carry the proof
//!
//! ```text
//! query ── Parameters ── ProvedClient ── AuthorizationRequest ── Decision ── Location
//!              │              │                  │
//!          PageError      PageError        AuthorizeError ── Location
//! ```
//!
//! A [`response::Location`] is made only from a [`redirect::ProvedRedirect`], and that only by comparing the requested URI
//! with the client's registered ones. So no mistake of a caller can send a browser to an address that no client registered
//! (RFC 9700 section 4.11).

pub mod authorize;
pub mod client;
pub mod client_auth;
pub mod decide;
pub mod documents;
pub mod error;
pub mod form;
pub mod metadata;
pub mod no_client;
pub mod pkce;
pub mod redirect;
pub mod registration;
pub mod resource;
pub mod response;
pub mod scope;
pub mod stored;
pub mod token_request;

#[cfg(test)]
mod testing;
