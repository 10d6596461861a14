//! The sessions of an account as a whole: open one, list, revoke some or all, sweep.

use core::time::Duration;

use super::{
    activity::{self, ActivityKind},
    messages::{AccountAnswer, Refusal, SessionView},
    object::{Account, Served, Upkeep, settle},
    one_time,
    stored::{ERASED, Meta, RevokedAll, StoredFamily},
};
use crate::{
    ids::FamilyId,
    ports::{Fault, Records},
    refresh::{Context, EndReason, Family, Opening, RefusalCause, Revocation, State},
};
use postern_jose::time::Timestamp;

/// How many ended families are kept for their evidence. More are only made by signing in and out
/// over and over; the longest ended go first, and their tokens stay refused, as unknown.
const ENDED_KEPT: usize = 200;

/// How long the mark of an erased account stays: longer than any sign-in takes.
const ERASED_MARK: Duration = Duration::from_hours(1);

/// How long the fence refuses earlier credentials after the change that raised it: longer than any
/// sign-in takes, and no longer than somebody would wait whose row of the database was restored to
/// before the change. Which password is the right one is the database's to say; this object says
/// what has ended, and what was under way.
const FENCE: Duration = Duration::from_mins(15);

/// An account whose erasure was begun and not ended erases itself after this: longer than any call
/// that ends it takes, tries again included.
const ERASED_ANYWAY: Duration = Duration::from_mins(15);

type Families = Vec<(FamilyId, StoredFamily)>;

impl<R: Records> Account<R> {
    pub(super) fn open(
        &self,
        id: FamilyId,
        opening: Opening,
        (max_families, credential_version): (u16, u64),
        now: Timestamp,
    ) -> Result<Served, Fault> {
        let refused = |cause| Ok(Served::plain(AccountAnswer::Refused(Refusal::without_family(cause))));
        let meta = self.store().meta()?;
        if meta.as_ref().is_some_and(|meta| meta.subject != opening.grant.subject) {
            return refused(RefusalCause::WrongSubject);
        }
        if meta.as_ref().is_some_and(|meta| is_stale(credential_version, meta.fence, now)) {
            return refused(RefusalCause::StaleCredentials);
        }
        let mut families = self.settled(meta.as_ref())?;
        if let Some((_, there)) = families.iter().find(|(other, _)| *other == id) {
            if !is_repeated(&there.family, &opening) {
                return refused(RefusalCause::FamilyExists);
            }
            return Ok(Served {
                answer: AccountAnswer::Opened { displaced: Vec::new() },
                upkeep: self.next_alarm(&families, now),
            });
        }

        let epoch = meta.as_ref().map_or(0, |meta| meta.epoch);
        if meta.is_none() {
            let subject = opening.grant.subject.clone();
            self.store().write_meta(&Meta { subject, epoch, revoked_all: None, fence: 0 })?;
        }
        // Whoever can sign in is there still: the erasure has failed, and is to be asked for again.
        let may_leave = |all: RevokedAll| all.by == Revocation::Disabled;
        if meta.as_ref().is_none_or(|meta| meta.revoked_all.is_some_and(may_leave)) {
            self.store().remove_leaving()?;
        }
        let context = opening.context.clone();
        let opened = StoredFamily { epoch, family: Family::open(opening, now) };
        self.store().write_family(id, &opened)?;

        // From here on the family is open whatever fails: making room is house-keeping, and the
        // next sign-in makes up for what is left undone.
        let displaced = self.displace(&mut families, usize::from(max_families.max(1)) - 1, now);
        self.forget_ended(&mut families);
        families.push((id, opened));
        for displaced in &displaced {
            let _ = self.note(ActivityKind::FamilyDisplaced, Some(*displaced), &Context::default(), now);
        }
        let _ = self.note(ActivityKind::SignedIn, Some(id), &context, now);
        Ok(Served { answer: AccountAnswer::Opened { displaced }, upkeep: self.next_alarm(&families, now) })
    }

    /// Ends the longest idle of the live families until `room` of them are left.
    fn displace(&self, families: &mut Families, room: usize, now: Timestamp) -> Vec<FamilyId> {
        let live = in_order(families, |family| family.is_alive(now).then_some(family.seen_at));
        let excess = live.len().saturating_sub(room);
        let mut displaced = Vec::new();
        for (_, _, place) in live.into_iter().take(excess) {
            let Some((id, stored)) = families.get_mut(place) else { continue };
            stored.family = stored.family.clone().ended(EndReason::Displaced, now);
            let told = self.tell_session(*id, now);
            if told.and_then(|()| self.store().write_family(*id, stored)).is_ok() {
                displaced.push(*id);
            }
        }
        displaced
    }

    /// Removes the longest ended families beyond [`ENDED_KEPT`].
    fn forget_ended(&self, families: &mut Families) {
        let ended = in_order(families, |family| Some(family.end()?.at));
        let excess = ended.len().saturating_sub(ENDED_KEPT);
        for (_, id, _) in ended.into_iter().take(excess) {
            if self.store().remove_family(id).is_ok() {
                families.retain(|(other, _)| *other != id);
            }
        }
    }

    pub(super) fn sessions(&self, now: Timestamp) -> Result<Vec<SessionView>, Fault> {
        let meta = self.store().meta()?;
        let families = self.settled(meta.as_ref())?;
        // The latest first: by the time that is left until the end of all time.
        let latest_first = in_order(&families, |family| {
            let age = u64::MAX - family.rotated_at.millis();
            family.is_alive(now).then_some(Timestamp::from_millis(age))
        });
        let view = |(_, id, place): (_, FamilyId, usize)| {
            families.get(place).map(|(_, stored)| SessionView::of(id, &stored.family))
        };
        Ok(latest_first.into_iter().filter_map(view).collect())
    }

    pub(super) fn revoke(&self, id: FamilyId, by: Revocation, now: Timestamp) -> Result<Served, Fault> {
        let mut families = self.load(id)?.map(|stored| (id, stored)).into_iter().collect();
        let ended = self.end_each(&mut families, by, now)?;
        self.note_end(&ended, ActivityKind::of_revocation(by, false), now);
        let upkeep = if ended.is_empty() { Upkeep::Unchanged } else { Upkeep::Alarm(now) };
        let answer = AccountAnswer::revoked(ended);
        Ok(Served { answer, upkeep })
    }

    /// A fault on the way leaves each family either ended or as it was; asking again ends the rest.
    pub(super) fn revoke_others(
        &self,
        keep: FamilyId,
        by: Revocation,
        now: Timestamp,
    ) -> Result<Served, Fault> {
        let mut families = self.settled(self.store().meta()?.as_ref())?;
        families.retain(|(id, _)| *id != keep);
        let ended = self.end_each(&mut families, by, now)?;
        self.note_end(&ended, ActivityKind::of_revocation(by, false), now);
        let upkeep = if ended.is_empty() { Upkeep::Unchanged } else { Upkeep::Alarm(now) };
        let answer = AccountAnswer::revoked(ended);
        Ok(Served { answer, upkeep })
    }

    pub(super) fn revoke_all(&self, by: Revocation, now: Timestamp) -> Result<Served, Fault> {
        // The mark of an erased account names no subject: what the feed is to be told of the one it
        // had would be overwritten.
        let Some(mut meta) = self.store().meta()?.filter(|meta| meta.fence != ERASED) else {
            // No family was ever opened, or all were removed after their absolute lifetime.
            let answer = AccountAnswer::revoked(Vec::new());
            return Ok(Served::plain(answer));
        };
        let mut families = self.settled(Some(&meta))?;
        self.tell_subject(&meta.subject, now)?;
        meta.epoch = meta.epoch.saturating_add(1);
        meta.revoked_all = Some(RevokedAll { at: now, by });
        self.store().write_meta(&meta)?;

        // That write has ended them all. Their own records get the reason too, so that the next
        // revocation of all does not claim them; a fault here costs only that.
        let mut ended = Vec::new();
        for (id, stored) in &mut families {
            if stored.family.is_alive(now) {
                ended.push(*id);
            }
            if stored.family.end().is_none() {
                stored.family = stored.family.clone().expire(now).revoke(by, now);
                let _ = self.store().write_family(*id, stored);
            }
        }
        if let Some(kind) = ActivityKind::of_revocation(by, true) {
            let _ = self.note(kind, None, &Context::default(), now);
        }
        let answer = AccountAnswer::revoked(ended);
        Ok(Served { answer, upkeep: Upkeep::Alarm(now) })
    }

    fn note_end(&self, ended: &[FamilyId], kind: Option<ActivityKind>, now: Timestamp) {
        let Some(kind) = kind else { return };
        for family in ended {
            let _ = self.note(kind, Some(*family), &Context::default(), now);
        }
    }

    /// Whether a live session has more than these scopes and roles, or another tenant.
    pub(super) fn is_any_beyond(
        &self,
        scopes: &[String],
        roles: &[String],
        tenant_id: Option<&str>,
        now: Timestamp,
    ) -> Result<bool, Fault> {
        let families = self.settled(self.store().meta()?.as_ref())?;
        Ok(families.iter().any(|(_, StoredFamily { family, .. })| {
            let grant = &family.grant;
            let within =
                grant.scope.split_ascii_whitespace().all(|one| scopes.iter().any(|kept| kept == one))
                    && grant.roles.iter().all(|role| roles.contains(role))
                    && grant.tenant_id.as_deref() == tenant_id;
            family.is_alive(now) && !within
        }))
    }

    /// For a while credentials of an earlier version open nothing.
    pub(super) fn raise_fence(&self, subject: &str, fence: u64) -> Result<(), Fault> {
        let meta = self.store().meta()?.unwrap_or_else(|| Meta {
            subject: subject.to_owned(),
            epoch: 0,
            revoked_all: None,
            fence: 0,
        });
        if fence > meta.fence { self.store().write_meta(&Meta { fence, ..meta }) } else { Ok(()) }
    }

    /// Ends all sessions, and keeps in mind that everything is to be removed: whatever becomes of
    /// whoever asks for that next, it is done.
    pub(super) fn begin_erase(&self, now: Timestamp) -> Result<Served, Fault> {
        self.store().write_leaving(now.plus(ERASED_ANYWAY))?;
        Ok(Served { upkeep: Upkeep::Alarm(now), ..self.revoke_all(Revocation::Disabled, now)? })
    }

    /// Ends all sessions and removes everything. What stays for an hour is a mark without a
    /// word about the subject, which refuses the sign-ins under way; what the feed is not told yet
    /// stays until it is.
    pub(super) fn erase(&self, now: Timestamp) -> Result<Served, Fault> {
        // What cannot be read must not keep the rest from being removed.
        if let Ok(Some(meta)) = self.store().meta()
            && meta.fence != ERASED
        {
            self.tell_subject(&meta.subject, now)?;
        }
        let by = Revocation::Disabled;
        let answer = self
            .revoke_all(by, now)
            .map_or_else(|_| AccountAnswer::revoked(Vec::new()), |served| served.answer);
        self.store().clear()?;
        let revoked_all = Some(RevokedAll { at: now, by });
        self.store().write_meta(&Meta { subject: String::new(), epoch: 0, revoked_all, fence: ERASED })?;
        let told = self.store().outbox().is_ok_and(|outbox| outbox.is_empty());
        Ok(Served { answer, upkeep: Upkeep::Alarm(if told { now.plus(ERASED_MARK) } else { now }) })
    }

    /// An answer after which something may be stored for which no alarm is set yet.
    pub(super) fn with_alarm(&self, answer: AccountAnswer, now: Timestamp) -> Result<Served, Fault> {
        if !self.store().outbox()?.is_empty() {
            return Ok(Served { answer, upkeep: Upkeep::Alarm(now) });
        }
        let families = self.store().families()?;
        let activity = activity::sweep(&self.store(), now)?;
        let one_time = one_time::sweep(&self.store(), now)?;
        let first = first_of([first_end(&families), activity, one_time, self.store().leaving()?]);
        Ok(Served { answer, upkeep: first.map_or(Upkeep::Unchanged, Upkeep::Alarm) })
    }

    /// Ends `families`, one write each: by revocation the live ones, which it gives back, and by
    /// expiry those that were due.
    fn end_each(
        &self,
        families: &mut Families,
        by: Revocation,
        now: Timestamp,
    ) -> Result<Vec<FamilyId>, Fault> {
        let mut ended = Vec::new();
        for (id, stored) in families {
            let live = stored.family.is_alive(now);
            if live {
                self.tell_session(*id, now)?;
            }
            if stored.family.end().is_none() {
                stored.family = stored.family.clone().expire(now).revoke(by, now);
                self.store().write_family(*id, stored)?;
            }
            if live {
                ended.push(*id);
            }
        }
        Ok(ended)
    }

    /// Removes the families whose absolute lifetime is over, activity and one-time tokens that
    /// are too old, and the account's own record with the last of them. The alarm calls it; after a fault, the alarm must be set again.
    pub fn sweep(&self, now: Timestamp) -> Result<Upkeep, Fault> {
        let leaving = self.store().leaving()?;
        if leaving.is_some_and(|at| at <= now) {
            // No sign-in can be under way any more that a mark would have to refuse.
            self.store().clear()?;
        }
        let leaving = leaving.filter(|at| now < *at);
        let mut families = self.store().families()?;
        for (id, _) in families.extract_if(.., |(_, stored)| now >= stored.family.absolute_end()) {
            self.store().remove_family(id)?;
        }
        let activity = activity::sweep(&self.store(), now)?;
        let one_time = one_time::sweep(&self.store(), now)?;
        let attempt = self.next_attempt(now)?;
        let mark = self.store().meta()?.and_then(|meta| end_of_mark(&meta)).filter(|end| now < *end);
        if let Some(first) = first_of([first_end(&families), activity, one_time, attempt, mark, leaving]) {
            return Ok(Upkeep::Alarm(first));
        }
        self.store().remove_meta()?;
        Ok(Upkeep::Empty)
    }

    /// When there is something to do next: at once if the feed is to be told something. A fault
    /// here is no cause to fail: then the alarm looks for itself.
    fn next_alarm(&self, families: &Families, now: Timestamp) -> Upkeep {
        let next = || {
            if !self.store().outbox()?.is_empty() {
                return Ok(None);
            }
            let activity = activity::sweep(&self.store(), now)?;
            let one_time = one_time::sweep(&self.store(), now)?;
            Ok::<_, Fault>(first_of([first_end(families), activity, one_time]))
        };
        Upkeep::Alarm(next().ok().flatten().unwrap_or(now))
    }

    fn settled(&self, meta: Option<&Meta>) -> Result<Families, Fault> {
        let families = self.store().families()?;
        Ok(families.into_iter().map(|(id, stored)| (id, settle(stored, meta))).collect())
    }
}

/// Whether credentials of this version were checked before the change that raised the fence. The
/// fence is the time of that change in milliseconds.
fn is_stale(credential_version: u64, fence: u64, now: Timestamp) -> bool {
    credential_version < fence && now < Timestamp::from_millis(fence).plus(FENCE)
}

/// Whether `there` is what the same `Open` made before, its answer lost.
fn is_repeated(there: &Family, opening: &Opening) -> bool {
    matches!(&there.state, State::Alive(alive) if alive.secret_hash == opening.secret_hash)
        && there.rotation_count == 0
        && there.grant == opening.grant
}

/// The families that have a date, earliest first, each with its place in the list. One type is
/// sorted for all callers, since a sort is compiled anew for each.
fn in_order(
    families: &Families,
    date: impl Fn(&Family) -> Option<Timestamp>,
) -> Vec<(Timestamp, FamilyId, usize)> {
    let dated =
        |(place, (id, stored)): (usize, &(FamilyId, StoredFamily))| Some((date(&stored.family)?, *id, place));
    let mut order: Vec<_> = families.iter().enumerate().filter_map(dated).collect();
    order.sort_unstable();
    order
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
