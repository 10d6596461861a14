//! The claims of the access tokens that Postern issues.

use serde::{Deserialize, Serialize};

use crate::ids::FamilyId;

/// The key a token is bound to (RFC 7800 section 3.1, RFC 9449 section 6.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// The RFC 7638 thumbprint of the proof key (`DPoP`).
    pub jkt: String,
}

/// The claims of our own access token (RFC 9068 section 2.2, and what a session needs). Empty
/// members are left out: a compact token stays under 1 KB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccessTokenClaims {
    /// Our issuer identifier.
    pub iss: String,
    /// The subject.
    pub sub: String,
    /// The audience; a single one is written as text.
    #[serde(serialize_with = "one_or_many")]
    pub aud: Vec<String>,
    /// Expiry in whole seconds since the epoch.
    pub exp: u64,
    /// Issue in whole seconds since the epoch.
    pub iat: u64,
    /// The token's id, unique.
    pub jti: String,
    /// The client.
    pub client_id: String,
    /// Scope tokens with single spaces between.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scope: String,
    /// The session, unless the token stands for a client alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<FamilyId>,
    /// The session's rotation count at issue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rot: Option<u32>,
    /// Roles.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// The tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// When the user last authenticated, in whole seconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<u64>,
    /// Authentication context class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// Authentication methods.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// The key it is bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
}

fn one_or_many<S: serde::Serializer>(audiences: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    match audiences {
        [single] => serializer.serialize_str(single),
        several => several.serialize(serializer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use postern_jose::{
        SignatureAlgorithm,
        compact::{encode_signing_input, finish},
        encoding::from_base64url,
    };

    // Tests RFC 7515 section 3.1: our access tokens have the compact form
    // Tests RFC 9068 section 2.1: our access tokens have typ at+jwt
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
