//! Text forms of bytes: strict unpadded base64url (RFC 4648 section 5, RFC 7515 appendix C).

use std::collections::BTreeSet;

use base64ct::{Base64UrlUnpadded, Encoding};

/// The texts as a set, one by one: `collect` would sort them first, and a sort is compiled anew
/// for each type.
pub fn text_set(texts: impl IntoIterator<Item = String>) -> BTreeSet<String> {
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

/// No character of the alphabet has this value: it has bits that six do not have.
const NO_SEXTET: u8 = 0xff;

/// What each byte stands for.
#[expect(clippy::indexing_slicing, reason = "done by the compiler, which would say so")]
const SEXTETS: [u8; 256] = {
    let mut table = [NO_SEXTET; 256];
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut value = 0;
    while value < 64 {
        table[alphabet[value as usize] as usize] = value;
        value += 1;
    }
    table
};

/// Decodes strictly: no padding, no white space, no trailing bits, only the URL-safe alphabet.
///
/// By a table: what comes here is sent to us or public (access tokens, key sets, a revocation feed of
/// megabytes), and `base64ct`, which takes the same time for every byte, was most of what parsing a
/// token cost (docs/reference/growth.md). Refresh secrets are read with that one.
pub fn from_base64url(text: &str) -> Option<Vec<u8>> {
    let sextet = |byte: u8| SEXTETS.get(usize::from(byte)).map_or(NO_SEXTET, |value| *value);
    let (fours, rest) = text.as_bytes().as_chunks::<4>();
    let mut bytes = vec![0; fours.len() * 3];
    for (four, three) in fours.iter().zip(bytes.as_chunks_mut::<3>().0) {
        let [a, b, c, d] = four.map(sextet);
        if (a | b | c | d) > 0x3f {
            return None;
        }
        *three = [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d];
    }
    match *rest {
        [] => Some(bytes),
        [a, b] => {
            let [a, b] = [a, b].map(sextet);
            bytes.push(a << 2 | b >> 4);
            ((a | b) <= 0x3f && b << 4 == 0).then_some(bytes)
        }
        [a, b, c] => {
            let [a, b, c] = [a, b, c].map(sextet);
            bytes.extend_from_slice(&[a << 2 | b >> 4, b << 4 | c >> 2]);
            ((a | b | c) <= 0x3f && c << 6 == 0).then_some(bytes)
        }
        _ => None,
    }
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

/// Serde form of 32 bytes (a SHA-256) as base64url: `#[serde(with = "postern_jose::encoding::base64url_32")]`.
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

    // Tests RFC 4648 section 3.5: unused bits of the last character are zero
    // Tests RFC 7515 section 2: base64url has no padding, no white space and no line breaks
    #[test]
    fn lax_spellings_of_the_same_bytes_are_refused() {
        assert_eq!(from_base64url("AQI"), Some(vec![1, 2]));
        for lax in ["AQI=", "AQJ", "AQ I", "AQI\n", "+/8"] {
            assert_eq!(from_base64url(lax), None, "{lax:?}");
        }
    }

    #[test]
    fn every_byte_is_read_as_another_implementation_does() {
        for byte in 0..=127_u8 {
            for text in [
                format!("AAA{}", char::from(byte)),
                format!("A{}", char::from(byte)),
                format!("AB{}", char::from(byte)),
            ] {
                assert_eq!(from_base64url(&text), Base64UrlUnpadded::decode_vec(&text).ok(), "{text:?}");
            }
        }
    }

    #[test]
    fn hexadecimal_is_lower_case_and_padded() {
        assert_eq!(hex(&[0, 10, 255]), "000aff");
    }
}

#[cfg(all(test, feature = "thorough"))]
mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn decoding_agrees_with_another_implementation_on_every_text(
            text in prop_oneof!["[A-Za-z0-9_-]{0,20}", "[A-Za-z0-9_=+/. -]{0,9}", any::<String>()],
        ) {
            prop_assert_eq!(from_base64url(&text), Base64UrlUnpadded::decode_vec(&text).ok());
        }

        #[test]
        fn what_was_encoded_is_decoded(bytes in any::<Vec<u8>>()) {
            prop_assert_eq!(from_base64url(&base64url(&bytes)), Some(bytes));
        }
    }
}
