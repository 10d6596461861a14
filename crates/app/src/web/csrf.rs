//! CSRF tokens, signed and bound to the session ("signed double-submit"), so that neither a forged cookie nor a token
//! of the attacker's own session is accepted.

use crate::{
    ids::FamilyId,
    ports::{Fault, Randomness},
    secrets::{Master, Masters, NewerMaster},
    web::bound_token,
};

/// The number of random bytes in a token. They only make two tokens of one session differ (BREACH).
const NONCE_BYTES: usize = 16;

fn mac(master: &Master, nonce: &[u8], session: FamilyId) -> [u8; 32] {
    master.csrf.mac(&[nonce, session.as_bytes()])
}

/// A new token for `session`: 44 base64url characters.
pub(crate) fn issue(
    master: &Master,
    session: FamilyId,
    randomness: &impl Randomness,
) -> Result<String, Fault> {
    let mut nonce = [0; NONCE_BYTES];
    randomness.fill(&mut nonce)?;
    Ok(bound_token::seal(master, &nonce, &mac(master, &nonce, session)))
}

/// Whether `token` was issued for `session` under one of the masters.
///
/// # Errors
/// Returns [`NewerMaster`] for a token that a newer version of the deployment issued.
pub(crate) fn verify(masters: &Masters, session: FamilyId, token: &str) -> Result<bool, NewerMaster> {
    let opened =
        bound_token::open::<NONCE_BYTES>(masters, token, |master, nonce| mac(master, nonce, session));
    Ok(opened?.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::{base64url, from_base64url};

    struct Zeros;

    impl Randomness for Zeros {
        fn fill(&self, buffer: &mut [u8]) -> Result<(), Fault> {
            buffer.fill(0);
            Ok(())
        }
    }

    fn masters() -> Masters {
        Masters::new(Master::derive(2, &[2; 32]).unwrap(), vec![Master::derive(1, &[1; 32]).unwrap()])
    }

    const SESSION: FamilyId = FamilyId::from_bytes([5; 16]);

    // Tests RFC 9700 section 4.7: a CSRF token serves one session
    // Tests RFC 6749 section 10.12: a CSRF token is bound to the session of its user agent
    #[test]
    fn a_token_serves_its_own_session_only() {
        let token = issue(masters().current(), SESSION, &Zeros).unwrap();
        assert_eq!(verify(&masters(), SESSION, &token), Ok(true));
        assert_eq!(verify(&masters(), FamilyId::from_bytes([6; 16]), &token), Ok(false));
    }

    #[test]
    fn a_token_of_a_former_master_still_serves() {
        let token = issue(&Master::derive(1, &[1; 32]).unwrap(), SESSION, &Zeros).unwrap();
        assert_eq!(verify(&masters(), SESSION, &token), Ok(true));
    }

    #[test]
    fn a_token_of_a_newer_master_is_not_judged() {
        let token = issue(&Master::derive(3, &[3; 32]).unwrap(), SESSION, &Zeros).unwrap();
        assert_eq!(verify(&masters(), SESSION, &token), Err(NewerMaster { id: 3 }));
    }

    #[test]
    fn a_token_with_any_bit_changed_is_refused() {
        let token = issue(masters().current(), SESSION, &Zeros).unwrap();
        let bytes = from_base64url(&token).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut forged = bytes.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(verify(&masters(), SESSION, &base64url(&forged)), Ok(true), "bit {bit}");
        }
        assert_eq!(verify(&masters(), SESSION, ""), Ok(false));
        assert_eq!(verify(&masters(), SESSION, &token[..40]), Ok(false));
    }
}
