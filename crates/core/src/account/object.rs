//! The Account object's decisions: read, decide, write, with nothing awaited between.

use core::time::Duration;

use super::{
    activity::ActivityKind,
    messages::{AccountAnswer, AccountRequest, Ends, Granted, Refusal, Rotated},
    one_time::Purpose,
    stored::{Meta, Store, StoredFamily},
};
use crate::{
    ids::FamilyId,
    ports::{Fault, Records},
    refresh::{
        Context, Decided, Decision, End, EndReason, Family, Limits, Opening, Presented, RefusalCause,
        Revocation, State,
    },
};
use postern_jose::time::Timestamp;

/// How far the Worker's clock, which sets `iat`, may be behind the object's.
const CLOCK_SKEW: Duration = Duration::from_mins(1);

/// One subject's account over the object's records.
#[derive(Debug)]
pub struct Account<R> {
    records: R,
}

/// An answer, and what the object must do with its alarm.
#[derive(Debug, Clone, PartialEq)]
pub struct Served {
    /// For the Worker.
    pub answer: AccountAnswer,
    /// For the object itself.
    pub upkeep: Upkeep,
}

/// What the object has to do besides answering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upkeep {
    /// Leave the alarm as it is.
    Unchanged,
    /// Set the alarm to this time, in place of the one that is set; it calls [`Account::sweep`].
    Alarm(Timestamp),
    /// Nothing is stored any more: delete the alarm and the storage.
    Empty,
}

impl<R: Records> Account<R> {
    /// Over these records.
    pub const fn new(records: R) -> Self {
        Self { records }
    }

    /// The records, for tests that look inside.
    pub const fn records(&self) -> &R {
        &self.records
    }

    /// Decides one request. A storage fault is [`AccountAnswer::Unavailable`]: each decision is
    /// committed by one write, so a write that fails leaves all families as they were.
    pub fn serve(&self, request: &AccountRequest, now: Timestamp) -> Served {
        // What was written before the fault may have to be told to the feed, or be an account
        // without a family: the alarm sees to it, and no later than it would have.
        self.decide(request, now).unwrap_or_else(|fault| Served {
            answer: AccountAnswer::Unavailable { cause: fault.to_string() },
            upkeep: Upkeep::Alarm(now),
        })
    }

    fn decide(&self, request: &AccountRequest, now: Timestamp) -> Result<Served, Fault> {
        match request {
            AccountRequest::Open {
                family,
                secret_hash,
                master,
                grant,
                lifetimes,
                drift,
                binding,
                device_name,
                context,
                max_families,
                credential_version,
            } => {
                let opening = Opening {
                    grant: grant.clone(),
                    lifetimes: *lifetimes,
                    drift: *drift,
                    binding: *binding,
                    device_name: device_name.clone(),
                    context: context.clone(),
                    secret_hash: *secret_hash,
                    master: *master,
                };
                self.open(*family, opening, (*max_families, *credential_version), now)
            }
            AccountRequest::Rotate { family, presented, limits, context } => {
                self.rotate(*family, presented, now, limits, context)
            }
            AccountRequest::Confirm { family, rotation_count } => {
                self.confirm(*family, *rotation_count, now)?;
                Ok(Served::plain(AccountAnswer::Confirmed))
            }
            AccountRequest::Revoke { family, reason } => self.revoke(*family, *reason, now),
            AccountRequest::RevokeAll { reason, keep: Some(keep) } => self.revoke_others(*keep, *reason, now),
            AccountRequest::RevokeAll { reason, keep: None } => self.revoke_all(*reason, now),
            AccountRequest::Sessions => {
                Ok(Served::plain(AccountAnswer::Sessions { sessions: self.sessions(now)? }))
            }
            AccountRequest::Check { family, issued_at } => {
                let alive = self.check(*family, *issued_at, now)?;
                Ok(Served::plain(AccountAnswer::Checked { alive }))
            }
            AccountRequest::UserChanged { subject, kind, context, fence, ends, reason } => {
                self.raise_fence(subject, *fence)?;
                if matches!(reason, Revocation::PasswordChanged | Revocation::Disabled) {
                    self.void_one_time(Purpose::ResetPassword)?;
                }
                let all = match ends {
                    Ends::All => true,
                    Ends::Beyond { scopes, roles, tenant_id } => {
                        self.is_any_beyond(scopes, roles, tenant_id.as_deref(), now)?
                    }
                    Ends::Others(_) | Ends::None => false,
                };
                let answer = match ends {
                    _ if all => self.revoke_all(*reason, now)?.answer,
                    Ends::Others(keep) => self.revoke_others(*keep, *reason, now)?.answer,
                    _ => AccountAnswer::revoked(Vec::new()),
                };
                // What is about to be done is no news yet.
                if *fence > 0 {
                    let _ = self.note(*kind, None, context, now);
                }
                self.with_alarm(answer, now)
            }
            AccountRequest::IssueOneTime { hash, purpose, context } => {
                let answer = self.issue_one_time(hash, *purpose, context, now)?;
                self.with_alarm(answer, now)
            }
            AccountRequest::RedeemOneTime { hash, purpose, context } => {
                match self.redeem_one_time(hash, *purpose, context, now)? {
                    AccountAnswer::OneTimeRefused {} => Ok(Served::plain(AccountAnswer::OneTimeRefused {})),
                    redeemed => self.with_alarm(redeemed, now),
                }
            }
            AccountRequest::GiveBackOneTime { hash } => self.give_back_one_time(hash).map(Served::plain),
            AccountRequest::Note { kind, family, context } => {
                self.note(*kind, *family, context, now)?;
                self.with_alarm(AccountAnswer::Confirmed, now)
            }
            AccountRequest::Activity => {
                Ok(Served::plain(AccountAnswer::Activity { entries: self.activity(now)? }))
            }
            AccountRequest::BeginErase => self.begin_erase(now),
            AccountRequest::Erase => self.erase(now),
        }
    }

    pub(super) const fn store(&self) -> Store<'_, R> {
        Store(&self.records)
    }

    /// The family as it is by its own record and the account's epoch.
    pub(super) fn load(&self, id: FamilyId) -> Result<Option<StoredFamily>, Fault> {
        let Some(stored) = self.store().family(id)? else { return Ok(None) };
        Ok(Some(settle(stored, self.store().meta()?.as_ref())))
    }

    fn rotate(
        &self,
        id: FamilyId,
        presented: &Presented,
        now: Timestamp,
        limits: &Limits,
        context: &Context,
    ) -> Result<Served, Fault> {
        let Some(before) = self.load(id)? else {
            let refusal = Refusal::without_family(RefusalCause::UnknownFamily);
            return Ok(Served::plain(AccountAnswer::Refused(refusal)));
        };
        let (family, decided) = before.family.clone().rotate(presented, now, limits, context);
        let after = StoredFamily { family, ..before };
        let mut upkeep = Upkeep::Unchanged;
        if after.family != before.family {
            // A session that expired has no access token that is still good: the feed is for ends
            // that come early.
            let early = |end: &End| !matches!(end.reason, EndReason::Expired { .. });
            if before.family.end().is_none() && after.family.end().is_some_and(early) {
                self.tell_session(id, now)?;
                upkeep = Upkeep::Alarm(now);
            }
            self.store().write_family(id, &after)?;
        }
        let answer = answer(&after.family, decided);
        let kind = match &answer {
            AccountAnswer::Rotated(Rotated { granted: Granted::LateRetry, .. }) => {
                Some(ActivityKind::Retried)
            }
            AccountAnswer::Refused(refusal) => ActivityKind::of_refusal(refusal.cause),
            _ => None,
        };
        if let Some(kind) = kind {
            let _ = self.note(kind, Some(id), context, now);
        }
        Ok(Served { answer, upkeep })
    }

    fn confirm(&self, id: FamilyId, rotation_count: u32, now: Timestamp) -> Result<(), Fault> {
        let Some(before) = self.load(id)? else { return Ok(()) };
        let after = StoredFamily { family: before.family.clone().confirm(rotation_count, now), ..before };
        if after.family != before.family {
            self.store().write_family(id, &after)?;
        }
        Ok(())
    }

    /// A session's life is exact: its family ended in the same order as everything else here,
    /// whatever second an `iat` names. The `iat` only has to be possible.
    fn check(&self, id: FamilyId, issued_at: Timestamp, now: Timestamp) -> Result<bool, Fault> {
        let Some(stored) = self.load(id)? else { return Ok(false) };
        Ok(stored.family.is_alive(now) && issued_at.plus(CLOCK_SKEW) >= stored.family.created_at)
    }
}

/// Applies the account's epoch to a stored family.
pub(super) fn settle(mut stored: StoredFamily, meta: Option<&Meta>) -> StoredFamily {
    if let Some(meta) = meta
        && let Some(revoked) = meta.revoked_all
        && stored.epoch < meta.epoch
    {
        stored.family = stored.family.ended(EndReason::Revoked { by: revoked.by }, revoked.at);
    }
    stored
}

fn answer(family: &Family, decided: Decided) -> AccountAnswer {
    let granted = match (decided.decision, &family.state) {
        (Decision::Rotate, State::Alive(alive)) => Some((Granted::Rotate, alive)),
        (Decision::Retry { late: false }, State::Alive(alive)) => Some((Granted::Retry, alive)),
        (Decision::Retry { late: true }, State::Alive(alive)) => Some((Granted::LateRetry, alive)),
        _ => None,
    };
    if let Some((granted, alive)) = granted {
        return AccountAnswer::Rotated(Rotated {
            rotation_count: family.rotation_count,
            master: alive.master,
            granted,
            grant: family.grant.clone(),
            binding: family.binding,
            created_at: family.created_at,
            expires_at: family.expires_at(),
            evidence: decided.evidence,
        });
    }
    // Every decision that grants leaves the family alive, so the fallback is never taken.
    let cause = decided.decision.refusal().unwrap_or(RefusalCause::UnknownFamily);
    AccountAnswer::Refused(Refusal { cause, evidence: Some(decided.evidence) })
}

impl Served {
    pub(super) const fn plain(answer: AccountAnswer) -> Self {
        Self { answer, upkeep: Upkeep::Unchanged }
    }
}
