//! Verifies what Postern's gate says about a caller, in the origin behind it: the signed assertion, or an access token.
//!
//! ```
//! use postern_origin::{Caller, FetchError, FetchKeys, Fetched, RequireCaller, Verifier};
//!
//! // With the HTTP client that you have.
//! #[derive(Clone)]
//! struct Client;
//!
//! impl FetchKeys for Client {
//!     async fn fetch(&self, url: &str) -> Result<Fetched, FetchError> {
//!         Err(format!("no client in this example, to fetch {url}").into())
//!     }
//! }
//!
//! let verifier =
//!     Verifier::assertions("https://auth.example.com", ["https://orders.internal.example.com"], Client)?;
//! let layer = RequireCaller::new(verifier).health(["/healthz"])?.on_refused(|refusal| eprintln!("{refusal}"));
//! // axum: Router::new().route("/orders", get(orders)).layer(layer), and in the handler Extension(caller): Extension<Caller>
//! # let _ = layer;
//! # Ok::<(), postern_origin::SettingsError>(())
//! ```
//!
//! Two headers are refused; the kind of token is the verifier's and not the request's; keys come from one address and never
//! from a token; and without keys every request is 503.

mod caller;
mod error;
mod headers;
mod key_set;
mod layer;
mod verifier;

pub use caller::Caller;
pub use error::{Kind, Reason, Refusal, SettingsError};
pub use key_set::{FetchError, FetchKeys, Fetched};
pub use layer::{Guarded, RequireCaller};
pub use postern_jose::{TokenError, time::Timestamp};
pub use verifier::{Verifier, policy};
