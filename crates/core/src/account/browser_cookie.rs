//! The cookie of a browser session at the pages of the authorization server, in its text form.
//!
//! `pbs_` + base64url of
//! `version (1) ‖ master id (1) ‖ account id (16) ‖ family id (16) ‖ secret (32) ‖ MAC (16)`: 82 bytes, 114 characters in
//! all. The MAC, HMAC-SHA-256 under a key of its own cut to 16 bytes, keeps garbage from waking an object; what the cookie
//! is worth rests on the secret, of which the object knows the SHA-256. It is no refresh token, and no refresh token is
//! one: another prefix, and another key.

use core::fmt;

use zeroize::Zeroizing;

use super::sealed_family::{Kind, SealedFamily};
use crate::{
    ids::{AccountId, FamilyId},
    refresh::{Secret, SecretHash},
    secrets::{Master, Masters, NewerMaster},
};

const COOKIE: Kind = Kind { prefix: "pbs_", key: |master| &master.browser_session };

/// The cookie of a browser session that one of our masters made: its MAC was checked. Whether the session is alive, the
/// Account object decides.
#[derive(Clone)]
pub struct BrowserCookie(SealedFamily);

impl BrowserCookie {
    /// The text of a new session's cookie.
    pub fn seal(master: &Master, account: AccountId, family: FamilyId, secret: &Secret) -> Zeroizing<String> {
        SealedFamily { account, family, secret: secret.clone() }.seal(&COOKIE, master)
    }

    /// Reads a cookie and checks its MAC in constant time; `None` for what none of our masters made. Costs one HMAC at
    /// most, and nothing but a look at the length for a text of another length.
    ///
    /// # Errors
    /// [`NewerMaster`] for one that another version of the program made.
    pub fn open(masters: &Masters, text: &str) -> Result<Option<Self>, NewerMaster> {
        Ok(SealedFamily::open(&COOKIE, masters, text)?.map(Self))
    }

    /// The account it belongs to: which object to ask.
    pub const fn account(&self) -> AccountId {
        self.0.account
    }

    /// The family, which is the session.
    pub const fn family(&self) -> FamilyId {
        self.0.family
    }

    /// What the object gets to see.
    pub fn hash(&self) -> SecretHash {
        self.0.hash()
    }
}

impl fmt::Debug for BrowserCookie {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.debug("BrowserCookie", formatter)
    }
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
        assert_eq!(text.len(), 114);
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
