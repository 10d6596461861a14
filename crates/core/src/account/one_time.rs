//! One-time tokens in the Account object: issued, redeemed once, given back after a fault.
//!
//! The object knows SHA-256 of a token's secret and nothing else of it.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    activity::{self, ActivityKind},
    stored::{ERASED, ONE_TIME_KIND, Store, decode, encode},
};
use crate::{
    ports::{Component, Fault, Records},
    refresh::{Context, SecretHash},
};
use postern_jose::{
    encoding::{base64url, from_base64url},
    time::Timestamp,
};

/// How many tokens of one purpose may be open at once. Who asks again waits for one to expire:
/// a stranger cannot fill a mailbox, and cannot make the owner's own tokens void either.
const OPEN_AT_ONCE: usize = 3;

/// What a one-time token is for. The discriminants are the token's byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Choose a new password without knowing the old one.
    ResetPassword = 1,
    /// Show that the login, a mail address, is the user's.
    VerifyEmail = 2,
}

impl Purpose {
    /// How long a token serves: for a password no longer than one needs to look into the
    /// mailbox, for an address until the next day.
    pub const fn lifetime(self) -> Duration {
        match self {
            Self::ResetPassword => Duration::from_mins(30),
            Self::VerifyEmail => Duration::from_hours(24),
        }
    }

    pub(super) const fn requested(self) -> ActivityKind {
        match self {
            Self::ResetPassword => ActivityKind::PasswordResetRequested,
            Self::VerifyEmail => ActivityKind::EmailVerificationRequested,
        }
    }
}

/// A token as stored, under the hash of its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OneTime {
    pub(super) purpose: Purpose,
    pub(super) expires_at: Timestamp,
    /// It was redeemed, and serves no more unless it is given back.
    pub(super) used: bool,
}

/// Keeps a token. `false` when too many of its purpose are open, or the account was erased.
pub(super) fn issue(
    store: &Store<'_, impl Records>,
    hash: &SecretHash,
    purpose: Purpose,
    context: &Context,
    now: Timestamp,
) -> Result<bool, Fault> {
    if store.meta()?.is_some_and(|meta| meta.fence == ERASED) {
        return Ok(false);
    }
    sweep(store, now)?;
    let open = tokens_of(store)?;
    if open.iter().any(|(known, one)| known == hash && one.purpose == purpose && !one.used) {
        // Asked again: the first answer was lost.
        return Ok(true);
    }
    let open = open.iter().filter(|(_, one)| one.purpose == purpose && !one.used).count();
    let _ = activity::note(store, purpose.requested(), None, context, now);
    if open >= OPEN_AT_ONCE {
        return Ok(false);
    }
    let token = OneTime { purpose, expires_at: now.plus(purpose.lifetime()), used: false };
    write(store, hash, &token)?;
    Ok(true)
}

/// Takes the token out of use, and all others of its purpose. `false` when it serves no more. The caller does in the same
/// block what the token is for, so of all who race with one token one redeems it.
pub(super) fn redeem(
    store: &Store<'_, impl Records>,
    hash: &SecretHash,
    purpose: Purpose,
    now: Timestamp,
) -> Result<bool, Fault> {
    let found = read(store, hash)?;
    let Some(found) = found.filter(|one| one.purpose == purpose && !one.used && now < one.expires_at) else {
        return Ok(false);
    };
    // The decisive write. A fault after it leaves sessions alive and the token used: the
    // user asks for another one.
    write(store, hash, &OneTime { used: true, ..found })?;
    for (other, one) in tokens_of(store)? {
        if other != *hash && one.purpose == purpose {
            remove(store, &other)?;
        }
    }
    Ok(true)
}

/// Takes all tokens of a purpose out of use. The password may have been changed, or the user
/// disabled, because another person reads the mailbox.
pub(super) fn void(store: &Store<'_, impl Records>, purpose: Purpose) -> Result<(), Fault> {
    for (hash, one) in tokens_of(store)? {
        if one.purpose == purpose {
            remove(store, &hash)?;
        }
    }
    Ok(())
}

/// What the token was redeemed for failed: it serves again, for as long as it would have.
pub(super) fn give_back(store: &Store<'_, impl Records>, hash: &SecretHash) -> Result<(), Fault> {
    if let Some(found) = read(store, hash)? {
        write(store, hash, &OneTime { used: false, ..found })?;
    }
    Ok(())
}

/// Removes what has expired; when the first of the rest will.
pub(super) fn sweep(store: &Store<'_, impl Records>, now: Timestamp) -> Result<Option<Timestamp>, Fault> {
    let mut first = None;
    for (hash, one) in tokens_of(store)? {
        if now >= one.expires_at {
            remove(store, &hash)?;
        } else {
            first = Some(first.map_or(one.expires_at, |first: Timestamp| first.min(one.expires_at)));
        }
    }
    Ok(first)
}

fn read(store: &Store<'_, impl Records>, hash: &SecretHash) -> Result<Option<OneTime>, Fault> {
    store.0.read(ONE_TIME_KIND, &base64url(&hash.0))?.as_deref().map(decode).transpose()
}

fn tokens_of(store: &Store<'_, impl Records>) -> Result<Vec<(SecretHash, OneTime)>, Fault> {
    let rows = store.0.scan(ONE_TIME_KIND)?;
    rows.iter()
        .map(|(id, record)| {
            let hash = from_base64url(id).and_then(|hash| hash.try_into().ok()).map(SecretHash);
            let hash = hash
                .ok_or_else(|| Fault::new(Component::Storage, "the id of a one_time record is not valid"))?;
            Ok((hash, decode(record)?))
        })
        .collect()
}

fn write(store: &Store<'_, impl Records>, hash: &SecretHash, token: &OneTime) -> Result<(), Fault> {
    store.0.write(ONE_TIME_KIND, &base64url(&hash.0), &encode(token)?)
}

fn remove(store: &Store<'_, impl Records>, hash: &SecretHash) -> Result<(), Fault> {
    store.0.remove(ONE_TIME_KIND, &base64url(&hash.0))
}

#[cfg(test)]
mod tests;
