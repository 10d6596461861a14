//! What the revocation feed has to be told: written together with the decision that ends a
//! session, delivered by the object's alarm, and tried again until the feed has it.
//!
//! The user's answer does not wait for the feed and does not depend on it.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::stored::{OUTBOX_KIND, Store, decode, encode};
use crate::{
    ids::FamilyId,
    ports::{Component, Fault, Records},
    revocation::{Added, FeedEntry, FeedObject, MAX_BATCH, OWN_HORIZON},
};
use postern_jose::time::Timestamp;

/// The id of the record about all sessions; family ids are longer.
const SUBJECT_ID: &str = "subject";

/// The pauses between attempts. Each is as long as what is oldest has waited so far, so they
/// double, within these bounds.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_mins(1)];

/// An end that the revocation feed has to be told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pending {
    /// When it was.
    pub(super) at: Timestamp,
    /// All sessions of this subject; without it, the one session that the record's id names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<String>,
}

/// Notes that a session ends. Goes before the end itself: what is noted and did not happen
/// does no harm, since every hit in the feed is confirmed here.
pub(super) fn tell_session(
    store: &Store<'_, impl Records>,
    family: FamilyId,
    now: Timestamp,
) -> Result<(), Fault> {
    write(store, &family.to_string(), &Pending { at: now, subject: None })
}

/// Notes that all sessions end.
pub(super) fn tell_subject(
    store: &Store<'_, impl Records>,
    subject: &str,
    now: Timestamp,
) -> Result<(), Fault> {
    let pending = Pending { at: now, subject: Some(subject.to_owned()) };
    write(store, SUBJECT_ID, &pending)
}

/// Delivers to the feed what it is not told yet, and removes what it took.
pub(super) async fn deliver(
    store: &Store<'_, impl Records>,
    now: Timestamp,
    feed: &impl FeedObject,
) -> Result<(), Fault> {
    let mut pending = pending_of(store)?;
    pending.truncate(MAX_BATCH);
    let entries: Vec<FeedEntry> = pending
        .iter()
        .filter_map(|(id, _, pending)| match &pending.subject {
            Some(subject) => Some(FeedEntry::subject(subject, pending.at)),
            None => Some(FeedEntry::session(id.parse().ok()?, pending.at)),
        })
        .filter(|entry| now < entry.until)
        .collect();
    if !entries.is_empty() {
        match feed.add(entries).await? {
            Added::Taken => {}
            Added::Full => return Err(Fault::new(Component::RevocationFeed, "the feed is full")),
        }
    }
    for (id, text, _) in pending {
        remove(store, &id, &text)?;
    }
    Ok(())
}

/// When the feed should be told again, if something is left to tell. What no token can have
/// survived is not.
pub(super) fn next_attempt(
    store: &Store<'_, impl Records>,
    now: Timestamp,
) -> Result<Option<Timestamp>, Fault> {
    let mut oldest: Option<Timestamp> = None;
    for (id, text, Pending { at, .. }) in pending_of(store)? {
        if now < at.plus(OWN_HORIZON) {
            oldest = Some(oldest.map_or(at, |oldest| oldest.min(at)));
        } else {
            remove(store, &id, &text)?;
        }
    }
    let [shortest, longest] = PAUSES;
    Ok(oldest.map(|at| now.plus(now.since(at).clamp(shortest, longest))))
}

/// Whether nothing is left to tell.
pub(super) fn is_empty(store: &Store<'_, impl Records>) -> Result<bool, Fault> {
    Ok(pending_of(store)?.is_empty())
}

/// What the feed is not told yet, each with its record's text, which tells whether it changed.
fn pending_of(store: &Store<'_, impl Records>) -> Result<Vec<(String, String, Pending)>, Fault> {
    let rows = store.0.scan(OUTBOX_KIND)?;
    rows.into_iter().map(|(id, text)| decode(&text).map(|pending| (id, text, pending))).collect()
}

fn write(store: &Store<'_, impl Records>, id: &str, pending: &Pending) -> Result<(), Fault> {
    store.0.write(OUTBOX_KIND, id, &encode(pending)?)
}

/// Removes it unless it was written anew.
fn remove(store: &Store<'_, impl Records>, id: &str, text: &str) -> Result<(), Fault> {
    if store.0.read(OUTBOX_KIND, id)?.is_some_and(|now| now == text) {
        store.0.remove(OUTBOX_KIND, id)?;
    }
    Ok(())
}
