//! What happened to an account, for its user: a bounded ring of entries beside the families.
//!
//! Each entry is written in the same block as what it tells. That comes first, and an entry
//! that could not be written undoes nothing: a session that was revoked is revoked.
//!
//! An attacker cannot flush the ring. Events that can be caused at will are counted in one entry, and
//! an entry for which there is no room replaces one of the kind, and of the address, that has the
//! most: repetitions push out only each other.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::stored::{ACTIVITY_KIND, ERASED, Store, decode, encode};
use crate::{
    ids::FamilyId,
    ports::{Fault, Records},
    refresh::{Context, RefusalCause, Revocation},
};
use postern_jose::time::Timestamp;

/// How many entries are kept: half a year of a person who signs in every other day.
const CAPACITY: usize = 100;

/// How long an entry is kept. It holds addresses, so no longer than it is of use.
pub(super) const ACTIVITY_LIFETIME: Duration = Duration::from_hours(30 * 24);

/// Within this time entries of a kind that can be caused at will are counted in one, so that
/// an attacker who guesses passwords does not push everything else out of the ring.
const COUNTED_TOGETHER: Duration = Duration::from_hours(24);

/// What happened. The names are those of the audit events, where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActivityKind {
    /// A session began.
    SignedIn,
    /// A sign-in with a wrong password.
    SignInRefused,
    /// A refresh token was presented again after the reuse interval, and served.
    Retried,
    /// A replaced refresh token was used: the session has ended.
    ReuseDetected,
    /// A refresh token that was never issued so.
    RefreshForged,
    /// The session logged itself out.
    SignedOut,
    /// All sessions ended.
    SignedOutEverywhere,
    /// A session was ended from another one, or by an operator.
    SessionRevoked,
    /// The longest idle session made room for a new one.
    FamilyDisplaced,
    /// The password was changed by its owner.
    PasswordChanged,
    /// A wrong current password where it was asked for again.
    PasswordRefused,
    /// A reset of the password was requested.
    PasswordResetRequested,
    /// The password was set anew with a one-time token.
    PasswordReset,
    /// A token to show that the address is the user's was asked for.
    EmailVerificationRequested,
    /// The address is the user's.
    EmailVerified,
    /// The user took a copy of what is stored.
    AccountExported,
    /// An operator disabled the user.
    UserDisabled,
    /// An operator enabled the user.
    UserEnabled,
    /// An operator changed scopes, roles or tenant.
    UserChanged,
}

impl ActivityKind {
    /// What the end of sessions for this reason is to their user. A password change and a
    /// disabled user are told as themselves.
    pub(super) const fn of_revocation(by: Revocation, all: bool) -> Option<Self> {
        match by {
            Revocation::PasswordChanged | Revocation::Disabled => None,
            _ if all => Some(Self::SignedOutEverywhere),
            Revocation::LogoutAll => Some(Self::SignedOutEverywhere),
            Revocation::Logout | Revocation::Client => Some(Self::SignedOut),
            Revocation::User | Revocation::Operator => Some(Self::SessionRevoked),
        }
    }

    pub(super) const fn of_refusal(cause: RefusalCause) -> Option<Self> {
        match cause {
            RefusalCause::Reuse => Some(Self::ReuseDetected),
            RefusalCause::Forged | RefusalCause::AheadOfState => Some(Self::RefreshForged),
            _ => None,
        }
    }

    const fn is_counted(self) -> bool {
        matches!(
            self,
            Self::SignInRefused
                | Self::Retried
                | Self::RefreshForged
                | Self::PasswordRefused
                | Self::PasswordResetRequested
                | Self::EmailVerificationRequested
                | Self::AccountExported
        )
    }
}

/// One entry of the ring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityEntry {
    /// When; the last time of those that are counted together.
    pub at: Timestamp,
    /// What.
    pub kind: ActivityKind,
    /// How often within a day.
    pub times: u32,
    /// The session concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<FamilyId>,
    /// Where the request came from, where it is known.
    #[serde(default)]
    pub context: Context,
}

/// Writes an entry and removes one for which there is no room any more.
pub(super) fn note(
    store: &Store<'_, impl Records>,
    kind: ActivityKind,
    session_id: Option<FamilyId>,
    context: &Context,
    now: Timestamp,
) -> Result<(), Fault> {
    if store.meta()?.is_some_and(|meta| meta.fence == ERASED) {
        return Ok(());
    }
    let entries = entries_of(store)?;
    let entry = ActivityEntry { at: now, kind, times: 1, session_id, context: context.clone() };
    if kind.is_counted()
        && let Some((number, there)) = entries.iter().rev().find(|(_, there)| there.kind == kind)
        && !now.is_due(there.at, COUNTED_TOGETHER)
    {
        let times = there.times.saturating_add(1);
        return write(store, *number, &ActivityEntry { times, ..entry });
    }
    let number = next_number(store)?;
    write(store, number, &entry)?;
    let mut entries = entries;
    entries.push((number, entry));
    while entries.len() > CAPACITY {
        let place = least_missed(&entries);
        let (number, _) = entries.remove(place);
        remove(store, number)?;
    }
    Ok(())
}

/// The entries, newest first.
pub(super) fn list(store: &Store<'_, impl Records>, now: Timestamp) -> Result<Vec<ActivityEntry>, Fault> {
    let mut entries: Vec<ActivityEntry> = Vec::new();
    for (_, entry) in entries_of(store)?.into_iter().rev() {
        if now.since(entry.at) < ACTIVITY_LIFETIME {
            // Most belong at the end; those that are counted together move up when they happen again.
            let place = entries.partition_point(|known| known.at >= entry.at);
            entries.insert(place, entry);
        }
    }
    Ok(entries)
}

/// The place of the entry that makes room: of the kind that has the most entries, and of those from
/// the address that has the most, the oldest.
fn least_missed(entries: &[(u32, ActivityEntry)]) -> usize {
    let alike = |one: &ActivityEntry, by_address: bool| {
        let same = |(_, other): &&(u32, ActivityEntry)| {
            other.kind == one.kind && (!by_address || other.context.ip == one.context.ip)
        };
        entries.iter().filter(same).count()
    };
    let mut found = (0, (0, 0));
    for (place, (_, entry)) in entries.iter().enumerate() {
        // The last one is the new one.
        let crowd = (alike(entry, false), alike(entry, true));
        if crowd > found.1 && place + 1 < entries.len() {
            found = (place, crowd);
        }
    }
    found.0
}

/// Removes what is too old; when the first of the rest will be.
pub(super) fn sweep(store: &Store<'_, impl Records>, now: Timestamp) -> Result<Option<Timestamp>, Fault> {
    let mut first = None;
    for (number, entry) in entries_of(store)? {
        let end = entry.at.plus(ACTIVITY_LIFETIME);
        if now >= end {
            remove(store, number)?;
        } else {
            first = Some(first.map_or(end, |first: Timestamp| first.min(end)));
        }
    }
    Ok(first)
}

/// The records as (number, entry), oldest first. What a newer version wrote and this one cannot
/// read is left out: it tells, and decides nothing that would have to wait for that version.
fn entries_of(store: &Store<'_, impl Records>) -> Result<Vec<(u32, ActivityEntry)>, Fault> {
    let rows = store.0.scan(ACTIVITY_KIND)?;
    Ok(rows.iter().filter_map(|(id, record)| Some((id.parse().ok()?, decode(record).ok()?))).collect())
}

/// The number of the next entry: above all that are there, readable or not.
fn next_number(store: &Store<'_, impl Records>) -> Result<u32, Fault> {
    let last = store.0.scan(ACTIVITY_KIND)?.pop().and_then(|(id, _)| id.parse::<u32>().ok());
    Ok(last.map_or(0, |number| number.saturating_add(1)))
}

fn write(store: &Store<'_, impl Records>, number: u32, entry: &ActivityEntry) -> Result<(), Fault> {
    store.0.write(ACTIVITY_KIND, &id_of(number), &encode(entry)?)
}

fn remove(store: &Store<'_, impl Records>, number: u32) -> Result<(), Fault> {
    store.0.remove(ACTIVITY_KIND, &id_of(number))
}

/// Ten digits: the order of the ids is that of the numbers.
fn id_of(number: u32) -> String {
    format!("{number:010}")
}

#[cfg(test)]
mod tests;
