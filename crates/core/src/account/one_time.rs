//! One-time tokens in the Account object: issued, redeemed once, given back after a fault.
//!
//! The object knows SHA-256 of a token's secret and nothing else of it.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    activity::ActivityKind,
    messages::AccountAnswer,
    object::Account,
    stored::{ERASED, Store},
};
use crate::{
    ports::{Fault, Records},
    refresh::{Context, Revocation, SecretHash},
};
use postern_jose::time::Timestamp;

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

impl<R: Records> Account<R> {
    pub(super) fn issue_one_time(
        &self,
        hash: &SecretHash,
        purpose: Purpose,
        context: &Context,
        now: Timestamp,
    ) -> Result<AccountAnswer, Fault> {
        if self.store().meta()?.is_some_and(|meta| meta.fence == ERASED) {
            return Ok(AccountAnswer::OneTimeRefused {});
        }
        sweep(&self.store(), now)?;
        let open = self.store().one_times()?;
        if open.iter().any(|(known, one)| known == hash && one.purpose == purpose && !one.used) {
            // Asked again: the first answer was lost.
            return Ok(AccountAnswer::OneTimeIssued {});
        }
        let open = open.iter().filter(|(_, one)| one.purpose == purpose && !one.used).count();
        let _ = self.note(purpose.requested(), None, context, now);
        if open >= OPEN_AT_ONCE {
            return Ok(AccountAnswer::OneTimeRefused {});
        }
        let token = OneTime { purpose, expires_at: now.plus(purpose.lifetime()), used: false };
        self.store().write_one_time(hash, &token)?;
        Ok(AccountAnswer::OneTimeIssued {})
    }

    /// Takes the token out of use, and all others of its purpose, and for a password ends all
    /// sessions: one block, so of all who race with one token one redeems it.
    pub(super) fn redeem_one_time(
        &self,
        hash: &SecretHash,
        purpose: Purpose,
        context: &Context,
        now: Timestamp,
    ) -> Result<AccountAnswer, Fault> {
        let found = self.store().one_time(hash)?;
        let Some(found) = found.filter(|one| one.purpose == purpose && !one.used && now < one.expires_at)
        else {
            return Ok(AccountAnswer::OneTimeRefused {});
        };
        // The decisive write. A fault after it leaves sessions alive and the token used: the
        // user asks for another one.
        self.store().write_one_time(hash, &OneTime { used: true, ..found })?;
        for (other, one) in self.store().one_times()? {
            if other != *hash && one.purpose == purpose {
                self.store().remove_one_time(&other)?;
            }
        }
        let (kind, answer) = match purpose {
            Purpose::ResetPassword => {
                (ActivityKind::PasswordReset, self.revoke_all(Revocation::PasswordChanged, now)?.answer)
            }
            Purpose::VerifyEmail => (ActivityKind::EmailVerified, AccountAnswer::revoked(Vec::new())),
        };
        let _ = self.note(kind, None, context, now);
        Ok(answer)
    }

    /// Takes all tokens of a purpose out of use. Whoever has changed the password, or disabled the
    /// user, may have done so because somebody else reads the mailbox.
    pub(super) fn void_one_time(&self, purpose: Purpose) -> Result<(), Fault> {
        for (hash, one) in self.store().one_times()? {
            if one.purpose == purpose {
                self.store().remove_one_time(&hash)?;
            }
        }
        Ok(())
    }

    /// What the token was redeemed for failed: it serves again, for as long as it would have.
    pub(super) fn give_back_one_time(&self, hash: &SecretHash) -> Result<AccountAnswer, Fault> {
        if let Some(found) = self.store().one_time(hash)? {
            self.store().write_one_time(hash, &OneTime { used: false, ..found })?;
        }
        Ok(AccountAnswer::OneTimeIssued {})
    }
}

/// Removes what has expired; when the first of the rest will.
pub(super) fn sweep<R: Records>(store: &Store<'_, R>, now: Timestamp) -> Result<Option<Timestamp>, Fault> {
    let mut first = None;
    for (hash, one) in store.one_times()? {
        if now >= one.expires_at {
            store.remove_one_time(&hash)?;
        } else {
            first = Some(first.map_or(one.expires_at, |first: Timestamp| first.min(one.expires_at)));
        }
    }
    Ok(first)
}

#[cfg(test)]
mod tests;
