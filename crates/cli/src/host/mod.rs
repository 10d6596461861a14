//! The machine that the program runs on: files, environment, standard streams, clock, HTTP.
//!
//! `native` is the standard library. In the npm package `postern` the program is a WASM module, and `node` is the
//! JavaScript beside it (packages/postern/src/host.ts). Both have the same functions.

#[cfg(not(target_family = "wasm"))]
mod native;
#[cfg(target_family = "wasm")]
mod node;

#[cfg(not(target_family = "wasm"))]
pub(crate) use native::*;
#[cfg(target_family = "wasm")]
pub(crate) use node::*;

/// A request that is sent as it is, without following redirects.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) url: &'a str,
    pub(crate) headers: &'a [(&'a str, String)],
    pub(crate) body: Option<String>,
}

/// An answer, its body read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The names are lower-case. A header that was sent several times is there several times.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// Why there is no answer. It quotes no header.
#[derive(Debug)]
pub(crate) enum Unanswered {
    /// The request was not sent, because it has a part that HTTP does not allow.
    Invalid(String),
    /// The server was not reached, or its answer could not be read.
    Unreachable(String),
}

impl core::fmt::Display for Unanswered {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Invalid(why) | Self::Unreachable(why) => formatter.write_str(why),
        }
    }
}

/// How long one exchange may take, in seconds: the deployment itself gives up before.
const TIMEOUT_SECONDS: u64 = 30;
/// The largest answer read, in bytes: far above the largest page.
const MAX_ANSWER_BYTES: u64 = 8 * 1024 * 1024;
/// How the program names itself to servers.
const USER_AGENT: &str = concat!("postern/", env!("CARGO_PKG_VERSION"));
