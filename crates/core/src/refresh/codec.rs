//! The refresh token's text form.
//!
//! `prt_` + base64url of
//! `version (1) ‖ master id (1) ‖ account id (16) ‖ family id (16) ‖ rotation count (u32 BE) ‖
//! secret (32) ‖ MAC (16)`: 86 bytes, 119 characters in all. The MAC is HMAC-SHA-256 under the
//! master's envelope key over all before it, cut to 16 bytes (RFC 2104 section 5): it keeps
//! garbage from waking an object; what the token is worth rests on the secret.

use core::fmt;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use zeroize::Zeroizing;

use super::{Presented, Secret};
use crate::{
    envelope,
    ids::{AccountId, FamilyId},
    secrets::{Master, Masters, NewerMaster},
};

/// Lets secret scanners find a leaked token.
const PREFIX: &str = "prt_";
/// The format described above.
const VERSION: u8 = 1;
/// Version, master id, account id, family id, rotation count, secret.
const SIGNED_BYTES: usize = 1 + 1 + 16 + 16 + 4 + 32;
const TOKEN_BYTES: usize = SIGNED_BYTES + envelope::MAC_BYTES;
/// Every token has exactly this length.
const TOKEN_CHARS: usize = envelope::chars(PREFIX, TOKEN_BYTES);

/// A refresh token that one of our masters made: its MAC was checked. Only [`open`] makes one.
///
/// Whether it is still good, the Account object decides.
#[derive(Clone)]
pub struct RefreshToken {
    master: Master,
    account: AccountId,
    family: FamilyId,
    rotation_count: u32,
    secret: Secret,
}

/// Why a text is no refresh token of ours. The same answer for all of them goes to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.code())]
pub enum RefusedToken {
    /// Not 119 characters.
    Length,
    /// Another prefix.
    Prefix,
    /// Not strict base64url.
    Encoding,
    /// A version that this program does not know.
    Version,
    /// Made under a master that is not accepted any more.
    UnknownMaster {
        /// The id it names.
        master: u8,
    },
    /// Made under a master that is not there yet: no cause to give the token up.
    NewerMaster(NewerMaster),
    /// The MAC is wrong: the token was changed, or this deployment did not make it.
    Mac,
}

impl RefusedToken {
    /// The stable code, for logs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Length | Self::Prefix | Self::Encoding => "refresh_token_malformed",
            Self::Version => "refresh_token_version",
            Self::UnknownMaster { .. } => "refresh_token_unknown_master",
            Self::NewerMaster(_) => "refresh_token_newer_master",
            Self::Mac => "refresh_token_mac",
        }
    }
}

/// Reads a token and checks its MAC in constant time. Costs one HMAC at most, and nothing but a
/// look at the length for a text of another length.
pub fn open(masters: &Masters, text: &str) -> Result<RefreshToken, RefusedToken> {
    if text.len() != TOKEN_CHARS {
        return Err(RefusedToken::Length);
    }
    let encoded = text.strip_prefix(PREFIX).ok_or(RefusedToken::Prefix)?;
    let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
    Base64UrlUnpadded::decode(encoded, bytes.as_mut()).map_err(|_| RefusedToken::Encoding)?;

    let [version, master_id, ..] = *bytes;
    if version != VERSION {
        return Err(RefusedToken::Version);
    }
    let master = masters
        .look_up(master_id)
        .map_err(RefusedToken::NewerMaster)?
        .ok_or(RefusedToken::UnknownMaster { master: master_id })?;
    let signed = envelope::authentic::<SIGNED_BYTES>(&master.refresh_envelope, bytes.as_ref())
        .ok_or(RefusedToken::Mac)?;

    let (_, rest) = signed.split_first_chunk::<2>().ok_or(RefusedToken::Length)?;
    let (account, rest) = rest.split_first_chunk().ok_or(RefusedToken::Length)?;
    let (family, rest) = rest.split_first_chunk().ok_or(RefusedToken::Length)?;
    let (count, secret) = rest.split_first_chunk().ok_or(RefusedToken::Length)?;
    Ok(RefreshToken {
        master: master.clone(),
        account: AccountId::from_bytes(*account),
        family: FamilyId::from_bytes(*family),
        rotation_count: u32::from_be_bytes(*count),
        secret: Secret::from_bytes(*secret.first_chunk().ok_or(RefusedToken::Length)?),
    })
}

/// The token's text. The same arguments give the same bytes.
pub fn seal(
    master: &Master,
    account: AccountId,
    family: FamilyId,
    rotation_count: u32,
    secret: &Secret,
) -> String {
    let count = rotation_count.to_be_bytes();
    let signed: [&[u8]; 5] =
        [&[VERSION, master.id], account.as_bytes(), family.as_bytes(), &count, secret.bytes()];
    core::mem::take(&mut *envelope::seal::<TOKEN_BYTES>(PREFIX, &master.refresh_envelope, &signed))
}

impl RefreshToken {
    /// The account it belongs to: which object to ask.
    pub const fn account(&self) -> AccountId {
        self.account
    }

    /// The family, which is the session.
    pub const fn family(&self) -> FamilyId {
        self.family
    }

    /// The generation it says it is.
    pub const fn rotation_count(&self) -> u32 {
        self.rotation_count
    }

    /// The id of the master it was made under.
    pub const fn master(&self) -> u8 {
        self.master.id
    }

    /// What the Account object gets to see: hashes of the secret and of its successor, and the
    /// master that a rotation will be sealed under.
    pub fn present(&self, masters: &Masters) -> Presented {
        Presented {
            rotation_count: self.rotation_count,
            secret_hash: self.secret.hash(),
            successor_hash: self.successor().hash(),
            next_master: masters.current().id,
            client_id: None,
            binding: None,
        }
    }

    /// The successor that the object granted, sealed under the master it named. A retry gives
    /// the same bytes, also after a change of master. If that master was taken out meanwhile, the
    /// current one seals: another envelope around the same secret.
    ///
    /// # Errors
    /// When another version granted it under a master that is not there yet. Another envelope would
    /// have another successor, and the two of them would look like a forgery. The client asks again.
    pub fn seal_successor(&self, masters: &Masters, granted_master: u8) -> Result<String, NewerMaster> {
        let master = masters.look_up(granted_master)?.unwrap_or_else(|| masters.current());
        Ok(seal(master, self.account, self.family, self.next_count(), &self.successor()))
    }

    /// By the ratchet key of the master that made *this* token, whichever is current now.
    fn successor(&self) -> Secret {
        self.secret.successor(&self.master, self.family, self.next_count())
    }

    /// The object refuses to rotate a token of the last count, so its successor is never used.
    const fn next_count(&self) -> u32 {
        self.rotation_count.saturating_add(1)
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RefreshToken")
            .field("master", &self.master.id)
            .field("account", &self.account)
            .field("family", &self.family)
            .field("rotation_count", &self.rotation_count)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
