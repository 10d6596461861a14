//! One refresh family in its account: a token presented, a receipt confirmed, an access token checked.

use core::time::Duration;

use super::{
    activity::{self, ActivityKind},
    answers::{AccountAnswer, Browsing, Granted, Refusal, Rotated},
    grants, outbox,
    reply::{AccountReply, AlarmAction},
    stored::{Store, StoredFamily},
};
use crate::{
    ids::{FamilyId, QuestionId},
    ports::{Fault, Records},
    refresh::{
        Context, Decided, Decision, End, EndReason, Family, FamilyKind, Limits, Presented, RefusalCause,
        SecretHash, State,
    },
};
use postern_jose::time::Timestamp;

/// How far the Worker's clock, which sets `iat`, may be behind the object's.
const CLOCK_SKEW: Duration = Duration::from_mins(1);

/// Presents a refresh token to its family.
pub(super) fn rotate(
    store: &Store<'_, impl Records>,
    id: FamilyId,
    presented: &Presented,
    now: Timestamp,
    limits: &Limits,
    context: &Context,
) -> Result<AccountReply, Fault> {
    // A browser session has no refresh token.
    let session = store.load(id)?.filter(|stored| stored.family.kind == FamilyKind::Session);
    let Some(before) = session else {
        let refusal = Refusal::without_family(RefusalCause::UnknownFamily);
        return Ok(AccountReply::plain(AccountAnswer::Refused(refusal)));
    };
    let write = |family| store.write_family(id, &StoredFamily { epoch: before.epoch, family });
    present(store, id, &before.family, presented, (limits, context), now, write)
}

/// Presents a refresh token to a family of a session or of a grant. `write` stores the new state of the family. If the
/// family ends, the feed gets its entry first, so that no end is without one.
pub(super) fn present(
    store: &Store<'_, impl Records>,
    id: FamilyId,
    before: &Family,
    presented: &Presented,
    (limits, context): (&Limits, &Context),
    now: Timestamp,
    write: impl FnOnce(Family) -> Result<(), Fault>,
) -> Result<AccountReply, Fault> {
    let (after, decided) = before.clone().rotate(presented, now, limits, context);
    let answer = answer(&after, decided);
    let mut alarm = AlarmAction::Unchanged;
    if after != *before {
        // A family that expired has no access token that is still good: the feed is for ends
        // that come early.
        let early = |end: &End| !matches!(end.reason, EndReason::Expired { .. });
        if before.end().is_none() && after.end().is_some_and(early) {
            outbox::tell_session(store, id, now)?;
            alarm = AlarmAction::Alarm(now);
        }
        write(after)?;
    }
    let kind = match &answer {
        AccountAnswer::Rotated(Rotated { granted: Granted::LateRetry, .. }) => Some(ActivityKind::Retried),
        AccountAnswer::Refused(refusal) => ActivityKind::of_refusal(refusal.cause),
        _ => None,
    };
    if let Some(kind) = kind {
        let _ = activity::note(store, kind, Some(id), context, now);
    }
    Ok(AccountReply { answer, alarm })
}

/// Notes that the client received the access token of this rotation count.
pub(super) fn confirm(
    store: &Store<'_, impl Records>,
    id: FamilyId,
    rotation_count: u32,
    now: Timestamp,
) -> Result<(), Fault> {
    let Some(before) = store.load(id)? else { return grants::confirm(store, id, rotation_count, now) };
    let after = StoredFamily { family: before.family.clone().confirm(rotation_count, now), ..before };
    if after.family != before.family {
        store.write_family(id, &after)?;
    }
    Ok(())
}

/// How often the use of a browser session is written: each write costs, and an idle time is counted in hours.
const USE_WRITTEN_EVERY: Duration = Duration::from_mins(5);

/// Presents the cookie of a browser session. Its use puts off its idle end.
pub(super) fn browse(
    store: &Store<'_, impl Records>,
    id: FamilyId,
    secret_hash: &SecretHash,
    context: &Context,
    now: Timestamp,
) -> Result<AccountReply, Fault> {
    let refused = |cause| AccountReply::plain(AccountAnswer::Refused(Refusal::without_family(cause)));
    let Some(stored) = store.load(id)? else { return Ok(refused(RefusalCause::UnknownFamily)) };
    if !stored.family.is_alive(now) || !stored.family.is_browser_with(secret_hash) {
        return Ok(refused(RefusalCause::UnknownFamily));
    }
    let grant = stored.family.grant.clone();
    if now.since(stored.family.rotated_at) >= USE_WRITTEN_EVERY {
        let family = stored.family.used(context, now);
        store.write_family(id, &StoredFamily { family, ..stored })?;
    }
    Ok(AccountReply::plain(AccountAnswer::Browsing(Browsing { grant })))
}

/// Answers a question in a browser session, once.
pub(super) fn answer_question(
    store: &Store<'_, impl Records>,
    id: FamilyId,
    question: QuestionId,
    until: Timestamp,
    now: Timestamp,
) -> Result<AccountReply, Fault> {
    let stored = store
        .load(id)?
        .filter(|stored| stored.family.is_alive(now) && stored.family.kind == FamilyKind::Browser);
    let answered = stored.and_then(|stored| {
        let family = stored.family.answer(question, until, now)?;
        Some(StoredFamily { family, epoch: stored.epoch })
    });
    let Some(answered) = answered else {
        let refusal = Refusal::without_family(RefusalCause::UnknownFamily);
        return Ok(AccountReply::plain(AccountAnswer::Refused(refusal)));
    };
    store.write_family(id, &answered)?;
    Ok(AccountReply::plain(AccountAnswer::Confirmed))
}

/// Whether an access token of the session, issued at this time, is still good.
///
/// A session's life is exact: its family ended in the same order as everything else here,
/// whatever second an `iat` names. The `iat` only has to be possible.
///
/// With `grants`, the session may also be a grant to an OAuth client.
pub(super) fn check(
    store: &Store<'_, impl Records>,
    id: FamilyId,
    issued_at: Timestamp,
    with_grants: bool,
    now: Timestamp,
) -> Result<bool, Fault> {
    let family = match store.load(id)? {
        Some(stored) => Some(stored.family),
        None if with_grants => grants::load(store, id)?.map(|grant| grant.family),
        None => None,
    };
    let is_good = |family: Family| family.is_alive(now) && issued_at.plus(CLOCK_SKEW) >= family.created_at;
    Ok(family.is_some_and(is_good))
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
