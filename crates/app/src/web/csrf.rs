//! CSRF tokens, signed and bound to the session ("signed double-submit"), so that neither a forged cookie nor a token
//! of the attacker's own session is accepted.

use subtle::ConstantTimeEq as _;

use crate::{
    encoding::{base64url, from_base64url},
    ids::FamilyId,
    ports::{Fault, Randomness},
    secrets::{Master, Masters, NewerMaster},
};

/// The number of random bytes in a token. They only make two tokens of one session differ (BREACH).
const NONCE_BYTES: usize = 16;

/// The number of HMAC bytes in a token. 128 bits cannot be guessed online.
const MAC_BYTES: usize = 16;

/// Master id, nonce, MAC.
const TOKEN_BYTES: usize = 1 + NONCE_BYTES + MAC_BYTES;

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
    let mac = mac(master, &nonce, session);
    let kept = mac.iter().take(MAC_BYTES);
    let token: Vec<u8> = [master.id].iter().chain(&nonce).chain(kept).copied().collect();
    Ok(base64url(&token))
}

/// Whether `token` was issued for `session` under one of the masters.
///
/// # Errors
/// Returns [`NewerMaster`] for a token that a newer version of the deployment issued.
pub(crate) fn verify(masters: &Masters, session: FamilyId, token: &str) -> Result<bool, NewerMaster> {
    // Checked before decoding: nothing longer can be one of ours.
    if token.len() != TOKEN_BYTES.div_ceil(3) * 4 {
        return Ok(false);
    }
    let Some(bytes) = from_base64url(token) else { return Ok(false) };
    let Some((id, rest)) = bytes.split_first() else { return Ok(false) };
    let Some((nonce, presented)) = rest.split_at_checked(NONCE_BYTES) else { return Ok(false) };
    let Some(master) = masters.look_up(*id)? else { return Ok(false) };
    let expected = mac(master, nonce, session);
    let Some(expected) = expected.get(..MAC_BYTES) else { return Ok(false) };
    Ok(expected.ct_eq(presented).into())
}

#[cfg(test)]
mod tests {
    use super::*;

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
