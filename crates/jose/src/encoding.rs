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

/// Stands for a byte that is no character of the alphabet: a bit above those of three bytes.
const NO_CHARACTER: u32 = 1 << 24;

/// The bits that each character gives to three bytes, the first of them lowest, at each of four places.
#[expect(clippy::indexing_slicing, reason = "done by the compiler, which would say so")]
const PLACES: [[u32; 256]; 4] = {
    let mut places = [[NO_CHARACTER; 256]; 4];
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut sextet = 0;
    while sextet < 64 {
        let character = alphabet[sextet as usize] as usize;
        places[0][character] = sextet << 2;
        places[1][character] = sextet >> 4 | (sextet & 0x0f) << 12;
        places[2][character] = (sextet >> 2) << 8 | (sextet & 0x03) << 22;
        places[3][character] = sextet << 16;
        sextet += 1;
    }
    places
};

/// Decodes strictly: no padding, no white space, no trailing bits, only the URL-safe alphabet.
///
/// By tables: what comes here is sent to us or public (access tokens, key sets, a revocation feed of
/// megabytes), and `base64ct`, which takes the same time for every byte, was most of what parsing a
/// token cost (docs/reference/growth.md). Refresh secrets are read with that one.
pub fn from_base64url(text: &str) -> Option<Vec<u8>> {
    let [first, second, third, fourth] = &PLACES;
    let at = |place: &[u32; 256], byte: u8| place.get(usize::from(byte)).map_or(NO_CHARACTER, |bits| *bits);
    let (fours, rest) = text.as_bytes().as_chunks::<4>();
    let (tail, tail_bytes) = match *rest {
        [] => (0, 0),
        [a, b] => (at(first, a) | at(second, b), 1),
        [a, b, c] => (at(first, a) | at(second, b) | at(third, c), 2),
        _ => return None,
    };
    let mut bytes = Vec::with_capacity(fours.len() * 3 + tail_bytes);
    bytes.resize(fours.len() * 3, 0);
    // One look in the end at what all of them have.
    let mut seen = tail;
    for ([a, b, c, d], three) in fours.iter().zip(bytes.as_chunks_mut::<3>().0) {
        let bits = at(first, *a) | at(second, *b) | at(third, *c) | at(fourth, *d);
        seen |= bits;
        let [one, two, last, _] = bits.to_le_bytes();
        *three = [one, two, last];
    }
    let tail = tail.to_le_bytes();
    let (kept, beyond) = tail.split_at(tail_bytes);
    bytes.extend_from_slice(kept);
    (seen < NO_CHARACTER && beyond.iter().all(|byte| *byte == 0)).then_some(bytes)
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
