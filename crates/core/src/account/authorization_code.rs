//! The authorization code's text form, and what the Account object keeps of one (RFC 6749 section 4.1.2).
//!
//! `pac_` + base64url of
//! `version (1) ‖ master id (1) ‖ account id (16) ‖ grant id (16) ‖ secret (32) ‖ MAC (16)`: 82 bytes, 114 characters in
//! all. As with refresh tokens the MAC, HMAC-SHA-256 under a key of its own cut to 16 bytes, keeps garbage from waking an
//! object. The grant id is that of the family that the code opens, so that a replay is recognised for as long as the
//! family's record is kept, without a record of the code.

use core::{fmt, time::Duration};

use base64ct::{Base64UrlUnpadded, Encoding as _};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::{
    ids::{AccountId, FamilyId},
    ports::{Fault, Randomness},
    refresh::{Secret, SecretHash},
    secrets::{Key, Master, Masters, NewerMaster},
};
use postern_jose::encoding::base64url;

/// How long a code can be redeemed. Clients redeem at once; RFC 6749 section 4.1.2 allows ten minutes at most.
pub const CODE_LIFETIME: Duration = Duration::from_mins(1);

/// Lets secret scanners find a leaked code.
const PREFIX: &str = "pac_";
/// The format described above.
const VERSION: u8 = 1;
/// 16 bytes: a forger needs 2^127 tries, each one a request.
const MAC_BYTES: usize = 16;
/// Version, master id, account id, grant id, secret.
const SIGNED_BYTES: usize = 1 + 1 + 16 + 16 + 32;
const CODE_BYTES: usize = SIGNED_BYTES + MAC_BYTES;
/// Every code has exactly this length.
const CODE_CHARS: usize = PREFIX.len() + (CODE_BYTES * 4).div_ceil(3);

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
pub struct AuthorizationCode {
    account: AccountId,
    grant: FamilyId,
    secret: Secret,
}

impl AuthorizationCode {
    /// A fresh code of this account, for a grant that does not exist yet.
    ///
    /// # Errors
    /// A [`Fault`] of the source of random bytes.
    pub fn make(account: AccountId, randomness: &impl Randomness) -> Result<Self, Fault> {
        Ok(Self { account, grant: FamilyId::random(randomness)?, secret: Secret::random(randomness)? })
    }

    /// The text for the client.
    pub fn seal(&self, master: &Master) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(CODE_BYTES));
        bytes.extend_from_slice(&[VERSION, master.id]);
        bytes.extend_from_slice(self.account.as_bytes());
        bytes.extend_from_slice(self.grant.as_bytes());
        bytes.extend_from_slice(self.secret.bytes());
        let mac = envelope_mac(&master.authorization_code, &bytes);
        bytes.extend_from_slice(&mac);
        let encoded = Zeroizing::new(base64url(&bytes));
        Zeroizing::new([PREFIX, &encoded].concat())
    }

    /// Reads a code and checks its MAC in constant time; `None` for a text that none of our masters made. Costs one HMAC at
    /// most, and nothing but a look at the length for a text of another length.
    ///
    /// # Errors
    /// [`NewerMaster`] for one that another version of the program made.
    pub fn open(masters: &Masters, text: &str) -> Result<Option<Self>, NewerMaster> {
        let Some(bytes) = decode(text) else { return Ok(None) };
        let [version, master, ..] = *bytes;
        if version != VERSION {
            return Ok(None);
        }
        Ok(masters.look_up(master)?.and_then(|master| Self::read(master, &bytes)))
    }

    fn read(master: &Master, bytes: &[u8; CODE_BYTES]) -> Option<Self> {
        let (signed, mac) = bytes.split_first_chunk::<SIGNED_BYTES>()?;
        if !bool::from(envelope_mac(&master.authorization_code, signed).ct_eq(mac)) {
            return None;
        }
        let (_, rest) = signed.split_first_chunk::<2>()?;
        let (account, rest) = rest.split_first_chunk()?;
        let (grant, secret) = rest.split_first_chunk()?;
        Some(Self {
            account: AccountId::from_bytes(*account),
            grant: FamilyId::from_bytes(*grant),
            secret: Secret::from_bytes(*secret.first_chunk()?),
        })
    }

    /// The account that it belongs to: which object to ask.
    pub const fn account(&self) -> AccountId {
        self.account
    }

    /// The grant that it opens.
    pub const fn grant(&self) -> FamilyId {
        self.grant
    }

    /// What the object gets to see.
    pub fn hash(&self) -> SecretHash {
        self.secret.hash()
    }
}

impl fmt::Debug for AuthorizationCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AuthorizationCode")
            .field("account", &self.account)
            .field("grant", &self.grant)
            .finish_non_exhaustive()
    }
}

/// The bytes of a text that has the form of a code.
fn decode(text: &str) -> Option<Zeroizing<[u8; CODE_BYTES]>> {
    if text.len() != CODE_CHARS {
        return None;
    }
    let mut bytes = Zeroizing::new([0; CODE_BYTES]);
    Base64UrlUnpadded::decode(text.strip_prefix(PREFIX)?, bytes.as_mut()).ok()?;
    Some(bytes)
}

fn envelope_mac(key: &Key, signed: &[u8]) -> [u8; MAC_BYTES] {
    let [mac @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = key.mac(&[signed]);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;
    use postern_jose::encoding::from_base64url;

    fn masters() -> Masters {
        Masters::new(Master::derive(2, &[2; 32]).unwrap(), vec![Master::derive(1, &[1; 32]).unwrap()])
    }

    fn code(master: u8) -> String {
        let code = AuthorizationCode {
            account: AccountId::from_bytes([3; 16]),
            grant: FamilyId::from_bytes([4; 16]),
            secret: Secret::from_bytes([9; 32]),
        };
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
