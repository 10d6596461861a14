//! The Account object's decisions: read, decide, write, with nothing awaited between.

use super::{
    activity::{self, ActivityKind},
    alarm,
    answers::AccountAnswer,
    codes, consents, erasure, grants,
    messages::{AccountRequest, Ends},
    oauth_messages::{OauthAnswer, OauthRequest},
    one_time::{self, Purpose},
    reply::{AccountReply, AlarmAction},
    rotation, sessions,
    stored::Store,
};
use crate::{
    ports::{Fault, Records},
    refresh::{Context, NewFamily, Revocation, SecretHash},
    revocation::FeedObject,
};
use postern_jose::time::Timestamp;

/// One subject's account over the object's records.
#[derive(Debug)]
pub struct Account<R> {
    records: R,
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
    pub fn serve(&self, request: &AccountRequest, now: Timestamp) -> AccountReply {
        // What was written before the fault may have to be told to the feed, or be an account
        // without a family: the alarm sees to it, and no later than it would have.
        self.decide(request, now).unwrap_or_else(|fault| AccountReply {
            answer: AccountAnswer::Unavailable { cause: fault.to_string() },
            alarm: AlarmAction::Alarm(now),
        })
    }

    fn decide(&self, request: &AccountRequest, now: Timestamp) -> Result<AccountReply, Fault> {
        let store = &Store(&self.records);
        match request {
            AccountRequest::Open {
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
            } => {
                let opening = NewFamily {
                    grant: grant.clone(),
                    lifetimes: *lifetimes,
                    drift: *drift,
                    kind: *kind,
                    binding: *binding,
                    device_name: device_name.clone(),
                    context: context.clone(),
                    secret_hash: *secret_hash,
                    master: *master,
                };
                sessions::open(store, *family, opening, (*max_families, *credential_version), now)
            }
            AccountRequest::Rotate { family, presented, limits, context } => {
                rotation::rotate(store, *family, presented, now, limits, context)
            }
            AccountRequest::Confirm { family, rotation_count } => {
                rotation::confirm(store, *family, *rotation_count, now)?;
                Ok(AccountReply::plain(AccountAnswer::Confirmed))
            }
            AccountRequest::Browse { family, secret_hash, context } => {
                rotation::browse(store, *family, secret_hash, context, now)
            }
            AccountRequest::Answer { family, question, until } => {
                rotation::answer_question(store, *family, *question, *until, now)
            }
            AccountRequest::Revoke { family, reason } => sessions::revoke(store, *family, *reason, now),
            AccountRequest::RevokeAll { reason, keep: Some(keep) } => {
                sessions::revoke_others(store, *keep, *reason, now)
            }
            AccountRequest::RevokeAll { reason, keep: None } => sessions::revoke_all(store, *reason, now),
            AccountRequest::Sessions => {
                Ok(AccountReply::plain(AccountAnswer::Sessions { sessions: sessions::list(store, now)? }))
            }
            AccountRequest::Check { family, issued_at, grants } => {
                let alive = rotation::check(store, *family, *issued_at, *grants, now)?;
                Ok(AccountReply::plain(AccountAnswer::Checked { alive }))
            }
            AccountRequest::UserChanged { subject, kind, context, fence, ends, reason } => {
                user_changed(store, (subject, *fence), (*kind, context), (ends, *reason), now)
            }
            AccountRequest::IssueOneTime { hash, purpose, context } => {
                let answer = if one_time::issue(store, hash, *purpose, context, now)? {
                    AccountAnswer::OneTimeIssued {}
                } else {
                    AccountAnswer::OneTimeRefused {}
                };
                alarm::after(store, answer, now)
            }
            AccountRequest::RedeemOneTime { hash, purpose, context } => {
                redeem(store, hash, *purpose, context, now)
            }
            AccountRequest::GiveBackOneTime { hash } => {
                one_time::give_back(store, hash)?;
                Ok(AccountReply::plain(AccountAnswer::OneTimeIssued {}))
            }
            AccountRequest::Note { kind, family, context } => {
                activity::note(store, *kind, *family, context, now)?;
                alarm::after(store, AccountAnswer::Confirmed, now)
            }
            AccountRequest::Activity => {
                Ok(AccountReply::plain(AccountAnswer::Activity { entries: activity::list(store, now)? }))
            }
            AccountRequest::Oauth(request) => oauth(store, request, now),
            AccountRequest::BeginErase => erasure::begin(store, now),
            AccountRequest::Erase => erasure::erase(store, now),
        }
    }

    /// Does what is due: removes what has expired, and sets the alarm again.
    pub fn sweep(&self, now: Timestamp) -> Result<AlarmAction, Fault> {
        alarm::sweep(&Store(&self.records), now)
    }

    /// The alarm: tells the feed what it is not told yet, and removes what has expired. The fault
    /// is for the log; whatever was left undone is in the alarm that comes back, also when the
    /// storage itself fails or holds what only a newer program can read.
    pub async fn alarm(&self, now: Timestamp, feed: &impl FeedObject) -> (AlarmAction, Option<Fault>) {
        alarm::ring(&Store(&self.records), now, feed).await
    }
}

fn oauth(
    store: &Store<'_, impl Records>,
    request: &OauthRequest,
    now: Timestamp,
) -> Result<AccountReply, Fault> {
    let plain = |answer| Ok(AccountReply::plain(AccountAnswer::Oauth(answer)));
    match request {
        OauthRequest::IssueCode { grant_id, code, session, consent } => {
            codes::issue(store, *grant_id, code, (*session, consent.as_ref()), now)
        }
        OauthRequest::RedeemCode { grant_id, presented, context } => {
            codes::redeem(store, *grant_id, presented, context, now)
        }
        OauthRequest::RotateGrant { grant_id, presented, limits, context, wanted } => {
            grants::rotate(store, *grant_id, presented, (limits, context), wanted, now)
        }
        OauthRequest::EndGrant { grant_id, client_id, reason } => {
            grants::end(store, *grant_id, client_id.as_deref(), *reason, now)
        }
        OauthRequest::TakeBack { grant_id, secret_hash } => {
            grants::take_back(store, *grant_id, secret_hash, now)
        }
        OauthRequest::InspectGrant { grant_id, rotation_count, secret_hash } => {
            let grant = grants::inspect(store, *grant_id, *rotation_count, secret_hash, now)?;
            plain(OauthAnswer::Inspected { grant })
        }
        OauthRequest::Grants => plain(OauthAnswer::Grants { grants: grants::list(store, now)? }),
        OauthRequest::Consent { client_id, redirect_uri, resource } => {
            let scopes = consents::find(store, client_id, redirect_uri, resource.as_deref())?;
            plain(OauthAnswer::Consented { scopes })
        }
    }
}

/// Ends the sessions that a change to the user ends, and notes the change once it was made.
fn user_changed(
    store: &Store<'_, impl Records>,
    (subject, fence): (&str, u64),
    (kind, context): (ActivityKind, &Context),
    (ends, reason): (&Ends, Revocation),
    now: Timestamp,
) -> Result<AccountReply, Fault> {
    sessions::raise_fence(store, subject, fence)?;
    if matches!(reason, Revocation::PasswordChanged | Revocation::Disabled) {
        one_time::void(store, Purpose::ResetPassword)?;
    }
    let all = match ends {
        Ends::All => true,
        Ends::Beyond { scopes, roles, tenant_id } => {
            grants::end_beyond(store, scopes, roles, tenant_id.as_deref(), now)?;
            sessions::is_any_beyond(store, scopes, roles, tenant_id.as_deref(), now)?
        }
        Ends::Others(_) | Ends::None => false,
    };
    let answer = match ends {
        _ if all => sessions::revoke_all(store, reason, now)?.answer,
        Ends::Others(keep) => sessions::revoke_others(store, *keep, reason, now)?.answer,
        _ => AccountAnswer::revoked(Vec::new()),
    };
    // What is about to be done is no news yet.
    if fence > 0 {
        let _ = activity::note(store, kind, None, context, now);
    }
    alarm::after(store, answer, now)
}

/// Redeems a one-time token. One for a password also ends all sessions.
fn redeem(
    store: &Store<'_, impl Records>,
    hash: &SecretHash,
    purpose: Purpose,
    context: &Context,
    now: Timestamp,
) -> Result<AccountReply, Fault> {
    if !one_time::redeem(store, hash, purpose, now)? {
        return Ok(AccountReply::plain(AccountAnswer::OneTimeRefused {}));
    }
    let (kind, answer) = match purpose {
        Purpose::ResetPassword => {
            let ended = sessions::revoke_all(store, Revocation::PasswordChanged, now)?;
            (ActivityKind::PasswordReset, ended.answer)
        }
        Purpose::VerifyEmail => (ActivityKind::EmailVerified, AccountAnswer::revoked(Vec::new())),
    };
    let _ = activity::note(store, kind, None, context, now);
    alarm::after(store, answer, now)
}
