//! The names of the objects that hold the limits of an account.

use sha2::{Digest as _, Sha256};

use crate::identity::Login;
use postern_jose::encoding::base64url;

/// Bytes kept of the hash: two logins never share an object by chance, nor by anybody's work.
const NAME_BYTES: usize = 16;

/// What a login's object is named by. It depends on no secret, and so on no master: guesses are
/// counted in one place while a new master is rolled out, and locks outlive its change. A name is
/// never stored and never shown. Records, events and the audit log name a login by a
/// [`Pseudonym`](crate::events::Pseudonym), which cannot be guessed.
pub fn of_login(login: &Login) -> String {
    let hash = Sha256::new().chain_update(b"postern/v1/throttle\0").chain_update(login.as_str()).finalize();
    base64url(hash.get(..NAME_BYTES).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::UnicodeTables;

    #[test]
    fn the_name_of_a_logins_object_format_unchanged() {
        let of = |text: &str| of_login(&Login::parse(text, &UnicodeTables).unwrap());
        assert_eq!(of("alice@example.com"), "mqOcvSkxfAJ48Z_MOn5YgA");
        assert_eq!(of("ALICE@example.com"), of("alice@example.com"));
        assert_ne!(of("bob@example.com"), of("alice@example.com"));
    }
}
