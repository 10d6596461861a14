//! Claims (RFC 7519, RFC 9068): what a verified token says, and whether it may be believed now
//! and here.
//!
//! [`validate`] is one call with no optional step, and so is [`validate_for`]. [`AccessToken`] is the proof that it was made:
//! nothing else can make one.

mod claims;
mod dates;
mod policy;
mod validate;

pub use crate::error::{About, ClaimFault, TokenError};
pub use claims::Claims;
pub use policy::{ClaimPath, ClaimSource, RolesForm, TypPolicy, ValidationPolicy};
pub use validate::{AccessToken, judge_claims, validate, validate_for};
