//! The object's alarm: what it does, and when it rings next.

use core::time::Duration;

use super::{
    activity,
    answers::AccountAnswer,
    codes, grants, one_time, outbox,
    reply::{AccountReply, AlarmAction},
    stored::{ERASED, Families, Meta, Store},
};
use crate::{
    ports::{Fault, RING_AGAIN, Records},
    revocation::FeedObject,
};
use postern_jose::time::Timestamp;

/// How long the mark of an erased account stays: longer than any sign-in takes.
pub(super) const ERASED_MARK: Duration = Duration::from_hours(1);

/// An answer after which something may be stored for which no alarm is set yet.
pub(super) fn after(
    store: &Store<'_, impl Records>,
    answer: AccountAnswer,
    now: Timestamp,
) -> Result<AccountReply, Fault> {
    if !outbox::is_empty(store)? {
        return Ok(AccountReply { answer, alarm: AlarmAction::Alarm(now) });
    }
    let families = store.families()?;
    let activity = activity::sweep(store, now)?;
    let one_time = one_time::sweep(store, now)?;
    let oauth = [codes::sweep(store, now)?, grants::sweep(store, now)?];
    let first = first_of([first_end(&families), activity, one_time, store.leaving()?, first_of(oauth)]);
    Ok(AccountReply { answer, alarm: first.map_or(AlarmAction::Unchanged, AlarmAction::Alarm) })
}

/// Removes the families whose absolute lifetime is over, activity and one-time tokens that
/// are too old, and the account's own record with the last of them. After a fault the alarm must be set again.
pub(super) fn sweep(store: &Store<'_, impl Records>, now: Timestamp) -> Result<AlarmAction, Fault> {
    let leaving = store.leaving()?;
    if leaving.is_some_and(|at| at <= now) {
        // No sign-in can be under way any more that a mark would have to refuse.
        store.clear()?;
    }
    let leaving = leaving.filter(|at| now < *at);
    let mut families = store.families()?;
    for (id, _) in families.extract_if(.., |(_, stored)| now >= stored.family.absolute_end()) {
        store.remove_family(id)?;
    }
    let activity = activity::sweep(store, now)?;
    let one_time = one_time::sweep(store, now)?;
    let oauth = first_of([codes::sweep(store, now)?, grants::sweep(store, now)?]);
    let attempt = outbox::next_attempt(store, now)?;
    let mark = store.meta()?.and_then(|meta| end_of_mark(&meta)).filter(|end| now < *end);
    if let Some(first) = first_of([first_end(&families), activity, one_time, attempt, mark, leaving, oauth]) {
        return Ok(AlarmAction::Alarm(first));
    }
    // Consents are kept as long as there is anything else: a user who is away for longer than that is asked again.
    store.clear()?;
    Ok(AlarmAction::Empty)
}

/// When there is something to do next: at once if the feed is to be told something. A fault
/// here is no cause to fail: then the alarm looks for itself.
pub(super) fn next(store: &Store<'_, impl Records>, families: &Families, now: Timestamp) -> AlarmAction {
    let next = || {
        if !outbox::is_empty(store)? {
            return Ok(None);
        }
        let activity = activity::sweep(store, now)?;
        let one_time = one_time::sweep(store, now)?;
        let oauth = first_of([codes::sweep(store, now)?, grants::sweep(store, now)?]);
        Ok::<_, Fault>(first_of([first_end(families), activity, one_time, oauth]))
    };
    AlarmAction::Alarm(next().ok().flatten().unwrap_or(now))
}

/// The alarm: tells the feed what it is not told yet, and removes what has expired. The fault
/// is for the log; whatever was left undone is in the alarm that comes back, also when the
/// storage itself fails or holds what only a newer program can read.
pub(super) async fn ring(
    store: &Store<'_, impl Records>,
    now: Timestamp,
    feed: &impl FeedObject,
) -> (AlarmAction, Option<Fault>) {
    let delivered = outbox::deliver(store, now, feed).await;
    match sweep(store, now) {
        Ok(alarm) => (alarm, delivered.err()),
        Err(fault) => (AlarmAction::Alarm(now.plus(RING_AGAIN)), Some(fault)),
    }
}

/// When the first of the families can be removed.
fn first_end(families: &Families) -> Option<Timestamp> {
    families.iter().map(|(_, stored)| stored.family.absolute_end()).min()
}

/// Until when the mark of an erased account stays, if it is one.
fn end_of_mark(meta: &Meta) -> Option<Timestamp> {
    let revoked = meta.revoked_all.filter(|_| meta.fence == ERASED)?;
    Some(revoked.at.plus(ERASED_MARK))
}

fn first_of<const N: usize>(times: [Option<Timestamp>; N]) -> Option<Timestamp> {
    times.into_iter().flatten().min()
}
