//! From an unverified token to a verified one: the only way there is.

use core::fmt;

use super::{JwkSet, KeyMismatch, PublicKey, ReadHeader, SignatureAlgorithm, Thumbprint, UnverifiedToken};
use crate::TokenError;

/// Verifies raw signatures: `WebCrypto` on the Worker, `native::NativeVerifier` elsewhere.
#[expect(async_fn_in_trait, reason = "one thread: no caller needs a Send bound")]
pub trait SignatureVerifier {
    /// The platform's fault, which says nothing of the token.
    type Error;

    /// Whether `signature` is one by `key`, with the key's own algorithm, over `signing_input`.
    /// The signature's length has been checked. ECDSA signatures are r and s in fixed length
    /// (RFC 7518 section 3.4).
    async fn verify(
        &self,
        key: &PublicKey,
        signing_input: &[u8],
        signature: &[u8],
    ) -> Result<bool, Self::Error>;
}

/// Why there is no verified token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerifyError<E> {
    /// The token is refused: on the wire `invalid_token`.
    Refused(TokenError),
    /// The verifier failed. That is never the token's fault: on the wire 503.
    Fault(E),
}

impl<E: fmt::Display> fmt::Display for VerifyError<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(cause) => cause.fmt(formatter),
            Self::Fault(fault) => fault.fmt(formatter),
        }
    }
}

impl<E: core::error::Error> core::error::Error for VerifyError<E> {}

impl<E> From<TokenError> for VerifyError<E> {
    fn from(cause: TokenError) -> Self {
        Self::Refused(cause)
    }
}

/// A token whose signature is good under one key of the set it was verified with. What it says
/// is authentic, and not yet valid: time, issuer and audience are `jwt::validate`'s.
#[derive(Clone)]
pub struct VerifiedJws {
    typ: Option<String>,
    objection: Option<TokenError>,
    bytes: usize,
    payload: Vec<u8>,
    algorithm: SignatureAlgorithm,
    key_thumbprint: Thumbprint,
}

impl fmt::Debug for VerifiedJws {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("VerifiedJws").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

impl VerifiedJws {
    /// What the header says, as the issuer's policy judges it.
    pub fn header(&self) -> ReadHeader<'_> {
        ReadHeader {
            bytes: self.bytes,
            algorithm: self.algorithm,
            typ: self.typ.as_deref(),
            objection: self.objection.as_ref(),
        }
    }

    /// What was signed, decoded.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The algorithm of the key.
    pub const fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// The RFC 7638 thumbprint of the key.
    pub const fn key_thumbprint(&self) -> Thumbprint {
        self.key_thumbprint
    }

    /// Thumbprint and payload.
    pub(crate) fn into_parts(self) -> (Thumbprint, Vec<u8>) {
        (self.key_thumbprint, self.payload)
    }
}

/// Verifies the token's signature with the one matching key of `keys`.
///
/// The key decides the algorithm: a header that names another one is refused. Exactly one key is
/// asked. Only where an issuer names none of its keys, and its token therefore none either, are
/// they asked in turn, four at most ([`JwkSet::unnamed`]).
pub async fn verify<V: SignatureVerifier>(
    token: &UnverifiedToken<'_>,
    keys: &JwkSet,
    verifier: &V,
) -> Result<VerifiedJws, VerifyError<V::Error>> {
    let mut refused = match keys.matching(token.kid(), token.algorithm()) {
        Ok(key) => return verify_with(token, key, verifier).await,
        Err(KeyMismatch::NoKey) => TokenError::UnknownKey,
        Err(KeyMismatch::WrongAlgorithm) => TokenError::AlgorithmMismatch,
        Err(KeyMismatch::Ambiguous) => TokenError::AmbiguousKey,
    };
    if token.kid().is_none() && refused == TokenError::AmbiguousKey {
        for key in keys.unnamed(token.algorithm()) {
            match verify_with(token, key, verifier).await {
                Err(VerifyError::Refused(cause)) => refused = cause,
                done => return done,
            }
        }
    }
    Err(refused.into())
}

async fn verify_with<V: SignatureVerifier>(
    token: &UnverifiedToken<'_>,
    key: &PublicKey,
    verifier: &V,
) -> Result<VerifiedJws, VerifyError<V::Error>> {
    if token.signature.len() != key.signature_length() {
        return Err(TokenError::WrongSignatureLength { bytes: token.signature.len() }.into());
    }
    if !verifier.verify(key, token.signing_input, &token.signature).await.map_err(VerifyError::Fault)? {
        return Err(TokenError::BadSignature.into());
    }
    Ok(VerifiedJws {
        typ: token.typ().map(str::to_owned),
        objection: token.header().objection.cloned(),
        bytes: token.header().bytes,
        payload: token.payload.clone(),
        algorithm: key.algorithm(),
        key_thumbprint: key.thumbprint(),
    })
}
