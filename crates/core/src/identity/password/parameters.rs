//! What a hash by Argon2 costs, and its computation.

use argon2::{Algorithm, Argon2, Params, Version};

use crate::ports::{Component, Fault};

/// What a stored hash may cost at most. Beyond it an import, or a row written by an intruder,
/// could stop the isolate: 64 MiB is half of its memory, and what was once taken is never given
/// back (`docs/reference/users.md` has the figures).
const MAX_MEMORY_KIB: u32 = 64 * 1024;
/// See [`MAX_MEMORY_KIB`].
const MAX_PASSES: u32 = 8;
/// The most lanes of a hash of ours. Lanes run one after the other here, and cost neither time nor
/// memory: see [`MAX_FOREIGN_LANES`].
const MAX_LANES: u32 = 4;
/// The most lanes of a hash from elsewhere: some programs take as many as the machine has cores.
pub(super) const MAX_FOREIGN_LANES: u32 = 255;

/// What a hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashParameters {
    pub(super) memory_kib: u32,
    pub(super) passes: u32,
    pub(super) lanes: u32,
}

impl Default for HashParameters {
    /// 19 MiB, 2 passes, 1 lane (OWASP's second choice): about 25 ms in WASM.
    fn default() -> Self {
        Self { memory_kib: 19_456, passes: 2, lanes: 1 }
    }
}

impl HashParameters {
    /// Other parameters: memory in KiB from 8 times the lanes to 65 536, passes 1 to 8, lanes 1
    /// to 4; `None` outside.
    pub const fn new(memory_kib: u32, passes: u32, lanes: u32) -> Option<Self> {
        Self::within(memory_kib, passes, lanes, MAX_LANES)
    }

    pub(super) const fn within(memory_kib: u32, passes: u32, lanes: u32, most_lanes: u32) -> Option<Self> {
        let within = lanes >= 1
            && lanes <= most_lanes
            && passes >= 1
            && passes <= MAX_PASSES
            && memory_kib >= 8 * lanes
            && memory_kib <= MAX_MEMORY_KIB;
        if within { Some(Self { memory_kib, passes, lanes }) } else { None }
    }

    pub(super) fn compute(
        self,
        password: &str,
        pepper: Option<&[u8; 32]>,
        salt: &[u8],
        out: &mut [u8],
    ) -> Result<(), Fault> {
        self.compute_as((Algorithm::Argon2id, Version::V0x13), password, pepper, salt, out)
    }

    pub(super) fn compute_as(
        self,
        (algorithm, version): (Algorithm, Version),
        password: &str,
        pepper: Option<&[u8; 32]>,
        salt: &[u8],
        out: &mut [u8],
    ) -> Result<(), Fault> {
        let params =
            Params::new(self.memory_kib, self.passes, self.lanes, Some(out.len())).map_err(crypto)?;
        let secret: &[u8] = pepper.map_or(&[], |pepper| pepper);
        Argon2::new_with_secret(secret, algorithm, version, params)
            .and_then(|argon2| argon2.hash_password_into(password.as_bytes(), salt, out))
            .map_err(crypto)
    }
}

pub(super) fn crypto(error: argon2::Error) -> Fault {
    Fault::new(Component::Crypto, format_args!("argon2: {error}"))
}
