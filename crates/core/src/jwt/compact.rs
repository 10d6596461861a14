//! Writing compact tokens (RFC 7515 section 7.1). The signature in between is the signer's.

use serde::Serialize;

use crate::{encoding::base64url, jose::SignatureAlgorithm, json};

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{encoding::from_base64url, ids::FamilyId, jwt::AccessTokenClaims};

    #[test]
    fn access_token_format_unchanged() {
        let claims = AccessTokenClaims {
            iss: "https://auth.example".into(),
            sub: "u1".into(),
            aud: vec!["https://api.example".into()],
            exp: 1_700_000_600,
            iat: 1_700_000_000,
            jti: "j".into(),
            client_id: "web".into(),
            scope: String::new(),
            sid: Some(FamilyId::from_bytes([0; 16])),
            rot: Some(3),
            roles: Vec::new(),
            tenant_id: None,
            auth_time: None,
            acr: None,
            amr: Vec::new(),
            cnf: None,
        };
        let input = encode_signing_input(SignatureAlgorithm::Es256, "k1", &claims).unwrap();
        let (header, payload) = input.split_once('.').unwrap();
        let text = |part| String::from_utf8(from_base64url(part).unwrap()).unwrap();
        assert_eq!(text(header), r#"{"alg":"ES256","kid":"k1","typ":"at+jwt"}"#);
        assert_eq!(
            text(payload),
            r#"{"iss":"https://auth.example","sub":"u1","aud":"https://api.example","exp":1700000600,"iat":1700000000,"jti":"j","client_id":"web","sid":"AAAAAAAAAAAAAAAAAAAAAA","rot":3}"#
        );
        assert_eq!(finish("a.b", &[1, 2]), "a.b.AQI");
    }
}
