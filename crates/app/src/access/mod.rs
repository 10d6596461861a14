//! Authentication: key sets, verification, revocation.

pub(crate) mod authenticate;
pub(crate) mod judging;
pub(crate) mod key_sets;
pub(crate) mod liveness;
pub(crate) mod refused;
pub(crate) mod revocation_cache;
pub(crate) mod session;
