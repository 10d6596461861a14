//! In the place of the other algorithms when their crates are left out.

use super::fault::crypto;
use crate::{
    keys::GeneratedKey,
    ports::{Fault, Randomness},
};

const WITHOUT: &str = "built without the feature all-algorithms";

pub(super) fn generate(_: &impl Randomness) -> Result<GeneratedKey, Fault> {
    Err(crypto(WITHOUT))
}

pub(super) fn sign(_: &[u8], _: &[u8]) -> Result<Vec<u8>, Fault> {
    Err(crypto(WITHOUT))
}
