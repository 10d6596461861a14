//! The cookie of a browser session at the pages of the authorization server, in its text form.
//!
//! `pbs_` + base64url of
//! `version (1) ‖ master id (1) ‖ account id (16) ‖ family id (16) ‖ secret (32) ‖ MAC (16)`: 82 bytes, 114 characters in
//! all. The MAC, HMAC-SHA-256 under a key of its own cut to 16 bytes, keeps garbage from waking an object; what the cookie
//! is worth rests on the secret, of which the object knows the SHA-256. It is no refresh token, and no refresh token is
//! one: another prefix, and another key.

use core::fmt;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::{
    ids::{AccountId, FamilyId},
    refresh::{Secret, SecretHash},
    secrets::{Key, Master, Masters, NewerMaster},
};
use postern_jose::encoding::base64url;

/// Lets secret scanners find a leaked cookie.
const PREFIX: &str = "pbs_";
/// The format described above.
const VERSION: u8 = 1;
/// 16 bytes: a forger needs 2^127 tries, each one a request.
const MAC_BYTES: usize = 16;
/// Version, master id, account id, family id, secret.
const SIGNED_BYTES: usize = 1 + 1 + 16 + 16 + 32;
const COOKIE_BYTES: usize = SIGNED_BYTES + MAC_BYTES;
/// Every cookie has exactly this length.
const COOKIE_CHARS: usize = PREFIX.len() + (COOKIE_BYTES * 4).div_ceil(3);

/// The cookie of a browser session that one of our masters made: its MAC was checked. Whether the session is alive, the
/// Account object decides.
#[derive(Clone)]
pub struct BrowserCookie {
    account: AccountId,
    family: FamilyId,
    secret: Secret,
}

impl BrowserCookie {
    /// The text of a new session's cookie.
    pub fn seal(master: &Master, account: AccountId, family: FamilyId, secret: &Secret) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(COOKIE_BYTES));
        bytes.extend_from_slice(&[VERSION, master.id]);
        bytes.extend_from_slice(account.as_bytes());
        bytes.extend_from_slice(family.as_bytes());
        bytes.extend_from_slice(secret.bytes());
        let mac = mac(&master.browser_session, &bytes);
        bytes.extend_from_slice(&mac);
        let encoded = Zeroizing::new(base64url(&bytes));
        Zeroizing::new([PREFIX, &encoded].concat())
    }

    /// Reads a cookie and checks its MAC in constant time; `None` for what none of our masters made. Costs one HMAC at
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

    fn read(master: &Master, bytes: &[u8; COOKIE_BYTES]) -> Option<Self> {
        let (signed, presented) = bytes.split_first_chunk::<SIGNED_BYTES>()?;
        if !bool::from(mac(&master.browser_session, signed).ct_eq(presented)) {
            return None;
        }
        let (_, rest) = signed.split_first_chunk::<2>()?;
        let (account, rest) = rest.split_first_chunk()?;
        let (family, secret) = rest.split_first_chunk()?;
        Some(Self {
            account: AccountId::from_bytes(*account),
            family: FamilyId::from_bytes(*family),
            secret: Secret::from_bytes(*secret.first_chunk()?),
        })
    }

    /// The account it belongs to: which object to ask.
    pub const fn account(&self) -> AccountId {
        self.account
    }

    /// The family, which is the session.
    pub const fn family(&self) -> FamilyId {
        self.family
    }

    /// What the object gets to see.
    pub fn hash(&self) -> SecretHash {
        self.secret.hash()
    }
}

impl fmt::Debug for BrowserCookie {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("BrowserCookie")
            .field("account", &self.account)
            .field("family", &self.family)
            .finish_non_exhaustive()
    }
}

/// The bytes of a text that has the form of a cookie.
fn decode(text: &str) -> Option<Zeroizing<[u8; COOKIE_BYTES]>> {
    if text.len() != COOKIE_CHARS {
        return None;
    }
    let mut bytes = Zeroizing::new([0; COOKIE_BYTES]);
    Base64UrlUnpadded::decode(text.strip_prefix(PREFIX)?, bytes.as_mut()).ok()?;
    Some(bytes)
}

fn mac(key: &Key, signed: &[u8]) -> [u8; MAC_BYTES] {
    let [mac @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = key.mac(&[signed]);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refresh::codec;

    const ACCOUNT: AccountId = AccountId::from_bytes([3; 16]);
    const FAMILY: FamilyId = FamilyId::from_bytes([4; 16]);
    const SECRET: Secret = Secret::from_bytes([5; 32]);

    fn masters() -> Masters {
        Masters::new(Master::derive(1, &[1; 32]).unwrap(), vec![])
    }

    #[test]
    fn browser_cookie_format_unchanged() {
        let text = BrowserCookie::seal(masters().current(), ACCOUNT, FAMILY, &SECRET);
        assert_eq!(text.len(), COOKIE_CHARS);
        assert_eq!(
            text.as_str(),
            "pbs_AQEDAwMDAwMDAwMDAwMDAwMDBAQEBAQEBAQEBAQEBAQEBAUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUF0diVwLbMIPajadzrmufY0A"
        );
        let opened = BrowserCookie::open(&masters(), &text).unwrap().unwrap();
        assert_eq!((opened.account(), opened.family(), opened.hash()), (ACCOUNT, FAMILY, SECRET.hash()));
        assert!(!format!("{opened:?}").contains("Secret"));
    }

    #[test]
    fn a_changed_cookie_is_none_and_a_newer_master_waits() {
        let text = BrowserCookie::seal(masters().current(), ACCOUNT, FAMILY, &SECRET);
        for at in [4, 8, 40, 70, 113] {
            let mut changed = text.as_bytes().to_vec();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            // The master id is in the first bytes: a higher one may be of a newer version.
            let opened = BrowserCookie::open(&masters(), &changed);
            assert!(matches!(opened, Ok(None) | Err(NewerMaster { .. })), "{at}");
        }
        let newer = BrowserCookie::seal(&Master::derive(2, &[2; 32]).unwrap(), ACCOUNT, FAMILY, &SECRET);
        assert_eq!(BrowserCookie::open(&masters(), &newer).unwrap_err(), NewerMaster { id: 2 });
    }

    // A thief of the one must not use it as the other.
    #[test]
    fn a_cookie_is_no_refresh_token_and_the_reverse() {
        let cookie = BrowserCookie::seal(masters().current(), ACCOUNT, FAMILY, &SECRET);
        assert!(codec::open(&masters(), &cookie).is_err());
        let refresh_token = codec::seal(masters().current(), ACCOUNT, FAMILY, 0, &SECRET);
        assert!(BrowserCookie::open(&masters(), &refresh_token).unwrap().is_none());
    }
}
