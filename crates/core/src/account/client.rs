//! The Account objects as the Worker calls them: one method for each request, so that no caller matches on an answer.

use super::{
    activity::{ActivityEntry, ActivityKind},
    answers::{AccountAnswer, Browsing, Refusal, Rotated, SessionView},
    messages::{AccountRequest, Ends},
    one_time::Purpose,
};
use crate::{
    ids::{AccountId, FamilyId, QuestionId},
    ports::{Component, Fault},
    refresh::{Context, Limits, NewFamily, Presented, Revocation, SecretHash},
};
use postern_jose::time::Timestamp;

/// The answer to a sign-in whose credentials were right.
#[derive(Debug, Clone, PartialEq)]
pub enum Opened {
    /// The family is open.
    Open {
        /// The families that the cap of sessions ended to make room.
        displaced: Vec<FamilyId>,
    },
    /// The object refused: the user was changed or erased after the credentials were checked.
    Refused(Refusal),
}

/// The answer to a refresh token.
#[derive(Debug, Clone, PartialEq)]
pub enum Refreshed {
    /// The token was rotated, or is a retry that is owed the identical successor.
    Granted(Rotated),
    /// The token does not refresh. The family may have ended by this very presentation.
    Refused(Refusal),
}

/// A change to a user, as the Account object hears of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeNotice {
    /// The kind of change, for the user's activity.
    pub kind: ActivityKind,
    /// The origin of the user's request. It stays empty for an operator: their address is not the user's business.
    pub context: Context,
    /// The sessions that end.
    pub ends: Ends,
    /// The reason that ended sessions get.
    pub reason: Revocation,
}

impl ChangeNotice {
    fn with_fence(&self, account: AccountId, fence: u64) -> AccountRequest {
        let Self { kind, context, ends, reason } = self.clone();
        AccountRequest::UserChanged { subject: account.to_string(), kind, context, fence, ends, reason }
    }
}

/// The Account objects, as the Worker reaches them.
///
/// Every method fails with a [`Fault`] of [`Component::Account`] when the object cannot be reached, when its storage failed
/// ([`AccountAnswer::Unavailable`]), or when its answer is of another kind than the request. A write that failed may have
/// happened all the same.
#[expect(async_fn_in_trait, reason = "one thread: no caller needs a Send bound")]
pub trait Accounts {
    /// Sends one message to the object of this account. A [`Fault`] is transport, or an answer that cannot be read. Callers
    /// use the methods below.
    async fn ask(&self, account: AccountId, request: &AccountRequest) -> Result<AccountAnswer, Fault>;

    /// Opens a family at a sign-in. A repeated call for the same family and secret gives the same answer.
    ///
    /// The subject may have at most `max_families` live families; the longest idle ones end to make room. An object that
    /// has heard of a change to the user refuses a `credential_version` of before that change.
    async fn open(
        &self,
        account: AccountId,
        family: FamilyId,
        opening: NewFamily,
        max_families: u16,
        credential_version: u64,
    ) -> Result<Opened, Fault> {
        let NewFamily { grant, lifetimes, drift, kind, binding, device_name, context, secret_hash, master } =
            opening;
        let request = AccountRequest::Open {
            family,
            secret_hash,
            master,
            grant,
            lifetimes,
            drift,
            kind,
            binding,
            device_name,
            context,
            max_families,
            credential_version,
        };
        match self.ask(account, &request).await? {
            AccountAnswer::Opened { displaced } => Ok(Opened::Open { displaced }),
            AccountAnswer::Refused(refusal) => Ok(Opened::Refused(refusal)),
            other => Err(misplaced(other)),
        }
    }

    /// Presents a refresh token whose MAC was checked.
    async fn rotate(
        &self,
        account: AccountId,
        family: FamilyId,
        presented: Presented,
        limits: Limits,
        context: Context,
    ) -> Result<Refreshed, Fault> {
        match self.ask(account, &AccountRequest::Rotate { family, presented, limits, context }).await? {
            AccountAnswer::Rotated(rotated) => Ok(Refreshed::Granted(rotated)),
            AccountAnswer::Refused(refusal) => Ok(Refreshed::Refused(refusal)),
            other => Err(misplaced(other)),
        }
    }

    /// Confirms that the client received the access token of this rotation count.
    async fn confirm(&self, account: AccountId, family: FamilyId, rotation_count: u32) -> Result<(), Fault> {
        match self.ask(account, &AccountRequest::Confirm { family, rotation_count }).await? {
            AccountAnswer::Confirmed => Ok(()),
            other => Err(misplaced(other)),
        }
    }

    /// Presents the cookie of a browser session. `None` when the session has ended or never was.
    async fn browse(
        &self,
        account: AccountId,
        family: FamilyId,
        secret_hash: SecretHash,
        context: Context,
    ) -> Result<Option<Browsing>, Fault> {
        match self.ask(account, &AccountRequest::Browse { family, secret_hash, context }).await? {
            AccountAnswer::Browsing(browsing) => Ok(Some(browsing)),
            AccountAnswer::Refused(_) => Ok(None),
            other => Err(misplaced(other)),
        }
    }

    /// Answers a question in a browser session. `false` when it was answered before, or the session has ended. Asked
    /// twice, it is `false` the second time, so a fault is no cause to ask again.
    async fn answer(
        &self,
        account: AccountId,
        family: FamilyId,
        question: QuestionId,
        until: Timestamp,
    ) -> Result<bool, Fault> {
        match self.ask(account, &AccountRequest::Answer { family, question, until }).await? {
            AccountAnswer::Confirmed => Ok(true),
            AccountAnswer::Refused(_) => Ok(false),
            other => Err(misplaced(other)),
        }
    }

    /// Ends one session. Returns its id if it was alive: to end an ended or unknown one is no error.
    async fn revoke(
        &self,
        account: AccountId,
        family: FamilyId,
        reason: Revocation,
    ) -> Result<Vec<FamilyId>, Fault> {
        ended(self.ask(account, &AccountRequest::Revoke { family, reason }).await?)
    }

    /// Ends all sessions and refuses every access token issued until now. Returns the sessions that were alive.
    async fn revoke_all(&self, account: AccountId, reason: Revocation) -> Result<Vec<FamilyId>, Fault> {
        ended(self.ask(account, &AccountRequest::RevokeAll { reason, keep: None }).await?)
    }

    /// Ends all sessions but `keep`. Returns the ones that were alive.
    async fn revoke_others(
        &self,
        account: AccountId,
        keep: FamilyId,
        reason: Revocation,
    ) -> Result<Vec<FamilyId>, Fault> {
        ended(self.ask(account, &AccountRequest::RevokeAll { reason, keep: Some(keep) }).await?)
    }

    /// The live sessions, most recently refreshed first.
    async fn sessions(&self, account: AccountId) -> Result<Vec<SessionView>, Fault> {
        match self.ask(account, &AccountRequest::Sessions).await? {
            AccountAnswer::Sessions { sessions } => Ok(sessions),
            other => Err(misplaced(other)),
        }
    }

    /// Whether the session lives, and an access token of it with this `iat` is still good. With `grants`, it may also be a
    /// grant to an OAuth client.
    async fn check(
        &self,
        account: AccountId,
        family: FamilyId,
        issued_at: Timestamp,
        grants: bool,
    ) -> Result<bool, Fault> {
        match self.ask(account, &AccountRequest::Check { family, issued_at, grants }).await? {
            AccountAnswer::Checked { alive } => Ok(alive),
            other => Err(misplaced(other)),
        }
    }

    /// Ends the sessions that a change to the user is about to end, before the database is written: the answer of that
    /// write may be lost. The caller calls [`Self::user_changed`] afterwards.
    async fn user_will_change(&self, account: AccountId, notice: &ChangeNotice) -> Result<(), Fault> {
        self.user_changed(account, notice, 0).await
    }

    /// Ends the sessions that a change to the user ends. For a while the object refuses sign-ins with credentials of a
    /// version before `credential_version`, the version after the change.
    async fn user_changed(
        &self,
        account: AccountId,
        notice: &ChangeNotice,
        credential_version: u64,
    ) -> Result<(), Fault> {
        ended(self.ask(account, &notice.with_fence(account, credential_version)).await?).map(drop)
    }

    /// Keeps a one-time token. `false` when too many of its purpose are open.
    async fn issue_one_time(
        &self,
        account: AccountId,
        hash: SecretHash,
        purpose: Purpose,
        context: Context,
    ) -> Result<bool, Fault> {
        match self.ask(account, &AccountRequest::IssueOneTime { hash, purpose, context }).await? {
            AccountAnswer::OneTimeIssued {} => Ok(true),
            AccountAnswer::OneTimeRefused {} => Ok(false),
            other => Err(misplaced(other)),
        }
    }

    /// Redeems a one-time token; one for a password also ends all sessions. `false` when the token is unknown, was used, has
    /// expired, or is for another purpose.
    async fn redeem_one_time(
        &self,
        account: AccountId,
        hash: SecretHash,
        purpose: Purpose,
        context: Context,
    ) -> Result<bool, Fault> {
        match self.ask(account, &AccountRequest::RedeemOneTime { hash, purpose, context }).await? {
            AccountAnswer::Revoked { .. } => Ok(true),
            AccountAnswer::OneTimeRefused {} => Ok(false),
            other => Err(misplaced(other)),
        }
    }

    /// Makes a redeemed one-time token usable again, because the change that it was redeemed for was not made.
    async fn give_back_one_time(&self, account: AccountId, hash: SecretHash) -> Result<(), Fault> {
        match self.ask(account, &AccountRequest::GiveBackOneTime { hash }).await? {
            AccountAnswer::OneTimeIssued {} => Ok(()),
            other => Err(misplaced(other)),
        }
    }

    /// Adds a line to the user's activity.
    async fn note(
        &self,
        account: AccountId,
        kind: ActivityKind,
        family: Option<FamilyId>,
        context: Context,
    ) -> Result<(), Fault> {
        match self.ask(account, &AccountRequest::Note { kind, family, context }).await? {
            AccountAnswer::Confirmed => Ok(()),
            other => Err(misplaced(other)),
        }
    }

    /// The user's activity, newest first.
    async fn activity(&self, account: AccountId) -> Result<Vec<ActivityEntry>, Fault> {
        match self.ask(account, &AccountRequest::Activity).await? {
            AccountAnswer::Activity { entries } => Ok(entries),
            other => Err(misplaced(other)),
        }
    }

    /// Ends all sessions before the user's row is removed. The object erases itself a while later when [`Self::erase`]
    /// never comes, unless the user signs in again.
    async fn begin_erase(&self, account: AccountId) -> Result<(), Fault> {
        ended(self.ask(account, &AccountRequest::BeginErase).await?).map(drop)
    }

    /// Ends all sessions and erases all that the object has stored about the subject.
    async fn erase(&self, account: AccountId) -> Result<(), Fault> {
        ended(self.ask(account, &AccountRequest::Erase).await?).map(drop)
    }
}

/// The sessions that were alive before a request that ends sessions.
fn ended(answer: AccountAnswer) -> Result<Vec<FamilyId>, Fault> {
    match answer {
        AccountAnswer::Revoked { ended, .. } => Ok(ended),
        other => Err(misplaced(other)),
    }
}

pub(super) fn misplaced(answer: AccountAnswer) -> Fault {
    match answer {
        AccountAnswer::Unavailable { cause } => Fault::new(Component::Account, cause),
        _ => Fault::misplaced(Component::Account),
    }
}
