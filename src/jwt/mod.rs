//! Claims (RFC 7519, RFC 9068): what a verified token says, and whether it may be believed now
//! and here.

mod error;

pub use error::TokenError;
