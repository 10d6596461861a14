//! How often something may be tried.

pub(crate) mod admission;
pub(crate) mod limits;
pub(crate) mod pseudonym;
pub(crate) mod rows;
