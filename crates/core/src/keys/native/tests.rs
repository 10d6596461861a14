use jwt_compact::{AlgorithmExt as _, UntrustedToken, alg::Es256, jwk::JsonWebKey};
use pollster::block_on;

use super::*;
use crate::{
    keys::WrappedKey,
    secrets::{Master, Masters},
};
use postern_jose::{PublicJwk, SignatureAlgorithm, encoding::base64url};

/// SHA-256 as the crates under jwt-compact know it.
type Sha256 = <Signature as p256::ecdsa::signature::PrehashSignature>::Digest;

/// Those that make keys in no time.
const FAST: &[SignatureAlgorithm] = if cfg!(feature = "all-algorithms") {
    &[SignatureAlgorithm::Es256, SignatureAlgorithm::EdDsa]
} else {
    &[SignatureAlgorithm::Es256]
};

struct System;

impl Randomness for System {
    #[expect(clippy::disallowed_methods, reason = "an implementation of the port")]
    fn fill(&self, buffer: &mut [u8]) -> Result<(), Fault> {
        getrandom::fill(buffer).map_err(crypto)
    }
}

struct Broken;

impl Randomness for Broken {
    fn fill(&self, _: &mut [u8]) -> Result<(), Fault> {
        Err(crypto("no randomness"))
    }
}

/// A token signed with a fresh key that was wrapped and opened between, and the key's JWK.
fn signed(algorithm: SignatureAlgorithm) -> (String, PublicJwk) {
    let signer = NativeSigner::new(System);
    let generated = block_on(signer.generate(algorithm)).unwrap();
    let master = Master::derive(1, &[7; 32]).unwrap();
    let kid = generated.public.thumbprint();
    let wrapped = WrappedKey::seal(kid, algorithm, &generated.pkcs8, &master, &System).unwrap();
    let key = wrapped.open(&Masters::new(master, vec![])).unwrap();
    let header = base64url(format!(r#"{{"alg":"{algorithm}","kid":"{kid}","typ":"at+jwt"}}"#).as_bytes());
    let input = format!("{header}.{}", base64url(b"{}"));
    let signature = block_on(signer.sign(&key, input.as_bytes())).unwrap();
    (format!("{input}.{}", base64url(&signature)), generated.public.to_jwk())
}

/// jwt-compact's own reading of the key and verdict on the signature.
fn verified_by_jwt_compact(token: &str, jwk: &PublicJwk) -> bool {
    let jwk: JsonWebKey<'_> = serde_json::from_value(serde_json::to_value(jwk).unwrap()).unwrap();
    let thumbprint: [u8; 32] = jwk.thumbprint::<Sha256>().into();
    let token = UntrustedToken::new(token).unwrap();
    assert_eq!(token.header().key_id, Some(super::super::Kid::from_bytes(thumbprint).to_string()));
    match token.algorithm() {
        "ES256" => {
            let key = p256::ecdsa::VerifyingKey::try_from(&jwk).unwrap();
            Es256.validator::<serde_json::Value>(&key).validate(&token).is_ok()
        }
        #[cfg(feature = "all-algorithms")]
        "EdDSA" => {
            use jwt_compact::alg::Ed25519;
            let key = ed25519_dalek::VerifyingKey::try_from(&jwk).unwrap();
            Ed25519.validator::<serde_json::Value>(&key).validate(&token).is_ok()
        }
        #[cfg(feature = "all-algorithms")]
        "RS256" => {
            use jwt_compact::alg::{Rsa, RsaPublicKey};
            let key = RsaPublicKey::try_from(&jwk).unwrap();
            Rsa::rs256().validator::<serde_json::Value>(&key).validate(&token).is_ok()
        }
        _ => false,
    }
}

// Of each algorithm.
// Tests RFC 7518 section 3.4: what ES256 and ES384 sign verifies under the published key alone
// Tests RFC 8037 section 3.1: what EdDSA signs verifies under the published key alone
#[test]
fn signatures_verify_under_the_published_key_alone() {
    for &algorithm in FAST {
        let (token, jwk) = signed(algorithm);
        assert!(verified_by_jwt_compact(&token, &jwk), "{algorithm}");
        let (other, _) = signed(algorithm);
        let forged = format!("{}.{}", token.rsplit_once('.').unwrap().0, other.rsplit_once('.').unwrap().1);
        assert!(!verified_by_jwt_compact(&forged, &jwk), "{algorithm}");
    }
}

// Tests RFC 7518 section 3.3: an RS256 key of ours has 2048 bits
#[cfg(feature = "all-algorithms")]
#[test]
fn an_rs256_key_has_2048_bits_and_what_it_signs_verifies() {
    let (token, jwk) = signed(SignatureAlgorithm::Rs256);
    let members = serde_json::to_value(&jwk).unwrap();
    assert_eq!(members["e"], "AQAB");
    assert_eq!(members["n"].as_str().unwrap().len(), 342, "2048 bits in base64url");
    assert!(verified_by_jwt_compact(&token, &jwk));
}

#[test]
fn without_randomness_no_key_is_made() {
    let signer = NativeSigner::new(Broken);
    for &algorithm in FAST {
        assert_eq!(block_on(signer.generate(algorithm)).unwrap_err().part, crate::ports::Component::Crypto);
    }
}

#[test]
fn a_key_that_is_not_of_its_algorithm_is_a_fault_and_no_panic() {
    let signer = NativeSigner::new(System);
    let pkcs8 = block_on(signer.generate(SignatureAlgorithm::Es256)).unwrap().pkcs8;
    let kid = super::super::Kid::from_bytes([0; 32]);
    for bytes in [pkcs8, Zeroizing::new(vec![0x30, 0x80]), Zeroizing::new(Vec::new())] {
        let key = PrivateKey::new(kid, SignatureAlgorithm::EdDsa, bytes);
        assert_eq!(block_on(signer.sign(&key, b"x")).unwrap_err().part, crate::ports::Component::Crypto);
    }
}
