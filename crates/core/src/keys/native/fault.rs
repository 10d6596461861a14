//! The fault of a signing crate.

use crate::ports::{Fault, Part};

pub(super) fn crypto(cause: impl core::fmt::Display) -> Fault {
    Fault::new(Part::Crypto, cause)
}
