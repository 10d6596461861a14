//! Writing compact tokens (RFC 7515 section 7.1). The signature in between is the signer's.

use serde::Serialize;

use crate::{SignatureAlgorithm, encoding::base64url, json};

/// The `typ` of an access token (RFC 9068 section 2.1).
pub const ACCESS_TOKEN_TYP: &str = "at+jwt";

#[derive(Serialize)]
struct Header<'a> {
    alg: SignatureAlgorithm,
    kid: &'a str,
    typ: &'a str,
}

/// What is to be signed for an access token: header `{alg, kid, typ: "at+jwt"}` and the claims.
/// Fails only if the claims cannot be JSON (a map with keys that are no text).
pub fn encode_signing_input(
    algorithm: SignatureAlgorithm,
    kid: &str,
    claims: &impl Serialize,
) -> Result<String, serde_json::Error> {
    encode_signing_input_typed(algorithm, kid, ACCESS_TOKEN_TYP, claims)
}

/// The same for a token of another kind, named by its own `typ` (RFC 8725 section 3.11).
pub fn encode_signing_input_typed(
    algorithm: SignatureAlgorithm,
    kid: &str,
    typ: &str,
    claims: &impl Serialize,
) -> Result<String, serde_json::Error> {
    let header = json::write(&Header { alg: algorithm, kid, typ })?;
    let claims = json::write(claims)?;
    Ok(format!("{}.{}", base64url(header.as_bytes()), base64url(claims.as_bytes())))
}

/// The compact token: the signing input with its signature.
pub fn finish(signing_input: &str, signature: &[u8]) -> String {
    format!("{signing_input}.{}", base64url(signature))
}
