//! Verifying, signing and generating keys with WebCrypto. The isolate keeps imported keys, up to a bound.

use std::{cell::RefCell, collections::HashMap};

use js_sys::{Array, JSON, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use zeroize::Zeroizing;

use crate::{
    glue,
    js::{self, SUBTLE},
};
use postern_app::{
    jose::{PublicKey, SignatureAlgorithm, SignatureVerifier, Thumbprint},
    json,
    keys::{GeneratedKey, PrivateKey, Signer},
    ports::{Component, Fault},
};

/// How many imported keys an isolate keeps: 64 keys of each of a few issuers. Beyond it, the cache is emptied, which costs
/// one import for each key in use.
const MAX_IMPORTED_KEYS: usize = 256;

thread_local! {
    static IMPORTED: RefCell<HashMap<String, JsValue>> = RefCell::default();
    /// Public keys by algorithm, in the order of [`SignatureAlgorithm::ALL`], and thumbprint.
    static VERIFYING: RefCell<[HashMap<Thumbprint, JsValue>; SignatureAlgorithm::ALL.len()]> =
        RefCell::default();
}

/// The index of an algorithm in [`SignatureAlgorithm::ALL`] and in `glue.js`.
const fn number(algorithm: SignatureAlgorithm) -> u8 {
    match algorithm {
        SignatureAlgorithm::Es256 => 0,
        SignatureAlgorithm::Es384 => 1,
        SignatureAlgorithm::EdDsa => 2,
        SignatureAlgorithm::Rs256 => 3,
        SignatureAlgorithm::Ps256 => 4,
    }
}

/// WebCrypto.
#[derive(Debug, Clone, Copy)]
pub(super) struct WebCrypto;

fn fault(error: &JsValue) -> Fault {
    Fault::new(Component::Crypto, js::cause(error))
}

/// The algorithm parameter of `importKey` and `generateKey`.
fn key_parameters(algorithm: SignatureAlgorithm) -> JsValue {
    let object = match algorithm {
        SignatureAlgorithm::Es256 => js::object(&[("name", "ECDSA".into()), ("namedCurve", "P-256".into())]),
        SignatureAlgorithm::Es384 => js::object(&[("name", "ECDSA".into()), ("namedCurve", "P-384".into())]),
        SignatureAlgorithm::EdDsa => js::object(&[("name", "Ed25519".into())]),
        SignatureAlgorithm::Rs256 | SignatureAlgorithm::Ps256 => {
            let name = if algorithm == SignatureAlgorithm::Ps256 { "RSA-PSS" } else { "RSASSA-PKCS1-v1_5" };
            // Only `generateKey` reads the 2048 bits and the exponent 65537 (`publicExponent` is big-endian).
            js::object(&[
                ("name", name.into()),
                ("hash", "SHA-256".into()),
                ("modulusLength", 2048.into()),
                ("publicExponent", Uint8Array::from(&[1, 0, 1][..]).into()),
            ])
        }
    };
    object.into()
}

/// The parameters of `sign` for an algorithm (RFC 7518 section 3.1).
fn signature_parameters(algorithm: SignatureAlgorithm) -> JsValue {
    let object = match algorithm {
        SignatureAlgorithm::Es256 => js::object(&[("name", "ECDSA".into()), ("hash", "SHA-256".into())]),
        SignatureAlgorithm::Es384 => js::object(&[("name", "ECDSA".into()), ("hash", "SHA-384".into())]),
        SignatureAlgorithm::EdDsa => js::object(&[("name", "Ed25519".into())]),
        SignatureAlgorithm::Rs256 => js::object(&[("name", "RSASSA-PKCS1-v1_5".into())]),
        SignatureAlgorithm::Ps256 => js::object(&[("name", "RSA-PSS".into()), ("saltLength", 32.into())]),
    };
    object.into()
}

fn remember(name: String, key: &JsValue) {
    IMPORTED.with_borrow_mut(|imported| {
        if imported.len() >= MAX_IMPORTED_KEYS {
            imported.clear();
        }
        imported.insert(name, key.clone());
    });
}

/// A public key that was imported before, with the number of its algorithm.
pub(super) fn known(key: &PublicKey) -> Option<(u8, JsValue)> {
    let number = number(key.algorithm());
    let known = VERIFYING.with_borrow(|keys| keys.get(usize::from(number))?.get(&key.thumbprint()).cloned());
    known.map(|known| (number, known))
}

/// Imports a public key. `None` means that the platform refuses the key itself.
async fn imported(key: &PublicKey) -> Result<Option<JsValue>, Fault> {
    if let Some((_, known)) = known(key) {
        return Ok(Some(known));
    }
    let place = usize::from(number(key.algorithm()));
    let jwk = json::write(&key.to_jwk()).map_err(|error| Fault::new(Component::Crypto, error))?;
    let jwk = JSON::parse(&jwk).map_err(|error| fault(&error))?;
    // The platform has its own `alg` names for some curves. The algorithm is already decided.
    for member in ["alg", "use", "kid", "key_ops"] {
        let _ = Reflect::delete_property(jwk.unchecked_ref::<js_sys::Object>(), &JsValue::from_str(member));
    }
    let usages = Array::of1(&"verify".into());
    let promise = SUBTLE
        .with(|subtle| subtle.import_key("jwk", &jwk, &key_parameters(key.algorithm()), false, &usages));
    let settled = match promise {
        Ok(promise) => js::settled(promise).await,
        Err(error) => Err(error),
    };
    // A refusal is a defect of the key, such as a point off its curve, and not a fault of the platform.
    let Ok(imported) = settled else { return Ok(None) };
    VERIFYING.with_borrow_mut(|keys| {
        if let Some(keys) = keys.get_mut(place) {
            if keys.len() >= MAX_IMPORTED_KEYS {
                keys.clear();
            }
            keys.insert(key.thumbprint(), imported.clone());
        }
    });
    Ok(Some(imported))
}

impl SignatureVerifier for WebCrypto {
    type Error = Fault;

    async fn verify(&self, key: &PublicKey, signing_input: &[u8], signature: &[u8]) -> Result<bool, Fault> {
        let Some(imported) = imported(key).await? else { return Ok(false) };
        let promise = glue::verify(number(key.algorithm()), &imported, signature, signing_input)
            .map_err(|error| fault(&error))?;
        let verdict = js::settled(promise).await.map_err(|error| fault(&error))?;
        Ok(verdict.as_bool() == Some(true))
    }
}

impl Signer for WebCrypto {
    async fn sign(&self, key: &PrivateKey, signing_input: &[u8]) -> Result<Vec<u8>, Fault> {
        let algorithm = key.algorithm();
        let name = format!("sign {} {}", algorithm.name(), key.kid());
        let known = IMPORTED.with_borrow(|imported| imported.get(&name).cloned());
        let imported = if let Some(known) = known {
            known
        } else {
            let pkcs8 = Uint8Array::from(key.pkcs8());
            let usages = Array::of1(&"sign".into());
            let promise = SUBTLE
                .with(|subtle| subtle.import_key("pkcs8", &pkcs8, &key_parameters(algorithm), false, &usages))
                .map_err(|error| fault(&error))?;
            let imported = js::settled(promise).await.map_err(|error| fault(&error))?;
            remember(name, &imported);
            imported
        };
        let promise = SUBTLE
            .with(|subtle| {
                subtle.sign(
                    &signature_parameters(key.algorithm()),
                    &imported,
                    &Uint8Array::from(signing_input),
                )
            })
            .map_err(|error| fault(&error))?;
        let signature = js::settled(promise).await.map_err(|error| fault(&error))?;
        Ok(Uint8Array::new(&signature).to_vec())
    }

    async fn generate(&self, algorithm: SignatureAlgorithm) -> Result<GeneratedKey, Fault> {
        let (jwk, pkcs8) = generate(algorithm).await.map_err(|error| fault(&error))?;
        let jwk = json::parse_text(&jwk).map_err(|error| Fault::new(Component::Crypto, error))?;
        GeneratedKey::new(algorithm, &jwk, pkcs8)
    }
}

/// A fresh pair: the public half as JWK, the private half as PKCS#8.
async fn generate(algorithm: SignatureAlgorithm) -> Result<(String, Zeroizing<Vec<u8>>), JsValue> {
    let usages = Array::of2(&"sign".into(), &"verify".into());
    // Extractable, because the key ring stores it wrapped. The copy that signs is not extractable.
    let promise = SUBTLE.with(|subtle| subtle.generate_key(&key_parameters(algorithm), true, &usages))?;
    let pair = js::settled(promise).await?;
    let public = Reflect::get(&pair, &"publicKey".into())?;
    let private = Reflect::get(&pair, &"privateKey".into())?;
    let jwk = js::settled(SUBTLE.with(|subtle| subtle.export_key("jwk", &public))?).await?;
    let pkcs8 = js::settled(SUBTLE.with(|subtle| subtle.export_key("pkcs8", &private))?).await?;
    let jwk = JSON::stringify(&jwk)?.as_string().unwrap_or_default();
    let pkcs8 = Zeroizing::new(Uint8Array::new(&pkcs8).to_vec());
    Ok((jwk, pkcs8))
}
