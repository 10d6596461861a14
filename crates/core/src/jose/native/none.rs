//! In the place of the other algorithms when their crates are left out.

use super::super::PublicKey;
use crate::ports::{Fault, Part};

pub(super) fn is_good(_: &PublicKey, _: &[u8], _: &[u8]) -> Result<Option<bool>, Fault> {
    Err(Fault::new(Part::Crypto, "built without the feature all-algorithms"))
}
