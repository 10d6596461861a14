//! Text forms of bytes: strict unpadded base64url (RFC 4648 section 5, RFC 7515 appendix C).

use std::collections::BTreeSet;

use base64ct::{Base64UrlUnpadded, Encoding};

/// The texts as a set, one by one: `collect` would sort them first, and a sort is compiled anew
/// for each type.
pub(crate) fn text_set(texts: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    let mut set = BTreeSet::new();
    for text in texts {
        set.insert(text);
    }
    set
}

/// Encodes without padding.
pub fn base64url(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// Decodes strictly: no padding, no white space, no trailing bits, only the URL-safe alphabet.
pub fn from_base64url(text: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(text).ok()
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use core::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Serde form of 32 bytes (a SHA-256) as base64url: `#[serde(with = "crate::encoding::base64url_32")]`.
pub mod base64url_32 {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    /// Writes the 43 characters.
    pub fn serialize<S: Serializer>(bytes: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::base64url(bytes))
    }

    /// Reads the 43 characters strictly.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(deserializer)?;
        super::from_base64url(&text)
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| D::Error::custom("not 32 bytes of base64url"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lax_spellings_of_the_same_bytes_are_refused() {
        assert_eq!(from_base64url("AQI"), Some(vec![1, 2]));
        for lax in ["AQI=", "AQJ", "AQ I", "AQI\n", "+/8"] {
            assert_eq!(from_base64url(lax), None, "{lax:?}");
        }
    }

    #[test]
    fn hexadecimal_is_lower_case_and_padded() {
        assert_eq!(hex(&[0, 10, 255]), "000aff");
    }
}
