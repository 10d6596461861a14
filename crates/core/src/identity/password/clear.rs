//! Passwords in clear, as they are chosen and presented.

use core::fmt;

use zeroize::Zeroizing;

use crate::identity::{Login, Normalizer, common_passwords};

/// The least length of a chosen password in characters (NIST SP 800-63B section 5.1.1.2).
pub(crate) const MIN_CHARACTERS: usize = 8;

/// The longest password in bytes: room for any passphrase, while hashing it costs nothing next
/// to the memory passes.
pub(crate) const MAX_BYTES: usize = 1024;

/// A password in clear, NFC (so that the same password typed on two systems is the same
/// bytes), zeroised when dropped, never printed.
#[derive(Clone)]
pub struct Password {
    pub(super) nfc: Zeroizing<String>,
    /// As it was sent, where that is something else: other programs hash the bytes they get.
    pub(super) sent: Option<Zeroizing<String>>,
}

/// Why a text is not accepted as a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Fewer than 8 characters.
    #[error("must have at least {MIN_CHARACTERS} characters")]
    TooShort,
    /// More than 1 024 bytes.
    #[error("must have at most {MAX_BYTES} bytes")]
    TooLong,
    /// Among the passwords that are tried first, or the login itself.
    #[error("must not be a common password")]
    Common,
}

impl Password {
    /// A password being chosen: 8 characters to 1 024 bytes, and none that everybody uses. It may
    /// consist of any characters (NIST SP 800-63B section 5.1.1.2).
    pub fn choose(text: &str, normalizer: &impl Normalizer) -> Result<Self, PasswordError> {
        let password = Self::present(text, normalizer)?;
        if password.nfc.chars().count() < MIN_CHARACTERS {
            return Err(PasswordError::TooShort);
        }
        if common_passwords::is_common(&password.nfc) {
            return Err(PasswordError::Common);
        }
        Ok(password)
    }

    /// Whether it is the login, or the part of it before an `@`: what is guessed next after the
    /// common ones (NIST SP 800-63B section 5.1.1.2, context-specific words).
    pub fn repeats(&self, login: &Login) -> bool {
        let (password, login) = (self.nfc.to_lowercase(), login.as_str());
        password == login || login.split('@').next() == Some(password.as_str())
    }

    /// A password presented at sign-in: a short one is simply wrong.
    pub fn present(text: &str, normalizer: &impl Normalizer) -> Result<Self, PasswordError> {
        if text.len() > MAX_BYTES {
            return Err(PasswordError::TooLong);
        }
        let nfc = Zeroizing::new(normalizer.nfc(text));
        let sent = (nfc.as_str() != text).then(|| Zeroizing::new(text.to_owned()));
        Ok(Self { nfc, sent })
    }
}

/// One password is one however it was sent.
impl PartialEq for Password {
    fn eq(&self, other: &Self) -> bool {
        self.nfc == other.nfc
    }
}

impl Eq for Password {}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password(..)")
    }
}
