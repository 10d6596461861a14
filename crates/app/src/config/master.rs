//! `POSTERN_MASTER_KEY`: the master secrets. Nothing prints them.

use core::fmt;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use zeroize::Zeroizing;

use super::reader::Node;

/// The minimum length in bytes: the output length of HKDF-SHA-256.
const MIN_BYTES: usize = 32;

/// How to generate a master secret.
pub(super) const MAKE: &str = "Generate one with: openssl rand -base64 32 | tr '+/' '-_' | tr -d '='";

/// The highest number of master secrets. Rotation needs two, and more only slow down a look-up.
const MAX_KEYS: usize = 8;

/// The master secrets with their ids. The first one is current, and the others are still accepted.
#[derive(Clone)]
pub struct MasterKeys(Vec<(u8, Zeroizing<Vec<u8>>)>);

impl MasterKeys {
    /// The id and the bytes of each secret, the current one first. Never empty in a [`super::Config`].
    pub(crate) fn as_slice(&self) -> &[(u8, Zeroizing<Vec<u8>>)] {
        &self.0
    }
}

/// Shows only the ids.
impl fmt::Debug for MasterKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.iter().map(|(id, _)| format!("{id}: redacted"))).finish()
    }
}

pub(super) fn read(node: &Node<'_>) -> Option<MasterKeys> {
    if node.is_text() {
        // A single secret has id 1.
        return key(node).map(|key| MasterKeys(vec![(1, key)]));
    }
    let mut ids: Vec<u8> = Vec::new();
    let mut seen: Vec<Zeroizing<Vec<u8>>> = Vec::new();
    let keys = node.each(|item| {
        let fields = item.object(&["id", "key"])?;
        let id = fields.required("id").and_then(|id| {
            let number = u8::try_from(id.number(0..=255)?).ok()?;
            if ids.contains(&number) {
                return id.wrong("is listed twice");
            }
            ids.push(number);
            Some(number)
        });
        let key = fields.required("key").and_then(|node| {
            let key = key(node)?;
            if seen.contains(&key) {
                return node.wrong("must differ from the other secrets in the list");
            }
            seen.push(key.clone());
            Some(key)
        });
        Some((id?, key?))
    })?;
    match keys.len() {
        0 => node.wrong("must not be empty"),
        1..=MAX_KEYS => Some(MasterKeys(keys)),
        _ => node.wrong(format!("must contain at most {MAX_KEYS} secrets")),
    }
}

fn key(node: &Node<'_>) -> Option<Zeroizing<Vec<u8>>> {
    // Decoded in constant time, because it is a secret.
    let key = Zeroizing::new(match Base64UrlUnpadded::decode_vec(node.text()?) {
        Ok(bytes) => bytes,
        Err(_) => return node.wrong(["must be base64url without padding. ", MAKE].concat()),
    });
    if key.len() < MIN_BYTES {
        return node.wrong(format!("must be at least {MIN_BYTES} bytes; it has {}. {MAKE}", key.len()));
    }
    if key.iter().all(|byte| Some(byte) == key.first()) {
        return node.wrong("must be random: it repeats a single byte");
    }
    Some(key)
}
