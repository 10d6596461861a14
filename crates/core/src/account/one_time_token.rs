//! The one-time token's text form.
//!
//! `pot_` + base64url of
//! `version (1) ‖ master id (1) ‖ purpose (1) ‖ account id (16) ‖ secret (32) ‖ MAC (16)`:
//! 67 bytes, 94 characters in all. As with refresh tokens the MAC, HMAC-SHA-256 under a key of
//! its own cut to 16 bytes, keeps garbage from waking an object; what the token is worth rests
//! on the secret, of which the object knows the SHA-256.

use core::fmt;

use zeroize::Zeroizing;

use super::Purpose;
use crate::{
    envelope,
    ids::AccountId,
    ports::{Fault, Randomness},
    refresh::{Secret, SecretHash},
    secrets::{Master, Masters, NewerMaster},
};

/// Lets secret scanners find a leaked token.
const PREFIX: &str = "pot_";
/// The format described above.
const VERSION: u8 = 1;
/// Version, master id, purpose, account id, secret.
const SIGNED_BYTES: usize = 1 + 1 + 1 + 16 + 32;
const TOKEN_BYTES: usize = SIGNED_BYTES + envelope::MAC_BYTES;

/// A one-time token that one of our masters made for this purpose: its MAC was checked. Whether
/// it still serves, the Account object decides.
#[derive(Clone)]
pub struct OneTimeToken {
    account: AccountId,
    secret: Secret,
}

impl OneTimeToken {
    /// A fresh token: what the object gets to see, and the text for the user.
    pub fn make(
        master: &Master,
        account: AccountId,
        purpose: Purpose,
        randomness: &impl Randomness,
    ) -> Result<(SecretHash, Zeroizing<String>), Fault> {
        let secret = Secret::random(randomness)?;
        Ok((secret.hash(), seal(master, account, purpose, &secret)))
    }

    /// Reads a token and checks its MAC in constant time; `None` for what none of our masters
    /// made for this purpose. Costs one HMAC at most, and nothing but a look at the length for a
    /// text of another length.
    ///
    /// # Errors
    /// [`NewerMaster`] for one that another version of the program made.
    pub fn open(masters: &Masters, purpose: Purpose, text: &str) -> Result<Option<Self>, NewerMaster> {
        let Some(bytes) = envelope::decode::<TOKEN_BYTES>(PREFIX, text) else { return Ok(None) };
        let [version, master, made_for, ..] = *bytes;
        if version != VERSION || made_for != purpose as u8 {
            return Ok(None);
        }
        Ok(masters.look_up(master)?.and_then(|master| Self::read(master, &bytes)))
    }

    fn read(master: &Master, bytes: &[u8; TOKEN_BYTES]) -> Option<Self> {
        let signed = envelope::authentic::<SIGNED_BYTES>(&master.one_time_token, bytes)?;
        let (_, rest) = signed.split_first_chunk::<3>()?;
        let (account, secret) = rest.split_first_chunk()?;
        Some(Self {
            account: AccountId::from_bytes(*account),
            secret: Secret::from_bytes(*secret.first_chunk()?),
        })
    }

    /// The account it belongs to: which object to ask.
    pub const fn account(&self) -> AccountId {
        self.account
    }

    /// What the object gets to see.
    pub fn hash(&self) -> SecretHash {
        self.secret.hash()
    }
}

impl fmt::Debug for OneTimeToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("OneTimeToken").field("account", &self.account).finish_non_exhaustive()
    }
}

fn seal(master: &Master, account: AccountId, purpose: Purpose, secret: &Secret) -> Zeroizing<String> {
    let signed: [&[u8]; 3] = [&[VERSION, master.id, purpose as u8], account.as_bytes(), secret.bytes()];
    envelope::seal::<TOKEN_BYTES>(PREFIX, &master.one_time_token, &signed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use postern_jose::encoding::{base64url, from_base64url};

    const ACCOUNT: AccountId = AccountId::from_bytes([3; 16]);

    fn masters() -> Masters {
        Masters::new(Master::derive(2, &[2; 32]).unwrap(), vec![Master::derive(1, &[1; 32]).unwrap()])
    }

    fn token(master: u8) -> String {
        let masters = masters();
        let secret = Secret::from_bytes([9; 32]);
        seal(masters.find(master).unwrap(), ACCOUNT, Purpose::ResetPassword, &secret).to_string()
    }

    /// Not judged is not opened either.
    fn open(text: &str) -> Option<OneTimeToken> {
        OneTimeToken::open(&masters(), Purpose::ResetPassword, text).ok().flatten()
    }

    #[test]
    fn one_time_token_format_unchanged() {
        assert_eq!(
            token(1),
            "pot_AQEBAwMDAwMDAwMDAwMDAwMDAwkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJINAzbhCoU3arR3KF3sghmA"
        );
    }

    #[test]
    fn a_token_opens_under_the_current_and_under_a_former_master() {
        for master in [1, 2] {
            let opened = open(&token(master)).unwrap();
            assert_eq!(opened.account(), ACCOUNT);
            assert_eq!(opened.hash(), Secret::from_bytes([9; 32]).hash());
        }
    }

    // One of a master secret that is gone is void.
    #[test]
    fn a_token_of_a_newer_master_is_not_judged() {
        let only = |id: u8| Masters::new(Master::derive(id, &[id; 32]).unwrap(), Vec::new());
        let open = |masters, id| OneTimeToken::open(&masters, Purpose::ResetPassword, &token(id));
        assert_eq!(open(only(1), 2).unwrap_err(), NewerMaster { id: 2 });
        assert!(open(only(2), 1).unwrap().is_none());
    }

    #[test]
    fn a_token_to_verify_an_address_cannot_reset_a_password() {
        assert!(OneTimeToken::open(&masters(), Purpose::VerifyEmail, &token(1)).unwrap().is_none());
        let bytes = from_base64url(&token(1)[4..]).unwrap();
        let mut forged = bytes;
        forged[2] = Purpose::VerifyEmail as u8;
        let forged = format!("pot_{}", base64url(&forged));
        assert!(OneTimeToken::open(&masters(), Purpose::VerifyEmail, &forged).unwrap().is_none());
    }

    #[test]
    fn a_token_with_any_bit_changed_is_refused() {
        let bytes = from_base64url(&token(1)[4..]).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut forged = bytes.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            let forged = format!("pot_{}", base64url(&forged));
            assert!(open(&forged).is_none(), "bit {bit}");
        }
        for garbage in
            ["", "pot_", &token(1)[..90], &format!("{}A", token(1)), &token(1).replace("pot", "prt")]
        {
            assert!(open(garbage).is_none(), "{garbage}");
        }
    }

    #[test]
    fn a_token_does_not_show_in_debug_output() {
        let opened = open(&token(1)).unwrap();
        assert_eq!(format!("{opened:?}"), "OneTimeToken { account: AccountId(AwMDAwMDAwMDAwMDAwMDAw), .. }");
    }
}
