//! The erasure of an account: begun before the user's row is removed, and ended after it.

use core::time::Duration;

use super::{
    alarm::ERASED_MARK,
    answers::AccountAnswer,
    outbox,
    reply::{AccountReply, AlarmAction},
    sessions,
    stored::{ERASED, Meta, RevokedAll, Store},
};
use crate::{
    ports::{Fault, Records},
    refresh::Revocation,
};
use postern_jose::time::Timestamp;

/// An account whose erasure was begun and not ended erases itself after this: longer than any call
/// that ends it takes, tries again included.
const ERASED_ANYWAY: Duration = Duration::from_mins(15);

/// Ends all sessions, and stores that everything is to be removed: it happens even if the next call
/// never comes.
pub(super) fn begin(store: &Store<'_, impl Records>, now: Timestamp) -> Result<AccountReply, Fault> {
    store.write_leaving(now.plus(ERASED_ANYWAY))?;
    Ok(AccountReply {
        alarm: AlarmAction::Alarm(now),
        ..sessions::revoke_all(store, Revocation::Disabled, now)?
    })
}

/// Ends all sessions and removes everything. What stays for an hour is a mark without a
/// word about the subject, which refuses the sign-ins under way; what the feed is not told yet
/// stays until it is.
pub(super) fn erase(store: &Store<'_, impl Records>, now: Timestamp) -> Result<AccountReply, Fault> {
    // What cannot be read must not keep the rest from being removed.
    if let Ok(Some(meta)) = store.meta()
        && meta.fence != ERASED
    {
        outbox::tell_subject(store, &meta.subject, now)?;
    }
    let by = Revocation::Disabled;
    let answer = sessions::revoke_all(store, by, now)
        .map_or_else(|_| AccountAnswer::revoked(Vec::new()), |served| served.answer);
    store.clear()?;
    let revoked_all = Some(RevokedAll { at: now, by });
    store.write_meta(&Meta { subject: String::new(), epoch: 0, revoked_all, fence: ERASED })?;
    let told = outbox::is_empty(store).unwrap_or(false);
    Ok(AccountReply { answer, alarm: AlarmAction::Alarm(if told { now.plus(ERASED_MARK) } else { now }) })
}
