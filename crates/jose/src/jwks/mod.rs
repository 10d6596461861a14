//! How fresh the key set of an issuer is, and where a newer one comes from: memory, then a shared
//! store, then the one place that fetches.
//!
//! - [`resolve`] decides for one request in a Worker: use what is in memory, look further, or
//!   refuse. Its caller carries out the answer and calls again.
//! - [`cache`] decides where the key set is fetched, as a pure function of state, event, and time:
//!   serve, fetch, or answer that nothing can be had.
//!
//! Everything in here is public material; what matters is that it is authentic (https, the
//! configured issuer), fresh enough, and never fetched more often than allowed.

pub mod cache;
mod discovery;
mod policy;
mod snapshot;
mod source;
mod url;

pub use discovery::{jwks_uri, metadata_urls};
pub use policy::{CachePolicy, FetchFailure, IssuerSource, KeyLocation};
pub use snapshot::Snapshot;
pub use source::{CachedSet, FetchFrom, Resolution, Tried, resolve};
pub use url::{UrlError, check_url};
