//! What may be said of a secret, a person and a client's own words.

use core::fmt;

use serde::Serialize;

use crate::{identity::Login, secrets::Master};
use postern_jose::encoding::base64url;

/// A stand-in for a login or a network: the same one gives the same stand-in as long as the
/// master is the same, and without the master nothing leads back. 12 characters, 72 bits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Pseudonym(String);

impl Pseudonym {
    /// Of a login.
    pub fn of_login(master: &Master, login: &Login) -> Self {
        Self::of(master, b"login\0", login.as_str())
    }

    /// Of a network address or prefix.
    pub fn of_network(master: &Master, network: &str) -> Self {
        Self::of(master, b"network\0", network)
    }

    fn of(master: &Master, kind: &[u8], name: &str) -> Self {
        let mac = master.pseudonym.mac(&[kind, name.as_bytes()]);
        Self(base64url(mac.get(..9).unwrap_or_default()))
    }
}

impl fmt::Display for Pseudonym {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// How much of a signature may be shown: enough to find the same token in two logs, and 36 of
/// at least 512 bits.
const SIGNATURE_TAIL: usize = 6;

/// A signature shorter than this is shown not at all.
const SIGNATURE_MIN: usize = 4 * SIGNATURE_TAIL;

/// The last 6 characters of a token's signature, for the log. Nothing of what is not shaped
/// like a compact JWS of base64url: it may be a password in the wrong field.
pub fn signature_tail(access_token: &str) -> Option<&str> {
    let (signed, signature) = access_token.rsplit_once('.')?;
    let base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let shaped = signed.bytes().filter(|byte| *byte == b'.').count() == 1
        && signature.len() >= SIGNATURE_MIN
        && signature.bytes().all(base64url);
    if !shaped {
        return None;
    }
    signature.get(signature.len().checked_sub(SIGNATURE_TAIL)?..)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::UnicodeTables;

    fn master(byte: u8) -> Master {
        Master::derive(1, &[byte; 32]).unwrap()
    }

    #[test]
    fn a_pseudonym_is_stable_and_says_nothing_without_the_master() {
        let login = Login::parse("alice@example.com", &UnicodeTables).unwrap();
        let pseudonym = Pseudonym::of_login(&master(7), &login);
        assert_eq!(
            pseudonym,
            Pseudonym::of_login(&master(7), &Login::parse("ALICE@example.com", &UnicodeTables).unwrap())
        );
        assert_eq!(pseudonym.to_string().len(), 12);
        assert_ne!(pseudonym, Pseudonym::of_login(&master(8), &login));
        assert_ne!(pseudonym, Pseudonym::of_network(&master(7), "alice@example.com"));
    }

    // And none of any other secret.
    #[test]
    fn at_most_six_characters_of_a_signature_are_shown() {
        let signature = "A".repeat(80) + "tail42";
        assert_eq!(signature_tail(&format!("e30.e30.{signature}")), Some("tail42"));
        for text in [
            "",
            "hunter2",
            "my.secret.password",
            &format!("e30.{signature}"),
            "a.b.cccccccc cccccccccccccccccc",
        ] {
            assert_eq!(signature_tail(text), None, "{text}");
        }
    }
}
