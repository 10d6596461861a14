//! The master secrets and the keys derived from them, one per purpose.
//!
//! Every derived key is `HKDF-SHA-256(salt = none, ikm = master, info = "postern/v1/<purpose>")`
//! (RFC 5869), so that no key serves two purposes and a leaked one tells nothing of the others.

use core::fmt;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroize as _;

/// The least length of a master secret in bytes: as much as the HKDF's hash can use.
pub(crate) const MASTER_MIN_BYTES: usize = 32;

/// A 32-byte symmetric key for exactly one purpose. Never printed.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl Drop for Key {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Key {
    /// The bytes, for the primitive that needs them.
    pub(crate) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// HMAC-SHA-256 over the parts, one after the other. The caller's parts must be of fixed
    /// length, or all but one, for the concatenation to be unambiguous.
    #[expect(clippy::missing_panics_doc, reason = "it never does: see below")]
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of every length (RFC 2104)")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("any key length");
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Key(..)")
    }
}

/// One master secret, seen through the keys derived from it.
#[derive(Debug, Clone)]
pub struct Master {
    /// Its id in tokens and stored records, 0 to 255.
    pub id: u8,
    /// MAC over the refresh token's envelope.
    pub refresh_envelope: Key,
    /// Derives a refresh secret from its predecessor.
    pub refresh_ratchet: Key,
    /// Wraps private signing keys (AES-256-GCM).
    pub key_wrapping: Key,
    /// Signs CSRF tokens.
    pub csrf: Key,
    /// Pepper of password hashes.
    pub password_pepper: Key,
    /// MAC over one-time tokens.
    pub one_time_token: Key,
    /// MAC over authorization codes.
    pub authorization_code: Key,
    /// Pseudonyms in logs: the same network or login gives the same pseudonym, and nothing more.
    pub pseudonym: Key,
    /// MAC over device tokens.
    pub device: Key,
    /// MAC over the entries of the audit log.
    pub audit_log: Key,
    /// MAC over the cookies of browser sessions.
    pub browser_session: Key,
    /// MAC over the tokens in the forms of the pages.
    pub page_form: Key,
}

/// The master secret is too short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MasterTooShort {
    /// How many bytes it has.
    pub bytes: usize,
}

impl Master {
    /// Derives the purpose keys.
    ///
    /// # Errors
    /// When `secret` has fewer than [`MASTER_MIN_BYTES`] bytes.
    #[expect(clippy::missing_panics_doc, reason = "it never does: see below")]
    pub fn derive(id: u8, secret: &[u8]) -> Result<Self, MasterTooShort> {
        if secret.len() < MASTER_MIN_BYTES {
            return Err(MasterTooShort { bytes: secret.len() });
        }
        let hkdf = Hkdf::<Sha256>::new(None, secret);
        let key = |purpose: &str| {
            let mut key = [0; 32];
            #[expect(clippy::expect_used, reason = "HKDF gives up to 8160 bytes (RFC 5869, 2.3)")]
            hkdf.expand_multi_info(&[b"postern/v1/", purpose.as_bytes()], &mut key).expect("32 bytes");
            Key(key)
        };
        Ok(Self {
            id,
            refresh_envelope: key("refresh-envelope"),
            refresh_ratchet: key("refresh-ratchet"),
            key_wrapping: key("key-wrapping"),
            csrf: key("csrf"),
            password_pepper: key("password-pepper"),
            one_time_token: key("one-time-token"),
            authorization_code: key("authorization-code"),
            pseudonym: key("pseudonym"),
            device: key("device"),
            audit_log: key("audit-log"),
            browser_session: key("browser-session"),
            page_form: key("page-form"),
        })
    }
}

/// The masters in force: the current one makes, the others only open what they made. Among those
/// may be the next one, which other versions of a deployment make things under already.
#[derive(Debug, Clone)]
pub struct Masters {
    current: Master,
    accepted: Vec<Master>,
}

/// Something was made under a master that this version of the program does not have yet: while a
/// new master is rolled out, another version has it. So the thing cannot be judged here, and that
/// is no cause to refuse it.
///
/// Ids count up: an id above all that are in force is newer, any other unknown one was taken out.
/// The MAC of an unknown master cannot be checked, so an invented high id is also answered with
/// "try again later". The attacker gains nothing by it: no object was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("made with master secret {id}, which this version does not have yet")]
pub struct NewerMaster {
    /// The id that the thing names.
    pub id: u8,
}

impl Masters {
    /// The current master and the others that are accepted. Ids are distinct (config sees to it).
    pub const fn new(current: Master, accepted: Vec<Master>) -> Self {
        Self { current, accepted }
    }

    /// The one that makes tokens and wraps keys.
    pub const fn current(&self) -> &Master {
        &self.current
    }

    /// All in force, the current one first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Master> {
        core::iter::once(&self.current).chain(&self.accepted)
    }

    /// The master of this id, if it is accepted.
    pub(crate) fn find(&self, id: u8) -> Option<&Master> {
        if self.current.id == id {
            return Some(&self.current);
        }
        self.accepted.iter().find(|master| master.id == id)
    }

    /// The master of this id; `None` when it was taken out, and what it made is void.
    ///
    /// # Errors
    /// When it is not there yet: see [`NewerMaster`].
    pub fn look_up(&self, id: u8) -> Result<Option<&Master>, NewerMaster> {
        let found = self.find(id);
        if found.is_none() && self.all().all(|master| master.id < id) {
            return Err(NewerMaster { id });
        }
        Ok(found)
    }

    /// The master in force that was there first. It stays the same while a new one is rolled out,
    /// whichever of the two is current.
    pub fn eldest(&self) -> &Master {
        self.accepted
            .iter()
            .fold(&self.current, |eldest, master| if master.id < eldest.id { master } else { eldest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use postern_jose::encoding::hex;

    #[test]
    fn derived_keys_format_unchanged() {
        let master = Master::derive(1, &[7; 32]).unwrap();
        let key = |key: &Key| hex(&key.bytes()[..8]);
        assert_eq!(
            [key(&master.refresh_envelope), key(&master.refresh_ratchet), key(&master.key_wrapping)],
            ["40656e5ee5db3249", "ce8d84f4e055658a", "54634d497c69b585"]
        );
        assert_eq!(
            [key(&master.csrf), key(&master.password_pepper), key(&master.pseudonym)],
            ["52362d3245f05f77", "deadadb35ecda5ec", "06d34bbfc8c62f56"]
        );
        assert_eq!(key(&master.device), "1c3e8ecb33cde9f6");
        assert_eq!(key(&master.audit_log), "3227930e4530867f");
        assert_eq!(key(&master.authorization_code), "9f662a261c2f5d27");
    }

    #[test]
    fn a_short_master_secret_is_refused() {
        assert_eq!(Master::derive(1, &[7; 31]).unwrap_err(), MasterTooShort { bytes: 31 });
    }

    fn master(id: u8) -> Master {
        Master::derive(id, &[id; 32]).unwrap()
    }

    #[test]
    fn a_higher_id_is_not_there_yet_and_a_lower_one_is_gone() {
        let masters = Masters::new(master(3), vec![master(5)]);
        let found = |id| masters.look_up(id).map(|master| master.map(|master| master.id));
        for id in [3, 5] {
            assert_eq!(found(id), Ok(Some(id)));
        }
        for id in [0, 1, 2, 4] {
            assert_eq!(found(id), Ok(None));
        }
        for id in [6, 7, 255] {
            assert_eq!(found(id), Err(NewerMaster { id }));
        }
    }

    #[test]
    fn the_eldest_stays_the_same_in_a_rollout() {
        let eldest = |current, accepted: &[u8]| {
            Masters::new(master(current), accepted.iter().copied().map(master).collect()).eldest().id
        };
        let steps = [eldest(1, &[]), eldest(1, &[2]), eldest(2, &[1]), eldest(2, &[])];
        assert_eq!(steps, [1, 1, 1, 2]);
    }

    #[test]
    fn keys_do_not_show_in_debug_output() {
        let text = format!("{:?}", Master::derive(1, &[7; 32]).unwrap());
        assert!(text.contains("refresh_ratchet: Key(..)"), "{text}");
    }
}
