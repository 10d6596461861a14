//! Passwords and their hashes: Argon2id (RFC 9106) with a pepper, as PHC strings.
//!
//! The pepper is [`Master::password_pepper`], given to Argon2 as its secret value, so that a
//! leaked database alone cannot be searched. `keyid` in the PHC string names the master.

mod clear;
mod foreign;
mod parameters;

use core::fmt;

use argon2::{
    Algorithm, Version,
    password_hash::phc::{Output, PasswordHash as Phc},
};
use base64ct::{Base64Unpadded, Encoding as _};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

pub use self::{
    clear::{Password, PasswordError},
    parameters::HashParameters,
};
use crate::{
    ports::{Component, Fault, Randomness},
    secrets::{Master, Masters, NewerMaster},
};
use parameters::MAX_FOREIGN_LANES;

/// RFC 9106 section 3.1 recommends 16 bytes.
const SALT_BYTES: usize = 16;

/// 256 bits.
const HASH_BYTES: usize = 32;

/// The longest hash that is read: ours have 104 characters, salt and hash of another origin at
/// most 64 and 86.
const MAX_PHC_BYTES: usize = 256;

/// The least that Argon2 takes as salt, in bytes (RFC 9106 section 3.1).
const MIN_ARGON2_SALT_BYTES: usize = 8;

/// A stored hash, read and found within the caps: ours, which is
/// `$argon2id$v=19$m=..,t=..,p=..,keyid=..$salt$hash`, or one that was imported, without
/// `keyid` and so without pepper: Argon2 of any variant, scrypt (`$scrypt$ln=..,r=..,p=..$..$..`)
/// or bcrypt (`$2a$`, `$2b$`, `$2y$`).
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    text: String,
    scheme: Scheme,
    salt: Vec<u8>,
    output: Vec<u8>,
}

/// How a hash was computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    /// As we make them.
    Argon2id {
        parameters: HashParameters,
        /// The master whose pepper it was made with.
        master: Option<u8>,
    },
    /// Another variant or version of Argon2.
    Argon2 {
        algorithm: Algorithm,
        version: Version,
        parameters: HashParameters,
    },
    Bcrypt {
        cost: u32,
    },
    Scrypt {
        log_n: u8,
        r: u32,
        p: u32,
    },
    /// What stands in the database is no hash that is taken here.
    Unreadable(MalformedHash),
}

/// What a text says.
struct Parsed {
    scheme: Scheme,
    salt: Vec<u8>,
    output: Vec<u8>,
}

/// Why a text is no password hash that is taken here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedHash {
    /// Neither a PHC string of Argon2 or scrypt nor bcrypt's own form.
    #[error("not a password hash of Argon2, scrypt or bcrypt")]
    Form,
    /// Sound, but it costs more than the caps allow.
    #[error("a password hash that costs more than allowed")]
    TooCostly,
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PasswordHash").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}

impl PasswordHash {
    /// Reads a stored hash.
    pub fn parse(text: &str) -> Result<Self, MalformedHash> {
        if text.len() > MAX_PHC_BYTES {
            return Err(MalformedHash::Form);
        }
        let Parsed { scheme, salt, output } = parse(text)?;
        Ok(Self { text: text.to_owned(), scheme, salt, output })
    }

    /// What stands in the database, whatever it is: a user whose hash cannot be read is there, and
    /// no password is theirs.
    pub fn from_stored(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|error| Self {
            text: text.to_owned(),
            scheme: Scheme::Unreadable(error),
            salt: Vec::new(),
            output: Vec::new(),
        })
    }

    /// Hashes a password with a fresh salt and the current master's pepper.
    ///
    /// # Errors
    /// A [`Fault`] without randomness or without memory.
    pub fn make(
        password: &Password,
        parameters: HashParameters,
        master: &Master,
        randomness: &impl Randomness,
    ) -> Result<Self, Fault> {
        let mut salt = [0; SALT_BYTES];
        randomness.fill(&mut salt)?;
        let mut output = [0; HASH_BYTES];
        parameters.compute(&password.nfc, Some(master.password_pepper.bytes()), &salt, &mut output)?;
        let HashParameters { memory_kib, passes, lanes } = parameters;
        let text = format!(
            "$argon2id$v=19$m={memory_kib},t={passes},p={lanes},keyid={}${}${}",
            Base64Unpadded::encode_string(&[master.id]),
            Base64Unpadded::encode_string(&salt),
            Base64Unpadded::encode_string(&output),
        );
        let scheme = Scheme::Argon2id { parameters, master: Some(master.id) };
        Ok(Self { text, scheme, salt: salt.to_vec(), output: output.to_vec() })
    }

    /// Compares a presented password, in constant time, at the cost the hash was made with. One
    /// that is not in NFC costs twice, whatever the hash: a hash from elsewhere is tried with the
    /// bytes as they were sent, which is what other programs hash, and then with those of NFC.
    ///
    /// A hash that cannot be verified costs what [`dummy`] does.
    ///
    /// # Errors
    /// A [`Fault`] without memory.
    pub fn verify(
        &self,
        password: &Password,
        wanted: HashParameters,
        masters: &Masters,
    ) -> Result<Verdict, Fault> {
        let unverifiable = |why| dummy(password, wanted, masters).map(|()| Verdict::Unverifiable(why));
        let pepper = match self.scheme {
            Scheme::Unreadable(error) => return unverifiable(Unverifiable::Unreadable(error)),
            Scheme::Argon2id { master: Some(id), .. } => match masters.look_up(id) {
                Ok(Some(master)) => Some(master.password_pepper.bytes()),
                Ok(None) => return unverifiable(Unverifiable::UnknownMaster(id)),
                Err(newer) => return Ok(Verdict::NotYet(newer)),
            },
            _ => None,
        };
        let is_it = |text: &str| -> Result<bool, Fault> {
            let mut output = Zeroizing::new(vec![0; self.output.len()]);
            self.compute(text, pepper, &mut output)?;
            Ok(bool::from(output.as_slice().ct_eq(&self.output)))
        };
        let matches = match &password.sent {
            None => is_it(&password.nfc)?,
            Some(sent) if pepper.is_some() => {
                let matches = is_it(&password.nfc)?;
                // Ours are of NFC alone: this is for its time, which tells nothing then.
                core::hint::black_box(!matches && is_it(sent)?);
                matches
            }
            Some(sent) => is_it(sent)? || is_it(&password.nfc)?,
        };
        if !matches {
            return Ok(Verdict::Mismatch);
        }
        let today = Scheme::Argon2id { parameters: wanted, master: Some(masters.current().id) };
        let current = self.scheme == today && self.output.len() == HASH_BYTES;
        Ok(Verdict::Match { rehash: !current })
    }

    fn compute(&self, password: &str, pepper: Option<&[u8; 32]>, output: &mut [u8]) -> Result<(), Fault> {
        match self.scheme {
            Scheme::Argon2id { parameters, .. } => parameters.compute(password, pepper, &self.salt, output),
            Scheme::Argon2 { algorithm, version, parameters } => {
                parameters.compute_as((algorithm, version), password, None, &self.salt, output)
            }
            Scheme::Bcrypt { cost } => foreign::compute_bcrypt(cost, password.as_bytes(), &self.salt, output),
            Scheme::Scrypt { log_n, r, p } => {
                foreign::compute_scrypt((log_n, r, p), password.as_bytes(), &self.salt, output)
            }
            // Told before it is computed.
            Scheme::Unreadable(error) => Err(Fault::new(Component::Crypto, error)),
        }
    }

    /// The text, for the store alone.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// A hash that no password matches, for a user who has none yet: a sign-in costs what every
    /// sign-in costs, and fails; the user sets a password by one-time token.
    ///
    /// # Errors
    /// A [`Fault`] without randomness.
    pub(crate) fn unusable(parameters: HashParameters, randomness: &impl Randomness) -> Result<Self, Fault> {
        let mut bytes = [0; SALT_BYTES + HASH_BYTES];
        randomness.fill(&mut bytes)?;
        let (salt, output) = bytes.split_at(SALT_BYTES);
        let HashParameters { memory_kib, passes, lanes } = parameters;
        let text = format!(
            "$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${}${}",
            Base64Unpadded::encode_string(salt),
            Base64Unpadded::encode_string(output),
        );
        let scheme = Scheme::Argon2id { parameters, master: None };
        Ok(Self { text, scheme, salt: salt.to_vec(), output: output.to_vec() })
    }

    /// The master that it needs, if it was made by a Postern.
    pub(crate) const fn master(&self) -> Option<u8> {
        match self.scheme {
            Scheme::Argon2id { master, .. } => master,
            _ => None,
        }
    }
}

fn parse(text: &str) -> Result<Parsed, MalformedHash> {
    if text.starts_with("$2") {
        return foreign::parse_bcrypt(text);
    }
    let phc = Phc::new(text).map_err(|_| MalformedHash::Form)?;
    let algorithm = match phc.algorithm.as_str() {
        "argon2id" => Algorithm::Argon2id,
        "argon2i" => Algorithm::Argon2i,
        "argon2d" => Algorithm::Argon2d,
        "scrypt" => return foreign::parse_scrypt(&phc),
        _ => return Err(MalformedHash::Form),
    };
    let version = match phc.version {
        Some(19) => Version::V0x13,
        // Before there were two versions, none was written.
        Some(16) | None => Version::V0x10,
        _ => return Err(MalformedHash::Form),
    };
    let number = |name: &str| phc.params.get_decimal(name).ok_or(MalformedHash::Form);
    let known = phc.params.iter().all(|(name, _)| matches!(name.as_str(), "m" | "t" | "p" | "keyid"));
    if !known {
        return Err(MalformedHash::Form);
    }
    let parameters = HashParameters::within(number("m")?, number("t")?, number("p")?, MAX_FOREIGN_LANES)
        .ok_or(MalformedHash::TooCostly)?;
    let master = phc.params.get_str("keyid").map(master_of).transpose()?;
    let scheme = match (algorithm, version, master) {
        (Algorithm::Argon2id, Version::V0x13, master) => Scheme::Argon2id { parameters, master },
        // We never made one of these.
        (_, _, Some(_)) => return Err(MalformedHash::Form),
        (algorithm, version, None) => Scheme::Argon2 { algorithm, version, parameters },
    };
    let (salt, output) = salt_and_output(&phc)?;
    if salt.len() < MIN_ARGON2_SALT_BYTES {
        return Err(MalformedHash::Form);
    }
    Ok(Parsed { scheme, salt, output })
}

fn salt_and_output(phc: &Phc) -> Result<(Vec<u8>, Vec<u8>), MalformedHash> {
    let salt = phc.salt.as_ref().ok_or(MalformedHash::Form)?.to_vec();
    let output = phc.hash.as_ref().map(Output::as_bytes).ok_or(MalformedHash::Form)?;
    // A shorter output would be guessed rather than computed.
    if output.len() < 16 {
        return Err(MalformedHash::Form);
    }
    Ok((salt, output.to_vec()))
}

/// The master id in `keyid`: one byte in base64.
fn master_of(text: &str) -> Result<u8, MalformedHash> {
    match Base64Unpadded::decode_vec(text).as_deref() {
        Ok([id]) => Ok(*id),
        _ => Err(MalformedHash::Form),
    }
}

/// Whether the password is the right one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Match {
        /// The hash should be made again: under a former master, or at another cost.
        rehash: bool,
    },
    /// It is not.
    Mismatch,
    /// It was made under a master that this version does not have yet. That passes: the client asks
    /// again.
    NotYet(NewerMaster),
    /// The hash cannot be verified: a fault of ours. The client must not see it, because it would
    /// reveal that the account exists.
    Unverifiable(Unverifiable),
}

/// Why a stored hash cannot be verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unverifiable {
    /// It was made with the pepper of a master that is not in force any more.
    #[error("a password hash was made with master secret {0}, which is not in force")]
    UnknownMaster(u8),
    /// It is no hash that is taken here.
    #[error("users.password_hash is {0}")]
    Unreadable(MalformedHash),
}

impl Unverifiable {
    /// The stable code, for the log.
    pub const fn code(self) -> &'static str {
        match self {
            Self::UnknownMaster(_) => "hash_of_unknown_master",
            Self::Unreadable(MalformedHash::Form) => "hash_unreadable",
            Self::Unreadable(MalformedHash::TooCostly) => "hash_too_costly",
        }
    }
}

/// What the sign-in of an unknown login costs: the same computation as for a known one, so that
/// the time of the answer does not tell which logins exist. (A user whose hash still has older
/// parameters, or is from elsewhere, differs until the next sign-in, which makes it again.)
pub fn dummy(password: &Password, parameters: HashParameters, masters: &Masters) -> Result<(), Fault> {
    let pepper = masters.current().password_pepper.bytes();
    for text in [Some(&password.nfc), password.sent.as_ref()].into_iter().flatten() {
        let mut output = Zeroizing::new([0; HASH_BYTES]);
        parameters.compute(text, Some(pepper), &[0; SALT_BYTES], output.as_mut_slice())?;
        // The result is looked at, so that no compiler leaves the work out.
        core::hint::black_box(output.as_slice());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
