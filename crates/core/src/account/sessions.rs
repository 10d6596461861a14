//! The sessions of an account as a whole: open one, list, revoke some or all.

use core::time::Duration;

use super::{
    activity::{self, ActivityKind},
    alarm,
    answers::{AccountAnswer, Refusal, SessionView},
    codes, grants,
    order::in_order,
    outbox,
    reply::{AccountReply, AlarmAction},
    stored::{ERASED, Families, Meta, RevokedAll, Store, StoredFamily},
};
use crate::{
    ids::FamilyId,
    ports::{Fault, Records},
    refresh::{Context, EndReason, Family, NewFamily, RefusalCause, Revocation, State},
};
use postern_jose::time::Timestamp;

/// How many ended families are kept for their evidence. More are only made by signing in and out
/// over and over; the longest ended go first, and their tokens stay refused, as unknown.
const ENDED_KEPT: usize = 200;

/// How long the fence refuses earlier credentials after the change that raised it: longer than any
/// sign-in takes, and no longer than a user would wait whose row of the database was restored to
/// before the change. Which password is the right one is the database's to say; this object says
/// what has ended, and what was under way.
const FENCE: Duration = Duration::from_mins(15);

pub(super) fn open(
    store: &Store<'_, impl Records>,
    id: FamilyId,
    opening: NewFamily,
    (max_families, credential_version): (u16, u64),
    now: Timestamp,
) -> Result<AccountReply, Fault> {
    let refused = |cause| Ok(AccountReply::plain(AccountAnswer::Refused(Refusal::without_family(cause))));
    let meta = store.meta()?;
    if meta.as_ref().is_some_and(|meta| meta.subject != opening.grant.subject) {
        return refused(RefusalCause::WrongSubject);
    }
    if meta.as_ref().is_some_and(|meta| is_stale(credential_version, meta.fence, now)) {
        return refused(RefusalCause::StaleCredentials);
    }
    let mut families = store.settled(meta.as_ref())?;
    if let Some((_, there)) = families.iter().find(|(other, _)| *other == id) {
        if !is_repeated(&there.family, &opening) {
            return refused(RefusalCause::FamilyExists);
        }
        return Ok(AccountReply {
            answer: AccountAnswer::Opened { displaced: Vec::new() },
            alarm: alarm::next(store, &families, now),
        });
    }

    let epoch = meta.as_ref().map_or(0, |meta| meta.epoch);
    if meta.is_none() {
        let subject = opening.grant.subject.clone();
        store.write_meta(&Meta { subject, epoch, revoked_all: None, fence: 0 })?;
    }
    // A user who can sign in still exists: the erasure has failed, and must be ordered again.
    let may_leave = |all: RevokedAll| all.by == Revocation::Disabled;
    if meta.as_ref().is_none_or(|meta| meta.revoked_all.is_some_and(may_leave)) {
        store.remove_leaving()?;
    }
    let context = opening.context.clone();
    let opened = StoredFamily { epoch, family: Family::open(opening, now) };
    store.write_family(id, &opened)?;

    // From here on the family is open whatever fails: making room is house-keeping, and the
    // next sign-in makes up for what is left undone.
    let displaced = displace(store, &mut families, usize::from(max_families.max(1)) - 1, now);
    forget_ended(store, &mut families);
    families.push((id, opened));
    for displaced in &displaced {
        let _ =
            activity::note(store, ActivityKind::FamilyDisplaced, Some(*displaced), &Context::default(), now);
    }
    let _ = activity::note(store, ActivityKind::SignedIn, Some(id), &context, now);
    Ok(AccountReply {
        answer: AccountAnswer::Opened { displaced },
        alarm: alarm::next(store, &families, now),
    })
}

/// Ends the longest idle of the live families until `room` of them are left.
fn displace(
    store: &Store<'_, impl Records>,
    families: &mut Families,
    room: usize,
    now: Timestamp,
) -> Vec<FamilyId> {
    let live = families_in_order(families, |family| family.is_alive(now).then_some(family.seen_at));
    let excess = live.len().saturating_sub(room);
    let mut displaced = Vec::new();
    for (_, _, place) in live.into_iter().take(excess) {
        let Some((id, stored)) = families.get_mut(place) else { continue };
        stored.family = stored.family.clone().ended(EndReason::Displaced, now);
        let told = outbox::tell_session(store, *id, now);
        if told.and_then(|()| store.write_family(*id, stored)).is_ok() {
            displaced.push(*id);
        }
    }
    displaced
}

/// Removes the longest ended families beyond [`ENDED_KEPT`].
fn forget_ended(store: &Store<'_, impl Records>, families: &mut Families) {
    let ended = families_in_order(families, |family| Some(family.end()?.at));
    let excess = ended.len().saturating_sub(ENDED_KEPT);
    for (_, id, _) in ended.into_iter().take(excess) {
        if store.remove_family(id).is_ok() {
            families.retain(|(other, _)| *other != id);
        }
    }
}

pub(super) fn list(store: &Store<'_, impl Records>, now: Timestamp) -> Result<Vec<SessionView>, Fault> {
    let meta = store.meta()?;
    let families = store.settled(meta.as_ref())?;
    // The latest first: by the time that is left until the end of all time.
    let latest_first = families_in_order(&families, |family| {
        let age = u64::MAX - family.rotated_at.millis();
        family.is_alive(now).then_some(Timestamp::from_millis(age))
    });
    let view = |(_, id, place): (_, FamilyId, usize)| {
        families.get(place).map(|(_, stored)| SessionView::of(id, &stored.family))
    };
    Ok(latest_first.into_iter().filter_map(view).collect())
}

pub(super) fn revoke(
    store: &Store<'_, impl Records>,
    id: FamilyId,
    by: Revocation,
    now: Timestamp,
) -> Result<AccountReply, Fault> {
    let mut families: Families = store.load(id)?.map(|stored| (id, stored)).into_iter().collect();
    if families.is_empty() && by == Revocation::Operator {
        return grants::end_by_operator(store, id, now);
    }
    let ended = end_each(store, &mut families, by, now)?;
    note_end(store, &ended, ActivityKind::of_revocation(by, false), now);
    let alarm = if ended.is_empty() { AlarmAction::Unchanged } else { AlarmAction::Alarm(now) };
    let answer = AccountAnswer::revoked(ended);
    Ok(AccountReply { answer, alarm })
}

/// A fault on the way leaves each family either ended or as it was; asking again ends the rest.
pub(super) fn revoke_others(
    store: &Store<'_, impl Records>,
    keep: FamilyId,
    by: Revocation,
    now: Timestamp,
) -> Result<AccountReply, Fault> {
    if grants::end_with(by) {
        codes::void(store)?;
        grants::end_all(store, by, now)?;
    }
    let mut families = store.settled(store.meta()?.as_ref())?;
    families.retain(|(id, _)| *id != keep);
    let ended = end_each(store, &mut families, by, now)?;
    note_end(store, &ended, ActivityKind::of_revocation(by, false), now);
    let alarm = if ended.is_empty() && outbox::is_empty(store)? {
        AlarmAction::Unchanged
    } else {
        AlarmAction::Alarm(now)
    };
    let answer = AccountAnswer::revoked(ended);
    Ok(AccountReply { answer, alarm })
}

pub(super) fn revoke_all(
    store: &Store<'_, impl Records>,
    by: Revocation,
    now: Timestamp,
) -> Result<AccountReply, Fault> {
    // The mark of an erased account names no subject: what the feed is to be told of the one it
    // had would be overwritten.
    let Some(mut meta) = store.meta()?.filter(|meta| meta.fence != ERASED) else {
        // No family was ever opened, or all were removed after their absolute lifetime.
        let answer = AccountAnswer::revoked(Vec::new());
        return Ok(AccountReply::plain(answer));
    };
    if grants::end_with(by) {
        grants::end_all(store, by, now)?;
    }
    let mut families = store.settled(Some(&meta))?;
    outbox::tell_subject(store, &meta.subject, now)?;
    meta.epoch = meta.epoch.saturating_add(1);
    meta.revoked_all = Some(RevokedAll { at: now, by });
    store.write_meta(&meta)?;

    // That write has ended them all. Their own records get the reason too, so that the next
    // revocation of all does not claim them; a fault here costs only that.
    let mut ended = Vec::new();
    for (id, stored) in &mut families {
        if stored.family.is_alive(now) {
            ended.push(*id);
        }
        if stored.family.end().is_none() {
            stored.family = stored.family.clone().expire(now).revoke(by, now);
            let _ = store.write_family(*id, stored);
        }
    }
    if let Some(kind) = ActivityKind::of_revocation(by, true) {
        let _ = activity::note(store, kind, None, &Context::default(), now);
    }
    let answer = AccountAnswer::revoked(ended);
    Ok(AccountReply { answer, alarm: AlarmAction::Alarm(now) })
}

fn note_end(store: &Store<'_, impl Records>, ended: &[FamilyId], kind: Option<ActivityKind>, now: Timestamp) {
    let Some(kind) = kind else { return };
    for family in ended {
        let _ = activity::note(store, kind, Some(*family), &Context::default(), now);
    }
}

/// Whether a live session has more than these scopes and roles, or another tenant.
pub(super) fn is_any_beyond(
    store: &Store<'_, impl Records>,
    scopes: &[String],
    roles: &[String],
    tenant_id: Option<&str>,
    now: Timestamp,
) -> Result<bool, Fault> {
    let families = store.settled(store.meta()?.as_ref())?;
    Ok(families.iter().any(|(_, StoredFamily { family, .. })| {
        let grant = &family.grant;
        let within = grant.scope.split_ascii_whitespace().all(|one| scopes.iter().any(|kept| kept == one))
            && grant.roles.iter().all(|role| roles.contains(role))
            && grant.tenant_id.as_deref() == tenant_id;
        family.is_alive(now) && !within
    }))
}

/// For a while credentials of an earlier version open nothing.
pub(super) fn raise_fence(store: &Store<'_, impl Records>, subject: &str, fence: u64) -> Result<(), Fault> {
    let meta = store.meta()?.unwrap_or_else(|| Meta {
        subject: subject.to_owned(),
        epoch: 0,
        revoked_all: None,
        fence: 0,
    });
    if fence > meta.fence { store.write_meta(&Meta { fence, ..meta }) } else { Ok(()) }
}

/// Ends `families`, one write each: by revocation the live ones, which it gives back, and by
/// expiry those that were due.
fn end_each(
    store: &Store<'_, impl Records>,
    families: &mut Families,
    by: Revocation,
    now: Timestamp,
) -> Result<Vec<FamilyId>, Fault> {
    let mut ended = Vec::new();
    for (id, stored) in families {
        let live = stored.family.is_alive(now);
        if live {
            outbox::tell_session(store, *id, now)?;
        }
        if stored.family.end().is_none() {
            stored.family = stored.family.clone().expire(now).revoke(by, now);
            store.write_family(*id, stored)?;
        }
        if live {
            ended.push(*id);
        }
    }
    Ok(ended)
}

/// Whether credentials of this version were checked before the change that raised the fence. The
/// fence is the time of that change in milliseconds.
fn is_stale(credential_version: u64, fence: u64, now: Timestamp) -> bool {
    credential_version < fence && now < Timestamp::from_millis(fence).plus(FENCE)
}

/// Whether `there` is what the same `Open` made before, its answer lost.
fn is_repeated(there: &Family, opening: &NewFamily) -> bool {
    matches!(&there.state, State::Alive(alive) if alive.secret_hash == opening.secret_hash)
        && there.rotation_count == 0
        && there.grant == opening.grant
}

/// The families that have a date, earliest first, each with its place in the list.
fn families_in_order(
    families: &Families,
    date: impl Fn(&Family) -> Option<Timestamp>,
) -> Vec<(Timestamp, FamilyId, usize)> {
    in_order(families.iter().map(|(id, stored)| Some((date(&stored.family)?, *id))))
}
