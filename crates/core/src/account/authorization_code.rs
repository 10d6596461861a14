//! The authorization code's text form, and what the Account object keeps of one (RFC 6749 section 4.1.2).
//!
//! `pac_` + base64url of
//! `version (1) ‖ master id (1) ‖ account id (16) ‖ grant id (16) ‖ secret (32) ‖ MAC (16)`: 82 bytes, 114 characters in
//! all. As with refresh tokens the MAC, HMAC-SHA-256 under a key of its own cut to 16 bytes, keeps garbage from waking an
//! object. The grant id is that of the family that the code opens, so that a replay is recognised for as long as the
//! family's record is kept, without a record of the code.

use core::{fmt, time::Duration};

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::sealed_family::{Kind, SealedFamily};
use crate::{
    ids::{AccountId, FamilyId},
    ports::{Fault, Randomness},
    refresh::{Secret, SecretHash},
    secrets::{Master, Masters, NewerMaster},
};

/// How long a code can be redeemed. Clients redeem at once; RFC 6749 section 4.1.2 allows ten minutes at most.
pub const CODE_LIFETIME: Duration = Duration::from_mins(1);

const CODE: Kind = Kind { prefix: "pac_", key: |master| &master.authorization_code };

/// The `code_challenge` of a request, by S256: a SHA-256 (RFC 7636 section 4.2). 43 base64url characters in its text form.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CodeChallenge(#[serde(with = "postern_jose::encoding::base64url_32")] pub [u8; 32]);

impl PartialEq for CodeChallenge {
    /// In constant time.
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for CodeChallenge {}

/// An authorization code that one of our masters made: its MAC was checked. Whether it can be redeemed, the Account object
/// decides.
#[derive(Clone)]
pub struct AuthorizationCode(SealedFamily);

impl AuthorizationCode {
    /// A fresh code of this account, for a grant that does not exist yet.
    ///
    /// # Errors
    /// A [`Fault`] of the source of random bytes.
    pub fn make(account: AccountId, randomness: &impl Randomness) -> Result<Self, Fault> {
        let (family, secret) = (FamilyId::random(randomness)?, Secret::random(randomness)?);
        Ok(Self(SealedFamily { account, family, secret }))
    }

    /// The text for the client.
    pub fn seal(&self, master: &Master) -> Zeroizing<String> {
        self.0.seal(&CODE, master)
    }

    /// Reads a code and checks its MAC in constant time; `None` for a text that none of our masters made. Costs one HMAC at
    /// most, and nothing but a look at the length for a text of another length.
    ///
    /// # Errors
    /// [`NewerMaster`] for one that another version of the program made.
    pub fn open(masters: &Masters, text: &str) -> Result<Option<Self>, NewerMaster> {
        Ok(SealedFamily::open(&CODE, masters, text)?.map(Self))
    }

    /// The account that it belongs to: which object to ask.
    pub const fn account(&self) -> AccountId {
        self.0.account
    }

    /// The grant that it opens.
    pub const fn grant(&self) -> FamilyId {
        self.0.family
    }

    /// What the object gets to see.
    pub fn hash(&self) -> SecretHash {
        self.0.hash()
    }
}

impl fmt::Debug for AuthorizationCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.debug("AuthorizationCode", formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use postern_jose::encoding::{base64url, from_base64url};

    fn masters() -> Masters {
        Masters::new(Master::derive(2, &[2; 32]).unwrap(), vec![Master::derive(1, &[1; 32]).unwrap()])
    }

    fn code(master: u8) -> String {
        let code = AuthorizationCode(SealedFamily {
            account: AccountId::from_bytes([3; 16]),
            family: FamilyId::from_bytes([4; 16]),
            secret: Secret::from_bytes([9; 32]),
        });
        code.seal(masters().find(master).unwrap()).to_string()
    }

    fn open(text: &str) -> Option<AuthorizationCode> {
        AuthorizationCode::open(&masters(), text).ok().flatten()
    }

    #[test]
    fn authorization_code_format_unchanged() {
        assert_eq!(
            code(1),
            "pac_AQEDAwMDAwMDAwMDAwMDAwMDBAQEBAQEBAQEBAQEBAQEBAkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJOxYFzWH_M4EPi0ngHPCKsg"
        );
    }

    #[test]
    fn a_code_opens_under_each_master_in_force() {
        for master in [1, 2] {
            let opened = open(&code(master)).unwrap();
            assert_eq!(opened.account(), AccountId::from_bytes([3; 16]));
            assert_eq!(opened.grant(), FamilyId::from_bytes([4; 16]));
            assert_eq!(opened.hash(), Secret::from_bytes([9; 32]).hash());
        }
        let only = Masters::new(Master::derive(1, &[1; 32]).unwrap(), Vec::new());
        assert_eq!(AuthorizationCode::open(&only, &code(2)).unwrap_err(), NewerMaster { id: 2 });
    }

    #[test]
    fn a_code_with_any_bit_changed_is_refused() {
        let bytes = from_base64url(&code(1)[4..]).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut forged = bytes.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&format!("pac_{}", base64url(&forged))).is_none(), "bit {bit}");
        }
        for garbage in ["", "pac_", &code(1)[..100], &format!("{}A", code(1)), &code(1).replace("pac", "prt")]
        {
            assert!(open(garbage).is_none(), "{garbage}");
        }
    }

    #[test]
    fn a_code_does_not_show_in_debug_output() {
        assert!(format!("{:?}", open(&code(1)).unwrap()).ends_with(", .. }"));
    }
}
