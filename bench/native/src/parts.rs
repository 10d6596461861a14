//! What the cases are made of.

use core::{cell::Cell, convert::Infallible};
use std::collections::BTreeMap;

use postern_app::{
    config::Config,
    encoding::base64url,
    gateway::Route,
    jose::{JwkSet, PublicKey, SignatureAlgorithm, SignatureVerifier, UnverifiedToken, VerifiedJws, verify},
    keys::{Signer as _, native::NativeSigner},
    ports::{Fault, Randomness},
    time::Timestamp,
};
use serde_json::{Value, json};

/// Now.
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_700_000_300);
pub(crate) const ISSUER: &str = "https://auth.example.com";
pub(crate) const AUDIENCE: &str = "https://api.example.com";

/// The same in every run.
#[derive(Default)]
pub(crate) struct Numbers(Cell<u64>);

impl Numbers {
    /// Steps of the golden ratio through 64 bits: all different, spread evenly.
    pub(crate) fn next(&self) -> u64 {
        self.0.set(self.0.get() + 1);
        self.0.get().wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

impl Randomness for Numbers {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), Fault> {
        for chunk in buffer.chunks_mut(8) {
            for (byte, random) in chunk.iter_mut().zip(self.next().to_le_bytes()) {
                *byte = random;
            }
        }
        Ok(())
    }
}

/// A key set of `count` ES256 keys, `k0` to the last, as an issuer publishes it.
pub(crate) fn key_set(count: u64) -> String {
    let signer = NativeSigner::new(Numbers::default());
    let keys: Vec<Value> = (0..count)
        .map(|index| {
            let key = pollster::block_on(signer.generate(SignatureAlgorithm::Es256)).expect("a key");
            let mut jwk = serde_json::to_value(key.public).expect("JSON");
            jwk["kid"] = format!("k{index}").into();
            jwk
        })
        .collect();
    json!({"keys": keys}).to_string()
}

pub(crate) fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "018f2f6e-9a3c-7c1e-8a55-0f9d3c1b2a77", "aud": AUDIENCE, "client_id": "postern",
        "iat": 1_700_000_000, "exp": 1_700_000_600, "jti": "AAAAAAAAAAAAAAAAAAAAAA", "sid": "BBBBBBBBBBBBBBBBBBBBBB", "rot": 3,
        "scope": "read:orders write:orders", "roles": ["user", "editor"], "tenant_id": "tenant-7",
    })
}

/// A token of these claims, signed by nobody.
pub(crate) fn token(kid: &str, claims: &Value) -> String {
    let header = json!({"alg": "ES256", "kid": kid, "typ": "at+jwt"}).to_string();
    let payload = claims.to_string();
    format!("{}.{}.{}", base64url(header.as_bytes()), base64url(payload.as_bytes()), base64url(&[7; 64]))
}

/// A token of about this many bytes, by a list of groups, as directories of companies put them into tokens. The
/// smallest is one without roles, tenant and session.
pub(crate) fn token_of(bytes: u64) -> String {
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    let mut all = claims();
    if bytes < 500 {
        all = json!({"iss": "https://a.example", "sub": "u1", "aud": AUDIENCE, "client_id": "c", "iat": 1_700_000_000, "exp": 1_700_000_600, "jti": "a"});
    }
    let mut groups = Vec::new();
    while token("k0", &all).len() + 20 < bytes {
        groups.push(format!("group-{:04}", groups.len()));
        all["groups"] = json!(groups);
    }
    token("k0", &all)
}

/// Says that every signature is good: what a signature costs is the platform's.
pub(crate) struct Agreeable;

impl SignatureVerifier for Agreeable {
    type Error = Infallible;

    async fn verify(&self, _: &PublicKey, _: &[u8], _: &[u8]) -> Result<bool, Infallible> {
        Ok(true)
    }
}

pub(crate) fn verified(token: &str, keys: &JwkSet) -> VerifiedJws {
    let parsed = UnverifiedToken::parse(token).expect("a token");
    pollster::block_on(verify(&parsed, keys, &Agreeable)).expect("agreeable")
}

/// `POSTERN_ROUTES` of this many routes, three segments deep, each for its own service.
pub(crate) fn routes_setting(count: u64) -> Value {
    let route = |index| {
        json!({
            "name": format!("r{index}"), "path": format!("/api/service-{index}/{{id}}"), "methods": ["GET", "POST"],
            "scopes_all": [format!("read:service-{index}")], "upstream": "https://origin.example",
            "headers": {"tenant_id": "x-user-tenant"},
        })
    };
    (0..count).map(route).collect()
}

/// The variables of a deployment with these routes.
pub(crate) fn vars(routes: Value) -> BTreeMap<String, Value> {
    BTreeMap::from([
        ("POSTERN_ISSUER".to_owned(), json!(ISSUER)),
        ("POSTERN_AUDIENCE".to_owned(), json!(AUDIENCE)),
        ("POSTERN_MASTER_KEY".to_owned(), json!("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")),
        ("POSTERN_ROUTES".to_owned(), routes),
    ])
}

pub(crate) fn routes(count: u64) -> Vec<Route> {
    Config::from_vars(&vars(routes_setting(count))).expect("sound").routes
}
