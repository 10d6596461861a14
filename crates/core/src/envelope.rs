//! The text form that the tokens of this deployment share: a prefix for secret scanners, and base64url of
//! `version (1) ‖ master id (1) ‖ what it is ‖ MAC (16)`.
//!
//! The MAC is HMAC-SHA-256 under a key for this kind of token alone, cut to 16 bytes (RFC 2104 section 5). It keeps garbage
//! from waking an object; the value of a token rests on the secret inside of it.

use base64ct::{Base64UrlUnpadded, Encoding as _};
use postern_jose::encoding::base64url;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::secrets::Key;

/// 16 bytes: a forger needs 2^127 tries, each one a request.
pub(crate) const MAC_BYTES: usize = 16;

/// The characters of a token whose bytes, with the MAC, are so many.
pub(crate) const fn chars(prefix: &str, bytes: usize) -> usize {
    prefix.len() + (bytes * 4).div_ceil(3)
}

/// The text of a token. `BYTES` is the length of `signed` with the MAC, so that the secret in the buffer is never moved.
pub(crate) fn seal<const BYTES: usize>(prefix: &str, key: &Key, signed: &[&[u8]]) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(BYTES));
    for part in signed {
        bytes.extend_from_slice(part);
    }
    let mac = mac(key, &bytes);
    bytes.extend_from_slice(&mac);
    let encoded = Zeroizing::new(base64url(&bytes));
    Zeroizing::new([prefix, &encoded].concat())
}

/// The bytes of a text that has the form of such a token. Costs nothing but a look at the length for a text of another
/// length.
pub(crate) fn decode<const BYTES: usize>(prefix: &str, text: &str) -> Option<Zeroizing<[u8; BYTES]>> {
    if text.len() != chars(prefix, BYTES) {
        return None;
    }
    let mut bytes = Zeroizing::new([0; BYTES]);
    Base64UrlUnpadded::decode(text.strip_prefix(prefix)?, bytes.as_mut()).ok()?;
    Some(bytes)
}

/// The signed bytes, if the MAC behind them is the key's. Compares in constant time.
pub(crate) fn authentic<'b, const SIGNED: usize>(key: &Key, bytes: &'b [u8]) -> Option<&'b [u8; SIGNED]> {
    let (signed, presented) = bytes.split_first_chunk::<SIGNED>()?;
    bool::from(mac(key, signed).ct_eq(presented)).then_some(signed)
}

fn mac(key: &Key, signed: &[u8]) -> [u8; MAC_BYTES] {
    let [mac @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = key.mac(&[signed]);
    mac
}
