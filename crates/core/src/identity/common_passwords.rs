//! The passwords that attackers guess first, as a filter: NIST SP 800-63B section 5.1.1.2 demands
//! that users cannot choose them.
//!
//! `common.bin` is an xor filter (Graf and Lemire, 2020) of the 10 000 most common passwords of 8
//! bytes or more from the list of the npm package `@zxcvbn-ts/language-common` (MIT licence, see
//! `common.txt`), made by `scripts/common-passwords.mjs`. It matches every one of them, and also
//! one in 256 other passwords: their users choose again.

use sha2::{Digest as _, Sha256};

/// `seed (4 bytes) ‖ length of a third (4 bytes) ‖ fingerprints`, big-endian.
static FILTER: &[u8] = include_bytes!("common.bin");

/// Whether the password, in any case of its letters, is among the common ones.
pub(crate) fn is_common(password: &str) -> bool {
    contains(FILTER, &password.to_lowercase()).unwrap_or(false)
}

/// One fingerprint in each third of the filter; together they give the key's own.
fn contains(filter: &[u8], key: &str) -> Option<bool> {
    let (seed, rest) = filter.split_first_chunk::<4>()?;
    let (third, fingerprints) = rest.split_first_chunk::<4>()?;
    let third = usize::try_from(u32::from_be_bytes(*third)).ok()?;
    let hash = Sha256::new().chain_update(seed).chain_update(key).finalize();
    let (own, places) = hash.split_first()?;
    let mut found = *own;
    for (index, place) in places.chunks_exact(4).take(3).enumerate() {
        let place = usize::try_from(u32::from_be_bytes(place.try_into().ok()?)).ok()?;
        found ^= fingerprints.get(index * third + place.checked_rem(third)?)?;
    }
    Some(found == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_everybody_uses_is_known_in_any_case() {
        for common in ["password", "12345678", "PassWord", "qwertyuiop", "trustno1", "iloveyou", "1qaz2wsx"] {
            assert!(is_common(common), "{common}");
        }
    }

    #[test]
    fn a_passphrase_is_not_and_chance_hits_are_rare() {
        assert!(!is_common("correct horse battery staple"));
        let hits = (0..10_000).filter(|n| is_common(&format!("a phrase of somebody {n}"))).count();
        assert!((10..100).contains(&hits), "one in 256 is expected: {hits} of 10 000");
    }

    #[test]
    fn a_damaged_filter_knows_nothing_and_does_not_fail() {
        for filter in [&b""[..], b"1234", b"12345678", b"1234\0\0\0\0", b"1234\xff\xff\xff\xff9"] {
            assert_eq!(contains(filter, "password"), None);
        }
    }
}
