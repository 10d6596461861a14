//! What the revocation feed has to be told: written together with the decision that ends a
//! session, delivered by the object's alarm, and tried again until the feed has it.
//!
//! The user's answer does not wait for the feed and does not depend on it.

use core::time::Duration;

use super::{
    object::{Account, Upkeep},
    stored::Pending,
};
use crate::{
    ids::FamilyId,
    ports::{Fault, Part, RING_AGAIN, Records},
    revocation::{Added, Entry, FeedObject, MAX_BATCH, OWN_HORIZON},
};
use postern_jose::time::Timestamp;

/// The id of the record about all sessions; family ids are longer.
const SUBJECT_ID: &str = "subject";

/// The pauses between attempts. Each is as long as what is oldest has waited so far, so they
/// double, within these bounds.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_mins(1)];

impl<R: Records> Account<R> {
    /// Notes that a session ends. Goes before the end itself: what is noted and did not happen
    /// does no harm, since every hit in the feed is confirmed here.
    pub(super) fn tell_session(&self, family: FamilyId, now: Timestamp) -> Result<(), Fault> {
        self.store().write_pending(&family.to_string(), &Pending { at: now, subject: None })
    }

    /// Notes that all sessions end.
    pub(super) fn tell_subject(&self, subject: &str, now: Timestamp) -> Result<(), Fault> {
        let pending = Pending { at: now, subject: Some(subject.to_owned()) };
        self.store().write_pending(SUBJECT_ID, &pending)
    }

    /// The alarm: tells the feed what it is not told yet, and removes what has expired. The fault
    /// is for the log; whatever was left undone is in the alarm that comes back, also when the
    /// storage itself fails or holds what only a newer program can read.
    pub async fn alarm(&self, now: Timestamp, feed: &impl FeedObject) -> (Upkeep, Option<Fault>) {
        let delivered = self.deliver(now, feed).await;
        match self.sweep(now) {
            Ok(upkeep) => (upkeep, delivered.err()),
            Err(fault) => (Upkeep::Alarm(now.plus(RING_AGAIN)), Some(fault)),
        }
    }

    async fn deliver(&self, now: Timestamp, feed: &impl FeedObject) -> Result<(), Fault> {
        let mut pending = self.store().outbox()?;
        pending.truncate(MAX_BATCH);
        let entries: Vec<Entry> = pending
            .iter()
            .filter_map(|(id, _, pending)| match &pending.subject {
                Some(subject) => Some(Entry::subject(subject, pending.at)),
                None => Some(Entry::session(id.parse().ok()?, pending.at)),
            })
            .filter(|entry| now < entry.until)
            .collect();
        if !entries.is_empty() {
            match feed.add(entries).await? {
                Added::Taken => {}
                Added::Full => return Err(Fault::new(Part::RevocationFeed, "did not take a revocation")),
            }
        }
        for (id, text, _) in pending {
            self.store().remove_pending(&id, &text)?;
        }
        Ok(())
    }

    /// When the feed should be told again, if something is left to tell. What no token can have
    /// survived is not.
    pub(super) fn next_attempt(&self, now: Timestamp) -> Result<Option<Timestamp>, Fault> {
        let mut oldest: Option<Timestamp> = None;
        for (id, text, Pending { at, .. }) in self.store().outbox()? {
            if now < at.plus(OWN_HORIZON) {
                oldest = Some(oldest.map_or(at, |oldest| oldest.min(at)));
            } else {
                self.store().remove_pending(&id, &text)?;
            }
        }
        let [shortest, longest] = PAUSES;
        Ok(oldest.map(|at| now.plus(now.since(at).clamp(shortest, longest))))
    }
}
