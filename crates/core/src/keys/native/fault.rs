//! The fault of a signing crate.

use crate::ports::{Component, Fault};

pub(super) fn crypto(cause: impl core::fmt::Display) -> Fault {
    Fault::new(Component::Crypto, cause)
}
