//! Imports of users, in batches (`docs/reference/users.md`).

use serde_json::Value;

use crate::{
    auth::user_changes::fits_a_token,
    events::{EventContext, EventKind},
    identity::{
        IdentityStore as _, User,
        import::{ImportRow, RowError},
    },
    ids::AccountId,
    ports::Fault,
    runtime::{Runtime, events::Events, ports::Ports},
};

/// The highest number of rows in a batch. Parsing and storing them takes a few milliseconds, far below the CPU limit of
/// a request.
pub const MAX_ROWS: usize = 500;

/// The highest text size of a batch in bytes. D1 accepts 2 MB as one bound value. As JSON inside JSON, a backslash
/// takes four bytes, and hashes, ids and dates take 200 KB.
pub(crate) const MAX_WEIGHT: usize = 384 * 1024;

/// The result of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RowOutcome {
    /// The user was added.
    Created(AccountId),
    /// The same row had added the user before. Nothing changed.
    Existing(AccountId),
    /// The row was refused.
    Refused(RowError),
}

/// The text of the batch is larger than [`MAX_WEIGHT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BatchTooLarge;

/// Imports users in batches.
pub(crate) struct UserImport<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> UserImport<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Adds the users of a batch, and returns the result of each row, in their order. Existing users are never changed.
    /// The call can be repeated: users that were added by a call whose answer was lost are then
    /// [`RowOutcome::Existing`].
    pub(crate) async fn import_users(
        &self,
        rows: &[Value],
        setting: EventContext,
    ) -> Result<Result<Vec<RowOutcome>, BatchTooLarge>, Fault> {
        let (isolate, platform, now) = (&self.0.isolate, self.0.ports.platform(), self.0.now());
        let masters = &isolate.masters;
        let mut outcomes = Vec::with_capacity(rows.len());
        let (mut sound, mut users, mut weight) = (Vec::new(), Vec::new(), 0);
        for row in rows {
            let parsed = ImportRow::parse(row, platform, now);
            let made = match &parsed {
                Ok(row) => row.user(now, isolate.hash_parameters, masters, platform)?.and_then(|user| {
                    fits_a_token(&self.0.isolate.config, &user.grants)
                        .map(|()| user)
                        .map_err(|_| RowError::GrantsTooLarge)
                }),
                Err(error) => Err(error.clone()),
            };
            match (parsed, made) {
                (Ok(row), Ok(user)) => {
                    weight += row.weight();
                    sound.push(row);
                    users.push(user);
                    outcomes.push(None);
                }
                (Ok(_), Err(error)) | (Err(error), _) => outcomes.push(Some(RowOutcome::Refused(error))),
            }
        }
        if weight > MAX_WEIGHT {
            return Ok(Err(BatchTooLarge));
        }

        let store = self.0.ports.identity();
        let mut made = if users.is_empty() { Vec::new() } else { store.insert_all(&users).await? };
        // Compared by id and login: a row with another user's id did not create the user that another row of the same
        // login created. Of two equal rows, the first one created the user.
        let mut take = |user: &User| {
            let own =
                |(account, login): &(_, String)| *account == user.account && login == user.login.as_str();
            made.iter().position(own).map(|place| made.swap_remove(place)).is_some()
        };
        let stored: Vec<bool> = users.iter().map(&mut take).collect();
        let holders =
            if stored.iter().all(|made| *made) { Vec::new() } else { store.holders(&users).await? };
        let mut stored = sound.iter().zip(&users).zip(stored).map(|((row, user), made)| {
            if made {
                return RowOutcome::Created(user.account);
            }
            row.found(&holders, masters).map_or_else(RowOutcome::Refused, RowOutcome::Existing)
        });
        let outcomes: Vec<RowOutcome> =
            outcomes.into_iter().filter_map(|refused| refused.or_else(|| stored.next())).collect();
        drop(stored);
        let (created, existing, invalid) = counts(&outcomes);
        Events::of(self.0).record(now, EventKind::UsersImported { created, existing, invalid }, setting);
        Ok(Ok(outcomes))
    }
}

/// The numbers of created, existing and refused rows.
pub(crate) fn counts(outcomes: &[RowOutcome]) -> (u64, u64, u64) {
    outcomes.iter().fold((0, 0, 0), |(created, existing, refused), outcome| match outcome {
        RowOutcome::Created(_) => (created + 1, existing, refused),
        RowOutcome::Existing(_) => (created, existing + 1, refused),
        RowOutcome::Refused(_) => (created, existing, refused + 1),
    })
}
