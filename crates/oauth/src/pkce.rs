//! Proof Key for Code Exchange (RFC 7636). Every client needs it, with `S256`.

use postern_core::account::CodeChallenge;
use sha2::{Digest as _, Sha256};

/// The `code_challenge_method` that there is.
pub const S256: &str = "S256";

/// The text is no `code_verifier`: 43 to 128 unreserved characters (RFC 7636 section 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the code_verifier must be 43 to 128 characters of A-Z a-z 0-9 - . _ ~")]
pub struct MalformedVerifier;

/// The challenge of a verifier: `BASE64URL(SHA256(ASCII(code_verifier)))` before its encoding (RFC 7636 section 4.2). The
/// Account object compares it with the one of the authorization request, in constant time.
///
/// # Errors
/// [`MalformedVerifier`].
pub fn challenge_of(verifier: &str) -> Result<CodeChallenge, MalformedVerifier> {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(unreserved) {
        return Err(MalformedVerifier);
    }
    Ok(CodeChallenge(Sha256::digest(verifier).into()))
}

/// Reads a `code_challenge` of the method `S256`: 43 characters of base64url without padding. `None` for anything else.
pub fn read_challenge(text: &str) -> Option<CodeChallenge> {
    postern_jose::encoding::from_base64url(text)?.try_into().ok().map(CodeChallenge)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Tests RFC 7636 section 4.6: the verifier is hashed and compared with the challenge
    #[test]
    fn the_example_of_appendix_b_holds() {
        let challenge = challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap();
        assert_eq!(read_challenge("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"), Some(challenge));
        assert_ne!(challenge_of(&"x".repeat(43)).unwrap(), challenge);
    }

    // Tests RFC 7636 section 4.1: a verifier has 43 to 128 unreserved characters
    #[test]
    fn a_verifier_has_43_to_128_unreserved_characters() {
        assert!(challenge_of(&"~".repeat(128)).is_ok());
        for text in ["", &"x".repeat(42), &"x".repeat(129), &"+".repeat(43), &"é".repeat(30)] {
            assert_eq!(challenge_of(text), Err(MalformedVerifier), "{text}");
        }
    }

    #[test]
    fn a_challenge_is_43_characters_of_base64url() {
        for text in
            ["", "abc", &"A".repeat(42), &"A".repeat(44), &format!("{}=", "A".repeat(43)), &"+".repeat(43)]
        {
            assert_eq!(read_challenge(text), None, "{text}");
        }
    }
}
