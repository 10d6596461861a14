//! Bad tokens, each named by its attack. A pure generator: a test of the library runs them
//! through `jose` and `jwt`, a test of the running Worker sends the same ones over HTTP.
//!
//! Every forged claim and header is signed with the issuer's own good key, so that nothing but
//! the rule under attack can refuse it.

mod claims;
mod header;
#[cfg(feature = "all-algorithms")]
mod other_algorithms;
mod signature;
mod structure;

use jwt_compact::{Algorithm, AlgorithmSignature as _, alg::Es256};
use postern_app::encoding::base64url;
use serde_json::{Value, json};

/// One bad token.
pub(crate) struct Attack {
    /// What is attempted; unique.
    pub(crate) name: String,
    /// The token as the attacker sends it.
    pub(crate) token: String,
    /// The cause it must be refused for.
    pub(crate) code: &'static str,
    /// Whether it is none in another issuer's token: nobody reads there what is wrong with it.
    pub(crate) only_ours: bool,
}

impl Attack {
    fn only_ours(self) -> Self {
        Self { only_ours: true, ..self }
    }
}

/// The issuer that is attacked: its name, its audience, its time, its keys.
pub(crate) struct Scene {
    /// `iss`.
    pub(crate) issuer: String,
    /// `aud`.
    pub(crate) audience: String,
    /// Now, in seconds.
    pub(crate) now: u64,
}

type P256Key = <Es256 as Algorithm>::SigningKey;

pub(crate) fn p256(seed: u8) -> P256Key {
    P256Key::from_slice(&[seed; 32]).unwrap()
}

pub(crate) fn p256_jwk(kid: &str, key: &P256Key) -> Value {
    let point = key.verifying_key().to_encoded_point(false);
    let bytes = point.as_bytes();
    json!({"kty": "EC", "crv": "P-256", "kid": kid, "alg": "ES256", "use": "sig",
        "x": base64url(&bytes[1..33]), "y": base64url(&bytes[33..])})
}

/// The modulus of RFC 7515 appendix A.2: a public key whose private half nobody here needs.
pub(crate) const RSA_MODULUS: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";

/// The public key of [`eddsa`] with the seed 3.
const ED25519_KEY: &str = "7UkoxijRwsbq6QM4kFmVYSlZJzpcY_k2NsFGFKyHN9E";

impl Scene {
    /// The issuer's published keys: `k1` and `k2` (ES256), `k3` (`EdDSA`), `k4` (RS256), and an
    /// encryption key `k5` that must verify nothing.
    pub(crate) fn jwks() -> Value {
        let mut encryption = p256_jwk("k5", &p256(5));
        encryption["use"] = json!("enc");
        json!({"keys": [
            p256_jwk("k1", &p256(1)),
            p256_jwk("k2", &p256(2)),
            {"kty": "OKP", "crv": "Ed25519", "kid": "k3", "x": ED25519_KEY},
            {"kty": "RSA", "kid": "k4", "alg": "RS256", "n": RSA_MODULUS, "e": "AQAB"},
            encryption,
        ]})
    }

    /// Claims that are accepted.
    pub(crate) fn claims(&self) -> Value {
        json!({"iss": self.issuer, "sub": "user-1", "aud": self.audience, "exp": self.now + 600,
            "iat": self.now, "jti": "token-1", "client_id": "web", "scope": "read write", "roles": ["member"]})
    }

    /// A token that is accepted.
    pub(crate) fn good(&self) -> String {
        Self::signed_claims(&self.claims())
    }

    fn signed_claims(claims: &Value) -> String {
        signed(GOOD_HEADER, serde_json::to_vec(claims).unwrap())
    }

    /// Every attack.
    pub(crate) fn attacks(&self) -> Vec<Attack> {
        let mut attacks = structure::attacks(self);
        attacks.extend(header::attacks(self));
        attacks.extend(signature::attacks(self));
        #[cfg(feature = "all-algorithms")]
        attacks.extend(other_algorithms::attacks(self));
        attacks.extend(claims::attacks(self));
        attacks
    }
}

/// The header of a good token.
const GOOD_HEADER: &str = r#"{"alg":"ES256","kid":"k1","typ":"at+jwt"}"#;

fn input(header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    format!("{}.{}", base64url(header.as_ref()), base64url(payload.as_ref()))
}

/// Any header and payload under a good signature by `k1`.
fn signed(header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    let input = input(header, payload);
    let signature = es256(1, input.as_bytes());
    format!("{input}.{}", base64url(&signature))
}

/// A signature by the P-256 key of this seed.
pub(crate) fn es256(seed: u8, message: &[u8]) -> Vec<u8> {
    Es256.sign(&p256(seed), message).as_bytes().to_vec()
}

/// A signature by the Ed25519 key of this seed.
#[cfg(feature = "all-algorithms")]
fn eddsa(seed: u8, message: &[u8]) -> Vec<u8> {
    use ed25519_dalek::Signer as _;
    ed25519_dalek::SigningKey::from_bytes(&[seed; 32]).sign(message).to_bytes().to_vec()
}

fn attack(name: impl Into<String>, code: &'static str, token: impl Into<String>) -> Attack {
    Attack { name: name.into(), token: token.into(), code, only_ours: false }
}
