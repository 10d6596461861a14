//! For the tests of what comes after verification: callers whose tokens went the whole way.

use core::convert::Infallible;
use std::rc::Rc;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use pollster::block_on;
use postern_gateway::Identity;
use postern_jose::{
    JwkSet, PublicKey, SignatureVerifier, UnverifiedToken,
    jwt::{ValidationPolicy, validate},
    time::Timestamp,
    verify,
};

const ISSUER: &str = "https://issuer.example";

/// Any key: the verifier looks at none.
const KEYS: &[u8] =
    br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

/// Accepts every signature.
struct Credulous;

impl SignatureVerifier for Credulous {
    type Error = Infallible;

    async fn verify(&self, _: &PublicKey, _: &[u8], _: &[u8]) -> Result<bool, Infallible> {
        Ok(true)
    }
}

/// A caller with this subject, and another one at each call.
pub(crate) fn identity(subject: &str) -> Rc<Identity> {
    let claims = format!(r#"{{"iss":"{ISSUER}","sub":"{subject}","aud":"a","iat":0,"exp":600}}"#);
    let [header, claims, signature] =
        [br#"{"alg":"EdDSA","kid":"a"}"#, claims.as_bytes(), &[0; 64]].map(Base64UrlUnpadded::encode_string);
    let text = format!("{header}.{claims}.{signature}");
    let token = UnverifiedToken::parse(&text).unwrap();
    let jws = block_on(verify(&token, &JwkSet::parse(KEYS).unwrap(), &Credulous)).unwrap();
    let policy = ValidationPolicy::external(ISSUER, vec!["a".to_owned()]);
    let token = validate(jws, &policy, Timestamp::from_seconds(10)).unwrap();
    Rc::new(Identity::of_bearer(token, &policy).unwrap())
}
