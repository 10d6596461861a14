//! The stored clients that this isolate has read.

use core::{cell::RefCell, time::Duration};
use std::{collections::HashMap, rc::Rc};

use postern_oauth::{client::Client, no_client::NoClient};

use crate::time::Timestamp;

/// How long what was read is used. So long, an isolate may still serve a client that was disabled or changed elsewhere:
/// `docs/reference/limits.md`. A busy client costs each isolate one query in that time.
pub(crate) const CLIENT_AGE: Duration = Duration::from_secs(10);

/// The most clients that are kept: at some 2 KB each, half a megabyte.
const MOST: usize = 256;

/// What a look-up found. Ids that no client has are not kept: anyone can make up as many as they like.
#[derive(Debug, Clone)]
struct Seen {
    at: Timestamp,
    client: Result<Rc<Client>, NoClient>,
    /// Whether its next use is to be noted.
    notes_use: bool,
}

/// The stored clients that were read a moment ago.
#[derive(Debug, Default)]
pub(crate) struct ClientCache(RefCell<HashMap<String, Seen>>);

impl ClientCache {
    /// What was found at most [`CLIENT_AGE`] ago.
    pub(crate) fn get(&self, client_id: &str, now: Timestamp) -> Option<Result<Rc<Client>, NoClient>> {
        let seen = self.0.borrow();
        seen.get(client_id).filter(|seen| is_young(seen, now)).map(|seen| seen.client.clone())
    }

    /// Keeps what was found. `notes_use` says whether the next use of the client is to be noted.
    pub(crate) fn put(
        &self,
        client_id: &str,
        client: &Result<Rc<Client>, NoClient>,
        notes_use: bool,
        now: Timestamp,
    ) {
        let mut seen = self.0.borrow_mut();
        if seen.len() >= MOST {
            seen.retain(|_, seen| is_young(seen, now));
        }
        if seen.len() < MOST {
            seen.insert(client_id.to_owned(), Seen { at: now, client: client.clone(), notes_use });
        }
    }

    /// Whether a use of the client is to be noted now. Says so once for what was read.
    pub(crate) fn takes_note(&self, client_id: &str) -> bool {
        let mut seen = self.0.borrow_mut();
        seen.get_mut(client_id).is_some_and(|seen| core::mem::take(&mut seen.notes_use))
    }

    /// Forgets a client that is changed here.
    pub(crate) fn forget(&self, client_id: &str) {
        self.0.borrow_mut().remove(client_id);
    }
}

fn is_young(seen: &Seen, now: Timestamp) -> bool {
    now.since(seen.at) < CLIENT_AGE
}
