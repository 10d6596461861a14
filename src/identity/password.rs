//! Passwords and their hashes: Argon2id (RFC 9106) with a pepper, as PHC strings.
//!
//! The pepper is [`Master::password_pepper`], given to Argon2 as its secret value, so that a
//! leaked database alone cannot be searched. `keyid` in the PHC string names the master.

use core::fmt;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::phc::{Output, PasswordHash as Phc},
};
use base64ct::{Base64Unpadded, Encoding as _};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::{Login, Normalizer, common};
use crate::{
    ports::{Fault, Part, Randomness},
    secrets::{Master, Masters},
};

/// The least length of a chosen password in characters (NIST SP 800-63B section 5.1.1.2).
pub const MIN_CHARACTERS: usize = 8;

/// The longest password in bytes: room for any passphrase, while hashing it costs nothing next
/// to the memory passes.
pub const MAX_BYTES: usize = 1024;

/// RFC 9106 section 3.1 recommends 16 bytes.
const SALT_BYTES: usize = 16;

/// 256 bits.
const HASH_BYTES: usize = 32;

/// The longest PHC string that is read: ours have 104 characters, salt and hash of another
/// origin at most 64 and 86.
const MAX_PHC_BYTES: usize = 256;

/// What a stored hash may cost at most. Beyond it an import, or a row written by an intruder,
/// could stop the isolate: 64 MiB is half of its memory.
const MAX_MEMORY_KIB: u32 = 64 * 1024;
/// See [`MAX_MEMORY_KIB`].
const MAX_PASSES: u32 = 8;
/// See [`MAX_MEMORY_KIB`]. Lanes run one after the other here.
const MAX_LANES: u32 = 4;

/// A password in clear, NFC (so that the same password typed on two systems is the same
/// bytes), zeroised when dropped, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Zeroizing<String>);

/// Why a text is not accepted as a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordError {
    /// Fewer than 8 characters.
    TooShort,
    /// More than 1 024 bytes.
    TooLong,
    /// Among the passwords that are tried first, or the login itself.
    Common,
}

impl PasswordError {
    /// The stable code of the problem document.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooShort => "password_too_short",
            Self::TooLong => "password_too_long",
            Self::Common => "password_common",
        }
    }
}

impl fmt::Display for PasswordError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort => write!(formatter, "a password has at least {MIN_CHARACTERS} characters"),
            Self::TooLong => write!(formatter, "a password has at most {MAX_BYTES} bytes"),
            Self::Common => formatter.write_str("this password is among those that are guessed first"),
        }
    }
}

impl core::error::Error for PasswordError {}

impl Password {
    /// A password being chosen: 8 characters to 1 024 bytes, and none that everybody uses. Nothing
    /// is asked of its composition (NIST SP 800-63B section 5.1.1.2).
    pub fn choose(text: &str, normalizer: &impl Normalizer) -> Result<Self, PasswordError> {
        let password = Self::present(text, normalizer)?;
        if password.0.chars().count() < MIN_CHARACTERS {
            return Err(PasswordError::TooShort);
        }
        if common::is_common(&password.0) {
            return Err(PasswordError::Common);
        }
        Ok(password)
    }

    /// Whether it is the login, or the part of it before an `@`: what is guessed next after the
    /// common ones (NIST SP 800-63B section 5.1.1.2, context-specific words).
    pub fn repeats(&self, login: &Login) -> bool {
        let (password, login) = (self.0.to_lowercase(), login.as_str());
        password == login || login.split('@').next() == Some(password.as_str())
    }

    /// A password presented at sign-in: a short one is simply wrong.
    pub fn present(text: &str, normalizer: &impl Normalizer) -> Result<Self, PasswordError> {
        if text.len() > MAX_BYTES {
            return Err(PasswordError::TooLong);
        }
        Ok(Self(Zeroizing::new(normalizer.nfc(text))))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password(..)")
    }
}

/// What a hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashParameters {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Default for HashParameters {
    /// 19 MiB, 2 passes, 1 lane (OWASP's second choice): about 25 ms in WASM.
    fn default() -> Self {
        Self { memory_kib: 19_456, passes: 2, lanes: 1 }
    }
}

impl HashParameters {
    /// Other parameters: memory in KiB from 8 times the lanes to 65 536, passes 1 to 8, lanes 1
    /// to 4; `None` outside.
    pub const fn new(memory_kib: u32, passes: u32, lanes: u32) -> Option<Self> {
        let within = lanes >= 1
            && lanes <= MAX_LANES
            && passes >= 1
            && passes <= MAX_PASSES
            && memory_kib >= 8 * lanes
            && memory_kib <= MAX_MEMORY_KIB;
        if within { Some(Self { memory_kib, passes, lanes }) } else { None }
    }

    fn compute(
        self,
        password: &Password,
        pepper: Option<&[u8; 32]>,
        salt: &[u8],
        out: &mut [u8],
    ) -> Result<(), Fault> {
        let params =
            Params::new(self.memory_kib, self.passes, self.lanes, Some(out.len())).map_err(crypto)?;
        let secret: &[u8] = pepper.map_or(&[], |pepper| pepper);
        Argon2::new_with_secret(secret, Algorithm::Argon2id, Version::V0x13, params)
            .and_then(|argon2| argon2.hash_password_into(password.0.as_bytes(), salt, out))
            .map_err(crypto)
    }
}

fn crypto(error: argon2::Error) -> Fault {
    Fault::new(Part::Crypto, format_args!("argon2: {error}"))
}

/// A stored hash: `$argon2id$v=19$m=..,t=..,p=..[,keyid=..]$salt$hash`, read and found within
/// the caps. Without `keyid` it has no pepper (an import).
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    text: String,
    parameters: HashParameters,
    /// The master whose pepper it was made with.
    master: Option<u8>,
    salt: Vec<u8>,
    output: Vec<u8>,
}

/// The text is no Argon2id hash, or it costs more than the caps allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MalformedHash;

impl fmt::Display for MalformedHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("not an Argon2id PHC string within the caps")
    }
}

impl core::error::Error for MalformedHash {}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PasswordHash")
            .field("parameters", &self.parameters)
            .field("master", &self.master)
            .finish_non_exhaustive()
    }
}

impl PasswordHash {
    /// Reads a stored hash.
    pub fn parse(text: &str) -> Result<Self, MalformedHash> {
        if text.len() > MAX_PHC_BYTES {
            return Err(MalformedHash);
        }
        let phc = Phc::new(text).map_err(|_| MalformedHash)?;
        if phc.algorithm.as_str() != "argon2id" || phc.version != Some(19) {
            return Err(MalformedHash);
        }
        let number = |name: &str| phc.params.get_decimal(name).ok_or(MalformedHash);
        let known = phc.params.iter().all(|(name, _)| matches!(name.as_str(), "m" | "t" | "p" | "keyid"));
        if !known {
            return Err(MalformedHash);
        }
        let parameters =
            HashParameters::new(number("m")?, number("t")?, number("p")?).ok_or(MalformedHash)?;
        let master = phc.params.get_str("keyid").map(master_of).transpose()?;
        let salt = phc.salt.as_ref().ok_or(MalformedHash)?.to_vec();
        let output = phc.hash.as_ref().map(Output::as_bytes).ok_or(MalformedHash)?;
        // A shorter output would be guessed rather than computed.
        if output.len() < 16 {
            return Err(MalformedHash);
        }
        Ok(Self { text: text.to_owned(), parameters, master, salt, output: output.to_vec() })
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
        parameters.compute(password, Some(master.password_pepper.bytes()), &salt, &mut output)?;
        let HashParameters { memory_kib, passes, lanes } = parameters;
        let text = format!(
            "$argon2id$v=19$m={memory_kib},t={passes},p={lanes},keyid={}${}${}",
            Base64Unpadded::encode_string(&[master.id]),
            Base64Unpadded::encode_string(&salt),
            Base64Unpadded::encode_string(&output),
        );
        Ok(Self { text, parameters, master: Some(master.id), salt: salt.to_vec(), output: output.to_vec() })
    }

    /// Compares a presented password, in constant time, at the cost the hash was made with.
    ///
    /// # Errors
    /// A [`Fault`] without memory, or when the master of the pepper is not in force: that is
    /// no wrong password.
    pub fn verify(
        &self,
        password: &Password,
        wanted: HashParameters,
        masters: &Masters,
    ) -> Result<Verdict, Fault> {
        let master = self
            .master
            .map(|id| {
                let cause = format_args!("password hash made under unknown master {id}").to_string();
                masters.find(id).ok_or_else(|| Fault::new(Part::Crypto, cause))
            })
            .transpose()?;
        let mut output = Zeroizing::new(vec![0; self.output.len()]);
        let pepper = master.map(|master| master.password_pepper.bytes());
        self.parameters.compute(password, pepper, &self.salt, &mut output)?;
        if !bool::from(output.as_slice().ct_eq(&self.output)) {
            return Ok(Verdict::Mismatch);
        }
        let current = self.master == Some(masters.current().id)
            && self.parameters == wanted
            && self.output.len() == HASH_BYTES;
        Ok(Verdict::Match { rehash: !current })
    }

    /// The PHC string, for the store alone.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// The master id in `keyid`: one byte in base64.
fn master_of(text: &str) -> Result<u8, MalformedHash> {
    match Base64Unpadded::decode_vec(text).as_deref() {
        Ok([id]) => Ok(*id),
        _ => Err(MalformedHash),
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
}

/// What the sign-in of an unknown login costs: the same computation as for a known one, so that
/// the time of the answer does not tell which logins exist. (A user whose hash still has older
/// parameters differs until the next sign-in, which makes it again.)
pub fn dummy(password: &Password, parameters: HashParameters, masters: &Masters) -> Result<(), Fault> {
    let mut output = Zeroizing::new([0; HASH_BYTES]);
    let pepper = masters.current().password_pepper.bytes();
    parameters.compute(password, Some(pepper), &[0; SALT_BYTES], output.as_mut_slice())?;
    // The result is looked at, so that no compiler leaves the work out.
    core::hint::black_box(output.as_slice());
    Ok(())
}

#[cfg(test)]
mod tests;
