//! Rate limiting and lockouts for Postern's own endpoints.

pub(crate) mod admission;
pub(crate) mod limits;
pub(crate) mod pseudonym;
pub(crate) mod rows;
