//! From an unverified token to a verified one: the only way there is.

use core::fmt;
use std::rc::Rc;

use super::{
    JwkSet, KeyMismatch, PublicKey, ReadHeader, SignatureAlgorithm, Thumbprint, UnverifiedToken,
    token::Header,
};
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
    header: Rc<Header>,
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
        self.header.read(self.bytes, self.algorithm)
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
    let verdict = verifier.verify(key, token.signing_input(), &token.signature).await;
    Ok(judged(token, (key.algorithm(), key.thumbprint()), verdict.map_err(VerifyError::Fault)?)?)
}

/// By the verdict about its signature under the key of this algorithm and thumbprint.
fn judged(
    token: &UnverifiedToken<'_>,
    (algorithm, key_thumbprint): (SignatureAlgorithm, Thumbprint),
    is_good: bool,
) -> Result<VerifiedJws, TokenError> {
    if !is_good {
        return Err(TokenError::BadSignature);
    }
    Ok(VerifiedJws {
        header: Rc::clone(&token.header),
        bytes: token.text().len(),
        payload: token.payload.clone(),
        algorithm,
        key_thumbprint,
    })
}

/// [`verify`] in two halves, for a verifier whose verdict comes by another way than a future: a token, and the one key
/// that fits it. It is good for one verdict.
#[derive(Debug)]
pub struct PendingVerification {
    token: UnverifiedToken<'static>,
    keys: Rc<JwkSet>,
    algorithm: SignatureAlgorithm,
    key_thumbprint: Thumbprint,
}

impl PendingVerification {
    /// The first half. `None` where [`verify`] would refuse the token, or ask several keys in turn.
    pub fn begin(token: UnverifiedToken<'static>, keys: Rc<JwkSet>) -> Option<Self> {
        let key = keys.matching(token.kid(), token.algorithm()).ok()?;
        if token.signature.len() != key.signature_length() {
            return None;
        }
        let (algorithm, key_thumbprint) = (key.algorithm(), key.thumbprint());
        Some(Self { token, keys, algorithm, key_thumbprint })
    }

    /// The token.
    pub const fn token(&self) -> &UnverifiedToken<'static> {
        &self.token
    }

    /// The key.
    pub fn key(&self) -> Option<&PublicKey> {
        let fits =
            |key: &&PublicKey| key.algorithm() == self.algorithm && key.thumbprint() == self.key_thumbprint;
        self.keys.keys().iter().find(fits)
    }

    /// The signature. Its length is right for the key.
    pub fn signature(&self) -> &[u8] {
        &self.token.signature
    }

    /// The second half. `is_good` is what [`SignatureVerifier::verify`] says of this key, the token's
    /// [signing input](UnverifiedToken::signing_input) and [its signature](Self::signature).
    ///
    /// # Errors
    ///
    /// [`TokenError::BadSignature`].
    pub fn end(self, is_good: bool) -> (UnverifiedToken<'static>, Result<VerifiedJws, TokenError>) {
        let verified = judged(&self.token, (self.algorithm, self.key_thumbprint), is_good);
        (self.token, verified)
    }
}
