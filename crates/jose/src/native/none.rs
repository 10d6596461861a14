//! In the place of the other algorithms when their crates are left out.

use super::super::PublicKey;
use super::AlgorithmNotBuilt;

pub(super) fn is_good(_: &PublicKey, _: &[u8], _: &[u8]) -> Result<Option<bool>, AlgorithmNotBuilt> {
    Err(AlgorithmNotBuilt)
}
