//! The key sets of trusted issuers: read from memory, then from KV, then from the issuer's one
//! object, which alone fetches.
//!
//! - [`resolve`] decides for one request in a Worker: use what is in memory, look further, or
//!   refuse. The edge executes its answer and asks again.
//! - [`cache`] decides inside the object, as a pure function of state, event and time: serve,
//!   fetch, or say that nothing can be had.
//! - [`IssuerKeys`] is what the object does with those decisions: one fetch at a time.
//!
//! Everything in here is public material; what matters is that it is authentic (https, the
//! configured issuer), fresh enough, and never fetched more often than allowed.

pub mod cache;
mod client;
mod discovery;
mod messages;
mod object;
mod policy;
mod source;
mod url;

pub use client::{IssuerKeySet, IssuerKeysObjects, NoKeySet};
pub use discovery::{jwks_uri, metadata_urls};
pub use messages::{IssuerKeysAnswer, IssuerKeysRequest, Snapshot, Unavailable};
pub use object::IssuerKeys;
pub use policy::{CachePolicy, FetchFailure, IssuerSource, KeyLocation};
pub use source::{CachedSet, FetchFrom, Resolution, Tried, resolve};
pub use url::{UrlError, check_url};
