//! The port to the platform's cryptography, and the private key it signs with.

use core::fmt;

use postern_jose::{PublicKey, SignatureAlgorithm};
use serde_json::Value;
use zeroize::Zeroizing;

use super::Kid;
use crate::ports::{Component, Fault};

/// A private key out of its wrapping. In memory only, zeroised when dropped, never printed.
pub struct PrivateKey {
    kid: Kid,
    algorithm: SignatureAlgorithm,
    pkcs8: Zeroizing<Vec<u8>>,
}

impl PrivateKey {
    pub(super) const fn new(kid: Kid, algorithm: SignatureAlgorithm, pkcs8: Zeroizing<Vec<u8>>) -> Self {
        Self { kid, algorithm, pkcs8 }
    }

    /// The id that goes into the header of what it signs.
    pub const fn kid(&self) -> Kid {
        self.kid
    }

    /// The only algorithm it signs with.
    pub const fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// PKCS#8 DER (RFC 5958), for the import into the platform's cryptography.
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PrivateKey")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// A key pair as the platform made it.
pub struct GeneratedKey {
    /// The public half, with its thumbprint as `kid`.
    pub public: PublicKey,
    /// The private half as PKCS#8 DER, to be wrapped at once.
    pub pkcs8: Zeroizing<Vec<u8>>,
}

/// The members of an exported JWK that say which key it is. The platform has names of its own for
/// some algorithms, and no `kid`.
const KEY_MEMBERS: [&str; 6] = ["kty", "crv", "x", "y", "n", "e"];

impl GeneratedKey {
    /// From the public half as an exported JWK. A JWK that is not a sound key for `algorithm` is the
    /// platform's fault.
    pub fn new(algorithm: SignatureAlgorithm, jwk: &Value, pkcs8: Zeroizing<Vec<u8>>) -> Result<Self, Fault> {
        let mut members = serde_json::Map::new();
        members.extend(
            KEY_MEMBERS.into_iter().filter_map(|name| Some((name.to_owned(), jwk.get(name)?.clone()))),
        );
        let public = PublicKey::from_jwk(&Value::Object(members))
            .map_err(|error| Fault::new(Component::Crypto, error))?
            .named_by_thumbprint();
        if public.algorithm() != algorithm {
            return Err(Fault::new(Component::Crypto, "the platform made a key for another algorithm"));
        }
        Ok(Self { public, pkcs8 })
    }
}

impl fmt::Debug for GeneratedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("GeneratedKey").field("public", &self.public).finish_non_exhaustive()
    }
}

/// Makes keys and signatures: `WebCrypto` on the Worker, `native::NativeSigner` elsewhere.
#[expect(async_fn_in_trait, reason = "one thread: no caller needs a Send bound")]
pub trait Signer {
    /// The JWS signature over `signing_input` (RFC 7515 section 5.1): for ES256 the 64 bytes
    /// of R ‖ S (RFC 7518 section 3.4), never DER.
    async fn sign(&self, key: &PrivateKey, signing_input: &[u8]) -> Result<Vec<u8>, Fault>;

    /// A fresh key pair; RS256 keys have 2048 bits and the exponent 65537.
    async fn generate(&self, algorithm: SignatureAlgorithm) -> Result<GeneratedKey, Fault>;
}
