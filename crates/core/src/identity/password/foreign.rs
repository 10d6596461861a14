//! Hashes that were made elsewhere and came by import: bcrypt and scrypt. They are only ever
//! verified; the first sign-in makes an Argon2id hash of the password.

use argon2::password_hash::phc::PasswordHash as Phc;
use base64ct::{Base64Bcrypt, Encoding as _};
use zeroize::Zeroizing;

use super::{MalformedHash, Parsed, Scheme};
use crate::ports::{Component, Fault};

/// The most that bcrypt may cost: 2^14 rounds, about a second and a half in WASM, once for each
/// user. Its memory is 4 KiB.
const BCRYPT_MAX_COST: u32 = 14;
/// The least that bcrypt knows.
const BCRYPT_MIN_COST: u32 = 4;
/// What bcrypt looks at of a password: more was never hashed, wherever the hash comes from.
const BCRYPT_MAX_BYTES: usize = 72;
/// `$2b$12$` and 53 characters of salt and hash.
const BCRYPT_CHARS: usize = 60;

/// The most blocks of 128 bytes that scrypt may fill (N times r): 64 MiB, as for Argon2.
const SCRYPT_MAX_BLOCKS: u32 = 1 << 19;
/// The most work of scrypt (N times r times p): twice through that memory. All that OWASP lists
/// is within it, but for N = 2^17, which is too much memory.
const SCRYPT_MAX_WORK: u32 = 1 << 20;
/// The block size that everybody uses is 8.
const SCRYPT_MAX_R: u32 = 32;

/// `$2a$`, `$2b$` or `$2y$`. `$2x$` marks hashes of a broken implementation and is refused.
pub(super) fn parse_bcrypt(text: &str) -> Result<Parsed, MalformedHash> {
    if text.len() != BCRYPT_CHARS {
        return Err(MalformedHash::Form);
    }
    let rest = ["$2b$", "$2a$", "$2y$"].iter().find_map(|prefix| text.strip_prefix(prefix));
    let (cost, rest) = rest.and_then(|rest| rest.split_once('$')).ok_or(MalformedHash::Form)?;
    let sound = cost.len() == 2 && cost.bytes().all(|byte| byte.is_ascii_digit());
    let cost: u32 = cost.parse().ok().filter(|_| sound).ok_or(MalformedHash::Form)?;
    if cost > BCRYPT_MAX_COST {
        return Err(MalformedHash::TooCostly);
    }
    let (salt, output) = rest.split_at_checked(22).ok_or(MalformedHash::Form)?;
    let (salt, output) = (decode(salt)?, decode(output)?);
    if cost < BCRYPT_MIN_COST || salt.len() != 16 || output.len() != 23 {
        return Err(MalformedHash::Form);
    }
    Ok(Parsed { scheme: Scheme::Bcrypt { cost }, salt, output })
}

/// Some implementations leave bits in the last character that belong to no byte. They are
/// ignored, as all verifiers of such hashes do.
fn decode(text: &str) -> Result<Vec<u8>, MalformedHash> {
    const ALPHABET: &[u8; 64] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    // The bits of the last character beyond the last whole byte.
    let spare = (text.len() * 6) % 8;
    let mut text = text.to_owned();
    let last = text.pop().and_then(|last| ALPHABET.iter().position(|letter| char::from(*letter) == last));
    let last = last.ok_or(MalformedHash::Form)? >> spare << spare;
    text.push(ALPHABET.get(last).copied().map(char::from).ok_or(MalformedHash::Form)?);
    Base64Bcrypt::decode_vec(&text).map_err(|_| MalformedHash::Form)
}

/// `$scrypt$ln=15,r=8,p=1$salt$hash`.
pub(super) fn parse_scrypt(phc: &Phc) -> Result<Parsed, MalformedHash> {
    let number = |name: &str| phc.params.get_decimal(name).ok_or(MalformedHash::Form);
    let (log_n, r, p) = (number("ln")?, number("r")?, number("p")?);
    if phc.version.is_some() || phc.params.iter().count() != 3 || log_n == 0 || r == 0 || p == 0 {
        return Err(MalformedHash::Form);
    }
    let blocks = 1_u32.checked_shl(log_n).filter(|n| *n > 1).and_then(|n| n.checked_mul(r));
    let blocks = blocks.filter(|blocks| *blocks <= SCRYPT_MAX_BLOCKS);
    let work = blocks.and_then(|blocks| blocks.checked_mul(p));
    if r > SCRYPT_MAX_R || work.is_none_or(|work| work > SCRYPT_MAX_WORK) {
        return Err(MalformedHash::TooCostly);
    }
    let log_n = u8::try_from(log_n).map_err(|_| MalformedHash::TooCostly)?;
    let (salt, output) = super::salt_and_output(phc)?;
    Ok(Parsed { scheme: Scheme::Scrypt { log_n, r, p }, salt, output })
}

pub(super) fn compute_bcrypt(cost: u32, password: &[u8], salt: &[u8], out: &mut [u8]) -> Result<(), Fault> {
    let salt = salt.try_into().map_err(|error| Fault::new(Component::Crypto, error))?;
    // What is hashed is the text with the zero byte that ends it in C, so a zero byte inside
    // ends it too.
    let mut key: Zeroizing<Vec<u8>> =
        Zeroizing::new(password.iter().copied().take_while(|byte| *byte != 0).collect());
    key.push(0);
    key.truncate(BCRYPT_MAX_BYTES);
    let hash = Zeroizing::new(bcrypt::bcrypt(cost, salt, &key));
    // The last of the 24 bytes never was part of the text form.
    out.iter_mut().zip(hash.iter()).for_each(|(out, byte)| *out = *byte);
    Ok(())
}

pub(super) fn compute_scrypt(
    (log_n, r, p): (u8, u32, u32),
    password: &[u8],
    salt: &[u8],
    out: &mut [u8],
) -> Result<(), Fault> {
    let params = scrypt::Params::new(log_n, r, p).map_err(|error| Fault::new(Component::Crypto, error))?;
    scrypt::scrypt(password, salt, &params, out).map_err(|error| Fault::new(Component::Crypto, error))
}
